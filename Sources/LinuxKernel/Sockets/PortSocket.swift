import CLinux
import Glibc

/// A socket bound to one address and port that keeps the port from every other program. It receives nothing unless it is
/// asked to listen.
public struct PortSocket: ~Copyable, Sendable {
    /// Transport protocols a port can belong to.
    public enum Transport: Sendable { case tcp, udp, sctp }

    /// The descriptor; who holds it holds the port.
    public let descriptor: FileDescriptor
    /// The bound port, also when 0 (any free one) was asked for.
    public let port: UInt16

    /// Binds. `address` is 4 or 16 bytes in network order, `port` 0 lets the kernel choose.
    ///
    /// TCP first binds plainly. That fails also for connections in TIME_WAIT, which are no obstacle: then it binds with
    /// SO_REUSEADDR, lets `listen(2)` make the kernel look for real conflicts, and returns to the bound state.
    /// Callers serialise that second way among themselves (`retryTimeWait`), since two of them would see each other.
    ///
    /// - Parameter listens: whether connections are to be accepted (TCP).
    /// - Throws: ``Errno``; `.addressInUse` for a port that is taken, `.addressNotAvailable` for a foreign address.
    public init(
        _ transport: Transport, address: [UInt8], port: UInt16, retryTimeWait: Bool = false, listens: Bool = false
    ) throws(Errno) {
        let family = address.count == 16 ? AF_INET6 : AF_INET
        guard address.count == 4 || address.count == 16 else { throw .invalidArgument }
        let kind = transport == .udp ? IPPROTO_UDP : transport == .tcp ? IPPROTO_TCP : IPPROTO_SCTP
        let number = try checked(berth_inet_socket(family, transport == .udp ? 0 : 1, Int32(kind)))
        let socket = FileDescriptor(owning: Int32(number))
        if family == AF_INET6 {
            try checked(berth_setsockopt_int(socket.rawValue, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1))
        }
        // A bound UDP socket receives what no rule redirects: drop it instead of filling a buffer nobody reads.
        if transport == .udp { try checked(berth_drop_all_packets(socket.rawValue)) }
        let second = retryTimeWait && transport == .tcp && port != 0
        if second { try checked(berth_setsockopt_int(socket.rawValue, SOL_SOCKET, SO_REUSEADDR, 1)) }
        try checked(
            address.withUnsafeBytes { berth_inet_bind(socket.rawValue, family, $0.baseAddress, port) })
        if second {
            try checked(berth_listen(socket.rawValue, listens ? 128 : 0))
            if !listens {
                try checked(berth_setsockopt_int(socket.rawValue, SOL_SOCKET, SO_REUSEADDR, 0))
                try checked(berth_shutdown(socket.rawValue))
            }
        } else if listens {
            try checked(berth_listen(socket.rawValue, 128))
            // For the connections it accepts: their TIME_WAIT would else keep the port from the second way too. A socket that
            // listens shares its port with nobody all the same.
            try checked(berth_setsockopt_int(socket.rawValue, SOL_SOCKET, SO_REUSEADDR, 1))
        }
        self.port = UInt16(truncatingIfNeeded: try checked(berth_inet_port(socket.rawValue)))
        descriptor = socket
    }

    /// The descriptor alone.
    public consuming func intoDescriptor() -> FileDescriptor { descriptor }
}
