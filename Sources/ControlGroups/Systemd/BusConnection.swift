import LinuxKernel

/// A connection to systemd: directly to its private socket, or over a bus daemon (D-Bus specification,
/// "Authentication Protocol").
struct BusConnection: ~Copyable {
    private let socket: FileDescriptor
    private var serial: UInt32 = 0
    private var buffer: [UInt8] = []
    /// Signals that came while an answer was waited for.
    private var signals: [BusMessage] = []
    private let deadline: Int64

    /// How long systemd may take for everything together, in milliseconds.
    private static let patience: Int64 = 30_000

    /// Connects to a socket and says who we are.
    ///
    /// - Parameter isBus: whether a bus daemon is there, which wants to be greeted.
    static func open(path: String, isBus: Bool) throws(BusError) -> BusConnection {
        var connection = BusConnection(socket: try connect(path))
        try connection.greet(isBus: isBus)
        return connection
    }

    private init(socket: consuming FileDescriptor) {
        self.socket = socket
        deadline = MonotonicClock.milliseconds() + Self.patience
    }

    private static func connect(_ path: String) throws(BusError) -> FileDescriptor {
        do throws(Errno) { return try UnixSocket.connect(at: WorkingDirectory.rawValue, path) } catch {
            throw BusError(problem: "\(path): \(error)")
        }
    }

    private mutating func greet(isBus: Bool) throws(BusError) {
        let digits = Array("0123456789abcdef".utf8)
        // The user's number, as text, in hexadecimal.
        let identity = String(
            decoding: "\(Caller.userID)".utf8.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        try send([0] + Array("AUTH EXTERNAL \(identity)\r\n".utf8))
        let answer = try line()
        guard answer.utf8.starts(with: "OK ".utf8) else {
            throw BusError(problem: "it does not accept us (\(answer.prefix(80)))")
        }
        try send(Array("BEGIN\r\n".utf8))
        if isBus {
            _ = try call(
                path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus", member: "Hello",
                destination: "org.freedesktop.DBus", [])
        }
    }

    /// Calls a method and waits for its answer; signals that come first are kept.
    ///
    /// - Throws: ``BusError`` with the error's own sentence.
    mutating func call(
        path: String, interface: String, member: String, destination: String, _ arguments: [BusValue]
    ) throws(BusError) -> BusMessage {
        serial += 1
        let mine = serial
        try send(
            BusMessage.call(
                serial: mine, path: path, interface: interface, member: member, destination: destination, arguments))
        while true {
            let message = try next()
            if message.kind == .signal { signals.append(message) }
            guard message.replySerial == mine else { continue }
            guard message.kind == .error else { return message }
            var text = message.errorName ?? "error"
            if case .string(let sentence)? = message.arguments.first { text = sentence }
            throw BusError(problem: text)
        }
    }

    /// Waits for a signal that fits; others are dropped.
    mutating func signal(_ fits: (BusMessage) -> Bool) throws(BusError) -> BusMessage {
        if let index = signals.firstIndex(where: fits) { return signals.remove(at: index) }
        while true {
            let message = try next()
            if message.kind == .signal, fits(message) { return message }
        }
    }

    // MARK: Bytes

    private func send(_ bytes: [UInt8]) throws(BusError) {
        do throws(Errno) {
            var rest = bytes[...]
            while !rest.isEmpty {
                guard let count = try StreamSocket.send(socket.rawValue, rest, wait: true) else { continue }
                rest = rest.dropFirst(count)
            }
        } catch { throw BusError(problem: "sending to it: \(error)") }
    }

    private mutating func fill(_ count: Int) throws(BusError) {
        while buffer.count < count {
            do throws(Errno) {
                let rest = deadline - MonotonicClock.milliseconds()
                guard rest > 0, try Poll.readable(socket.rawValue, milliseconds: Int32(clamping: rest)) else {
                    throw .timedOut
                }
                let message = try socket.receiveMessage()
                guard !message.bytes.isEmpty else { throw .connectionReset }
                buffer += message.bytes
            } catch { throw BusError(problem: "waiting for its answer: \(error)") }
        }
    }

    private mutating func next() throws(BusError) -> BusMessage {
        try fill(16)
        let length = try BusMessage.length(Array(buffer[..<16]))
        try fill(length)
        let message = try BusMessage(parsing: Array(buffer[..<length]))
        buffer.removeFirst(length)
        return message
    }

    private mutating func line() throws(BusError) -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let text = String(decoding: buffer[..<end].filter { $0 != 13 }, as: UTF8.self)
                buffer.removeFirst(end + 1)
                return text
            }
            guard buffer.count < 4096 else { throw BusError(problem: "its greeting does not end") }
            try fill(buffer.count + 1)
        }
    }
}
