import Glibc
import LinuxKernel
import Synchronization

/// Keeps the process's nf_tables socket open between uses.
///
/// Closing one after something was deleted waits until the kernel has destroyed it, an RCU grace period of some 10 ms
/// (`nft_rcv_nl_event`, Linux 6.x): ten times the rest of a container's tear-down. The kernel closes the kept socket when the
/// process ends. A forked child does not use its parent's: answers would reach the wrong one.
public struct LastingFilterSocket: ~Copyable {
    private static let kept = Mutex<(process: Int32, number: Int32)?>(nil)

    /// The connection, for this value's lifetime.
    public var connection: FilterConnection

    /// Takes the kept socket, or opens one in the calling thread's network namespace. The process must always be in the same
    /// one here.
    public init() throws(NetlinkError) {
        let number = Self.kept.withLock { slot -> Int32? in
            let found = slot
            slot = nil
            return found.flatMap { $0.process == getpid() ? $0.number : nil }
        }
        // Numbers go on from the clock: an answer that an earlier use did not read matches nothing.
        let start = UInt32(truncatingIfNeeded: MonotonicClock.nanoseconds() >> 10)
        // Whoever closed all descriptors closed this one too, and its number may be another thing's by now.
        if let number, let socket = NetlinkSocket(adopting: number, .netfilter) {
            connection = FilterConnection(socket, firstSequence: start)
        } else {
            connection = try FilterConnection(opening: .netfilter)
        }
    }

    deinit {
        guard connection.isSound else { return }
        let number = connection.intoTransport().release()
        let extra = Self.kept.withLock { slot -> Int32? in
            let other = slot
            slot = (getpid(), number)
            return other.flatMap { $0.process == getpid() ? $0.number : nil }
        }
        if let extra { close(extra) }
    }
}
