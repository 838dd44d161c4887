import CLinux
import LinuxKernel

/// A netlink socket (`netlink(7)`). It belongs to the network namespace it was opened in, wherever the process goes later.
public struct NetlinkSocket: ~Copyable, NetlinkTransport, Sendable {
    /// The kernel subsystem a socket talks to.
    public enum Family: Int32, Sendable {
        /// Links, addresses, routes, neighbours.
        case route = 0
        /// nf_tables and conntrack.
        case netfilter = 12
    }

    private let descriptor: FileDescriptor

    /// Opens a socket that asks for extended errors, short acknowledgements and strict checking of requests.
    public init(_ family: Family) throws(Errno) {
        let socket = FileDescriptor(owning: Int32(try checked(berth_netlink_socket(family.rawValue))))
        // SOL_NETLINK is 270. All three options are in every kernel Berth supports (5.15), yet none is worth a failure.
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
            _ = berth_setsockopt_int(socket.rawValue, 270, option, 1)
        }
        // The kernel answers within the send; the limit only turns a lost answer into an error instead of a hang.
        try checked(berth_set_receive_timeout(socket.rawValue, 10_000))
        descriptor = socket
    }

    /// Takes over a number that is thought to be a socket of this family; nil (and not taken over) when it is another
    /// thing by now.
    init?(adopting number: Int32, _ family: Family) {
        guard berth_getsockopt_int(number, SOL_SOCKET, SO_DOMAIN) == Int64(AF_NETLINK),
            berth_getsockopt_int(number, SOL_SOCKET, SO_PROTOCOL) == Int64(family.rawValue)
        else { return nil }
        descriptor = FileDescriptor(owning: number)
    }

    consuming func release() -> Int32 { descriptor.release() }

    public func send(_ bytes: ArraySlice<UInt8>) throws(Errno) {
        // A transaction is one datagram however long; the default send buffer holds some 200 KiB.
        if bytes.count > 64 << 10 {
            _ = berth_setsockopt_int(descriptor.rawValue, SOL_SOCKET, SO_SNDBUFFORCE, Int32(clamping: bytes.count * 2))
        }
        try checkedUninterrupted {
            bytes.withUnsafeBytes { berth_netlink_send(descriptor.rawValue, $0.baseAddress, $0.count) }
        }
    }

    public func receive(into buffer: inout [UInt8], wait: Bool) throws(Errno) -> Int {
        while true {
            var sender: UInt32 = 0
            let length = try checkedUninterrupted {
                buffer.withUnsafeMutableBytes {
                    berth_netlink_receive(descriptor.rawValue, $0.baseAddress, $0.count, wait ? 1 : 0, &sender)
                }
            }
            // Port id 0 is the kernel. Another process's datagram is not an answer.
            if sender == 0 { return length }
        }
    }
}
