import Glibc
import LinuxKernel

/// Stands between a running container and its client: moves bytes, writes the log, passes signals and sizes on, and
/// returns when the container has ended and everything it wrote has been read.
final class MonitorLoop {
    private enum Token {
        static let process: UInt64 = 1
        static let output: UInt64 = 2
        static let errorOutput: UInt64 = 3
        static let client: UInt64 = 4
        static let input: UInt64 = 5
        static let services: UInt64 = 6
    }

    /// Beyond this many bytes that a client has not read the container's output is left in the pipe.
    private static let clientBufferLimit = 256 << 10

    private let poller: Poller
    private let process: Int32
    private var log: LogWriter
    /// Pipe ends, or the terminal's master as both output and input.
    private var output: SharedDescriptor?
    private var errorOutput: SharedDescriptor?
    private var input: SharedDescriptor?
    private let terminal: Int32?
    private var client: SharedDescriptor?

    /// What else the monitor does beside its container, woken by a descriptor of its own.
    var services: NetworkServices? {
        didSet { if let services { try? poller.add(services.number, .readable, token: Token.services) } }
    }

    private var toClient = [UInt8]()
    private var fromClient = [UInt8]()
    private var toContainer = [UInt8]()
    private var inputEnded = false
    private var outputPaused = false

    /// - Parameters:
    ///   - process: pidfd of the container's first process, which must outlive this object.
    ///   - output: the container's output pipe, or its terminal's master.
    ///   - terminal: the master's number when there is one.
    init(
        process: Int32, output: SharedDescriptor?, errorOutput: SharedDescriptor?, input: SharedDescriptor?,
        terminal: Int32?, client: SharedDescriptor?, log: consuming LogWriter
    ) throws(Errno) {
        poller = try Poller()
        self.process = process
        self.output = output
        self.errorOutput = errorOutput
        self.input = input
        self.terminal = terminal
        self.client = client
        self.log = log
        try poller.add(process, .readable, token: Token.process)
        for (descriptor, token) in [(output, Token.output), (errorOutput, Token.errorOutput), (client, Token.client)] {
            guard let number = descriptor?.number else { continue }
            try Self.setNonBlocking(number)
            try poller.add(number, .readable, token: token)
        }
        if let number = input?.number { try Self.setNonBlocking(number) }
    }

    private static func setNonBlocking(_ number: Int32) throws(Errno) {
        let flags = fcntl(number, F_GETFL, 0)
        if fcntl(number, F_SETFL, flags | O_NONBLOCK) != 0 { throw Errno(rawValue: errno) }
    }

    /// Tells the client something at once.
    func tell(_ frame: AttachFrame) {
        guard client != nil else { return }
        toClient += frame.encoded
        flushClient()
    }

    /// Runs until the container's process has ended and its output is read to the end.
    func run() {
        var ended = false
        while !ended {
            guard let events = try? poller.wait() else { return }
            for event in events {
                switch event.token {
                case Token.process: ended = true
                case Token.output:
                    // A terminal's master is both directions.
                    if event.events.contains(.writable) { flushInput() }
                    if event.events != .writable { readOutput() }
                case Token.errorOutput: readErrorOutput()
                case Token.client: serveClient(event.events)
                case Token.input: flushInput()
                case Token.services: services?.serve()
                default: break
                }
            }
        }
        drain()
        log.finish()
    }

    /// Sends the last frame and waits, at most some seconds, until the client has everything.
    func finish(_ frame: AttachFrame) {
        guard let number = client?.number else { return }
        toClient += frame.encoded
        let deadline = MonotonicClock.milliseconds() + 10_000
        while !toClient.isEmpty, client != nil {
            flushClient()
            if toClient.isEmpty { break }
            let left = deadline - MonotonicClock.milliseconds()
            if left <= 0 { break }
            var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
            _ = poll(&entry, 1, Int32(left))
            if entry.revents & Int16(POLLERR | POLLNVAL) != 0 { break }
        }
    }

    // MARK: Output

    private func readOutput() {
        guard let number = output?.number else { return }
        switch Self.read(number) {
        case .bytes(let bytes): deliver(bytes, isError: false)
        case .nothing: break
        case .end:
            try? poller.remove(number)
            // A terminal's master stays for its input and size; a pipe is done.
            if terminal == nil { output = nil }
        }
    }

    private func readErrorOutput() {
        guard let number = errorOutput?.number else { return }
        switch Self.read(number) {
        case .bytes(let bytes): deliver(bytes, isError: true)
        case .nothing: break
        case .end:
            try? poller.remove(number)
            errorOutput = nil
        }
    }

    private enum ReadResult {
        case bytes([UInt8])
        case nothing
        case end
    }

    private static func read(_ number: Int32) -> ReadResult {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        let count = buffer.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
        if count > 0 { return .bytes(Array(buffer[..<count])) }
        if count < 0, errno == EAGAIN || errno == EINTR { return .nothing }
        return .end
    }

    private func deliver(_ bytes: [UInt8], isError: Bool) {
        log.append(bytes[...], stream: isError ? "stderr" : "stdout")
        guard client != nil else { return }
        toClient += (isError ? AttachFrame.errorOutput(bytes) : AttachFrame.output(bytes)).encoded
        flushClient()
        if toClient.count > Self.clientBufferLimit { pauseOutput(true) }
    }

    private func pauseOutput(_ pause: Bool) {
        guard pause != outputPaused else { return }
        outputPaused = pause
        let events: PollEvents = pause ? [] : .readable
        if let number = output?.number { try? poller.modify(number, events, token: Token.output) }
        if let number = errorOutput?.number { try? poller.modify(number, events, token: Token.errorOutput) }
    }

    /// Reads what the dead container left in its pipes. Somebody else may hold the other ends, so: until they are empty.
    private func drain() {
        while let number = output?.number {
            guard case .bytes(let bytes) = Self.read(number) else { break }
            log.append(bytes[...], stream: "stdout")
            if client != nil { toClient += AttachFrame.output(bytes).encoded }
        }
        while let number = errorOutput?.number {
            guard case .bytes(let bytes) = Self.read(number) else { break }
            log.append(bytes[...], stream: "stderr")
            if client != nil { toClient += AttachFrame.errorOutput(bytes).encoded }
        }
    }

    // MARK: Client

    private func serveClient(_ events: PollEvents) {
        if events.contains(.writable) { flushClient() }
        guard let number = client?.number, !events.isDisjoint(with: [.readable, .hangUp, .error]) else { return }
        switch Self.read(number) {
        case .nothing: return
        case .end: return dropClient()
        case .bytes(let bytes): fromClient += bytes
        }
        while true {
            let frame: AttachFrame?
            do throws(EngineError) { frame = try AttachFrame.decode(&fromClient) } catch { return dropClient() }
            guard let frame else { break }
            handle(frame)
        }
        updateClientInterest()
    }

    private func handle(_ frame: AttachFrame) {
        switch frame {
        case .input(let bytes):
            guard input != nil || terminal != nil else { return }
            toContainer += bytes
            flushInput()
        case .inputEnded:
            inputEnded = true
            flushInput()
        case .resize(let rows, let columns):
            if let terminal { try? Terminal.setSize(terminal, TerminalSize(rows: rows, columns: columns)) }
        case .signal(let number):
            guard (1...64).contains(number) else { return }
            try? ProcessSignal.send(pidfd: process, number)
        default: break
        }
    }

    /// The client has gone; the container goes on, with its standard input at the end.
    private func dropClient() {
        if let number = client?.number { try? poller.remove(number) }
        client = nil
        toClient = []
        pauseOutput(false)
        inputEnded = true
        flushInput()
    }

    private func flushClient() {
        guard let number = client?.number else { return }
        var done = 0
        while done < toClient.count {
            let sent: Int?
            do throws(Errno) { sent = try StreamSocket.send(number, toClient[done...]) } catch { return dropClient() }
            guard let sent else { break }
            done += sent
        }
        toClient.removeFirst(done)
        if toClient.count < Self.clientBufferLimit / 2 { pauseOutput(false) }
        updateClientInterest()
    }

    private func updateClientInterest() {
        guard let number = client?.number else { return }
        var events: PollEvents = toClient.isEmpty ? [] : .writable
        // Input that the container does not read stays with the client.
        if toContainer.count < AttachFrame.payloadLimit { events.insert(.readable) }
        try? poller.modify(number, events, token: Token.client)
    }

    // MARK: Input

    private func flushInput() {
        let number: Int32
        if let terminal {
            number = terminal
        } else if let pipe = input?.number {
            number = pipe
        } else {
            toContainer = []
            return
        }
        var done = 0
        while done < toContainer.count {
            let count = toContainer[done...].withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count > 0 { done += count; continue }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            // Nobody reads any more.
            toContainer = []
            if terminal == nil { closeInput(number) }
            return
        }
        toContainer.removeFirst(done)
        watchInput(number, wanted: !toContainer.isEmpty)
        if toContainer.isEmpty, inputEnded, terminal == nil { closeInput(number) }
        updateClientInterest()
    }

    private func closeInput(_ number: Int32) {
        try? poller.remove(number)
        input = nil
    }

    private func watchInput(_ number: Int32, wanted: Bool) {
        if terminal != nil {
            let events: PollEvents = wanted ? [.readable, .writable] : .readable
            // The master is watched as the output already.
            try? poller.modify(number, outputPaused ? [] : events, token: Token.output)
            return
        }
        if wanted {
            do throws(Errno) { try poller.add(number, .writable, token: Token.input) } catch {
                try? poller.modify(number, .writable, token: Token.input)
            }
        } else {
            try? poller.remove(number)
        }
    }
}
