import LinuxKernel

/// A container's stream of questions (RFC 7766): each message has its length before it.
struct NameStream {
    /// Streams at once; one more is closed.
    static let limit = 32
    /// Milliseconds without a question after which a stream is closed.
    static let patience: Int64 = 10_000
    /// Answers that the container has not read, in bytes, beyond which its stream is closed.
    static let backlog = 256 << 10

    let socket: SharedDescriptor
    var received: [UInt8] = []
    var toWrite: [UInt8] = []
    var deadline = MonotonicClock.milliseconds() + NameStream.patience
    /// Questions without an answer.
    var open = 0
    var hasEnded = false

    init(socket: SharedDescriptor) { self.socket = socket }
}

extension NameServer {
    /// Reads what a stream has, and writes what it is owed.
    func serveStream(_ token: UInt64) {
        guard let stream = streams[token] else { return }
        flush(token)
        var chunk = [UInt8](repeating: 0, count: 8192)
        do throws(Errno) {
            while let length = try InternetSocket.read(stream.socket.number, into: &chunk) {
                if length == 0 {
                    streams[token]?.hasEnded = true
                    break
                }
                streams[token]?.received += chunk[..<length]
                if !askAll(token) { return }
            }
        } catch { return endStream(token) }
        guard let now = streams[token], now.hasEnded else { return }
        // A hang-up that nobody reads would wake the loop for ever.
        try? poller.modify(now.socket.number, now.toWrite.isEmpty ? [] : .writable, token: token)
        if now.open == 0, now.toWrite.isEmpty { endStream(token) }
    }

    /// Asks every whole question a stream holds.
    ///
    /// - Returns: false when the stream is no more.
    private func askAll(_ token: UInt64) -> Bool {
        while let stream = streams[token], stream.received.count >= 2 {
            let length = Int(stream.received[0]) << 8 | Int(stream.received[1])
            guard length >= 12, length <= DNSQuery.limit else {
                endStream(token)
                return false
            }
            guard stream.received.count >= 2 + length else { return true }
            let message = Array(stream.received[2..<(2 + length)])
            streams[token]?.received.removeFirst(2 + length)
            streams[token]?.deadline = MonotonicClock.milliseconds() + NameStream.patience
            streams[token]?.open += 1
            ask(message, .stream(token))
        }
        return streams[token] != nil
    }

    /// Hands an answer to a stream, if it is still there.
    func write(_ answer: [UInt8], toStream token: UInt64) {
        guard streams[token] != nil else { return }
        streams[token]?.toWrite += [UInt8(answer.count >> 8), UInt8(answer.count & 255)] + answer
        streams[token]?.open -= 1
        flush(token)
    }

    private func flush(_ token: UInt64) {
        guard let stream = streams[token], !stream.toWrite.isEmpty else { return }
        var rest = stream.toWrite[...]
        while !rest.isEmpty {
            let sent: Int?
            do throws(Errno) { sent = try StreamSocket.send(stream.socket.number, rest) } catch {
                return endStream(token)
            }
            guard let sent else { break }
            rest = rest.dropFirst(sent)
        }
        if rest.count > NameStream.backlog { return endStream(token) }
        streams[token]?.toWrite = Array(rest)
        let events: PollEvents = rest.isEmpty ? .readable : [.readable, .writable]
        try? poller.modify(stream.socket.number, stream.hasEnded && rest.isEmpty ? [] : events, token: token)
    }

    /// Closes a stream.
    func endStream(_ token: UInt64) {
        guard let stream = streams.removeValue(forKey: token) else { return }
        try? poller.remove(stream.socket.number)
    }
}
