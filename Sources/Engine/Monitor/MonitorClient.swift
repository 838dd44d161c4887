import Glibc
import LinuxKernel

/// Somebody who talks with a container's monitor: whoever started it, attached to it, or asks it for something.
final class MonitorClient {
    /// What a connection is for.
    enum Role {
        /// It has not said yet.
        case unknown
        /// It gets the container's output.
        case attached
        /// It waits for the container's end.
        case waiting
        /// It waits until the container runs again.
        case restarting
    }

    /// Beyond this many bytes that a client has not read the container's output is left in the pipe.
    static let bufferLimit = 256 << 10

    let descriptor: SharedDescriptor
    let token: UInt64
    var role: Role
    /// Whether what it sends is the container's input.
    var sendsInput: Bool
    /// Whether it came by `attach`: others must not wait for it for ever.
    let isGuest: Bool
    private(set) var outgoing = [UInt8]()
    private var incoming = [UInt8]()
    /// Since when its buffer has been too full; milliseconds of the monotonic clock.
    private(set) var fullSince: Int64?

    init(_ descriptor: SharedDescriptor, token: UInt64, role: Role, sendsInput: Bool, isGuest: Bool) {
        self.descriptor = descriptor
        self.token = token
        self.role = role
        self.sendsInput = sendsInput
        self.isGuest = isGuest
    }

    var isFull: Bool { outgoing.count > Self.bufferLimit }

    /// Adds a frame to what it is to get; `flush` sends it.
    func add(_ frame: AttachFrame) { outgoing += frame.encoded }

    /// Sends what it takes.
    ///
    /// - Returns: false when it has gone.
    func flush() -> Bool {
        var done = 0
        while done < outgoing.count {
            let sent: Int?
            do throws(Errno) { sent = try StreamSocket.send(descriptor.number, outgoing[done...]) } catch {
                return false
            }
            guard let sent else { break }
            done += sent
        }
        outgoing.removeFirst(done)
        if !isFull {
            fullSince = nil
        } else if done > 0 || fullSince == nil {
            fullSince = MonotonicClock.milliseconds()
        }
        return true
    }

    /// Reads what it has sent.
    ///
    /// - Returns: whole frames; nil when it has gone or talks nonsense.
    func receive() -> [AttachFrame]? {
        var chunk = [UInt8](repeating: 0, count: 32 << 10)
        let number = descriptor.number
        let count = chunk.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
        if count < 0, errno == EAGAIN || errno == EINTR { return [] }
        guard count > 0 else { return nil }
        incoming += chunk[..<count]
        var frames = [AttachFrame]()
        do throws(EngineError) {
            while let frame = try AttachFrame.decode(&incoming) { frames.append(frame) }
        } catch { return nil }
        return frames
    }
}
