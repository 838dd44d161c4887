import LinuxKernel

/// What a connection sends its bytes through: a socket, or in unit tests a recording.
public protocol NetlinkTransport: ~Copyable {
    /// Sends one datagram to the kernel.
    borrowing func send(_ bytes: ArraySlice<UInt8>) throws(Errno)

    /// Receives one datagram. The result is its true length, which is more than `buffer` holds when it was cut.
    ///
    /// - Throws: EAGAIN when nothing is there (at once without `wait`, else after the transport's time limit).
    borrowing func receive(into buffer: inout [UInt8], wait: Bool) throws(Errno) -> Int
}

/// A transport that keeps what is sent and answers what a test prepared.
public final class RecordedTransport: NetlinkTransport {
    /// Every datagram sent, in order.
    public private(set) var sent: [[UInt8]] = []
    /// Datagrams still to be received, in order.
    public var answers: [[UInt8]]

    /// A recording that will give these answers.
    public init(answers: [[UInt8]] = []) { self.answers = answers }

    public func send(_ bytes: ArraySlice<UInt8>) throws(Errno) { sent.append(Array(bytes)) }

    public func receive(into buffer: inout [UInt8], wait: Bool) throws(Errno) -> Int {
        guard !answers.isEmpty else { throw .wouldBlock }
        let answer = answers.removeFirst()
        let kept = min(answer.count, buffer.count)
        buffer.replaceSubrange(0..<kept, with: answer[..<kept])
        return answer.count
    }
}
