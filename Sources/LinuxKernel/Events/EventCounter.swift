import CLinux
import Glibc

/// A counter the kernel adds to and a poll loop waits for (`eventfd(2)`), non-blocking.
public struct EventCounter: ~Copyable, Sendable {
    /// Readable (`EPOLLIN`) while the counter is not zero.
    public let descriptor: FileDescriptor

    /// A counter at zero.
    public init() throws(Errno) {
        let flags = Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)
        descriptor = FileDescriptor(owning: Int32(try checked(berth_result(Int64(eventfd(0, flags))))))
    }

    /// The count since the last call; 0 when nothing happened.
    public func take() throws(Errno) -> UInt64 {
        var value: UInt64 = 0
        do throws(Errno) {
            try checkedUninterrupted { berth_result(Int64(Glibc.read(descriptor.rawValue, &value, 8))) }
        } catch {
            if error == .wouldBlock { return 0 }
            throw error
        }
        return value
    }
}
