import CLinux
import LinuxKernel

/// Tells when something is removed from nf_tables in the namespace it was opened in, by whomever.
public final class TableEvents: Sendable {
    private let descriptor: FileDescriptor

    /// Begins to listen (`NFNLGRP_NFTABLES`). Messages about additions never arrive: a filter on the socket drops them.
    public init() throws(Errno) {
        descriptor = FileDescriptor(owning: Int32(try checked(berth_netlink_socket(12 /* NETLINK_NETFILTER */))))
        try checked(berth_netlink_removals_only(descriptor.rawValue))
        try checked(berth_netlink_bind(descriptor.rawValue))
        // SOL_NETLINK is 270, NETLINK_ADD_MEMBERSHIP 1.
        try checked(
            berth_setsockopt_int(descriptor.rawValue, 270, 1, Int32(truncatingIfNeeded: NFNLGRP_NFTABLES.rawValue)))
    }

    /// Becomes readable when something was removed.
    public var number: Int32 { descriptor.rawValue }

    /// Reads all that is there. What it says does not matter: the rules themselves are looked at. Messages that were lost
    /// (ENOBUFS) are news as well.
    public func drain() {
        var buffer = [UInt8](repeating: 0, count: 8192)
        var sender: UInt32 = 0
        for _ in 0..<4096 {
            let length = buffer.withUnsafeMutableBytes {
                berth_netlink_receive(descriptor.rawValue, $0.baseAddress, $0.count, 0, &sender)
            }
            if length < 0, length != Int64(-ENOBUFS), length != Int64(-EINTR) { return }
        }
    }
}
