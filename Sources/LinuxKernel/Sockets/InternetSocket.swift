import CLinux
import Glibc

/// Who is at the other end: an address of 4 or 16 bytes in network order, and a port.
public struct InternetPeer: Sendable, Hashable {
    public var address: [UInt8]
    public var port: UInt16

    /// A peer.
    public init(address: [UInt8], port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// A socket of IPv4 or IPv6 that never blocks.
public struct InternetSocket: ~Copyable, Sendable {
    /// The descriptor.
    public let descriptor: FileDescriptor

    private init(_ number: Int) { descriptor = FileDescriptor(owning: Int32(number)) }

    /// The descriptor alone.
    public consuming func intoDescriptor() -> FileDescriptor { descriptor }

    private static func family(_ address: [UInt8]) throws(Errno) -> Int32 {
        switch address.count {
        case 4: AF_INET
        case 16: AF_INET6
        default: throw .invalidArgument
        }
    }

    /// A bound socket that shares its port with others that allow it (`SO_REUSEADDR`).
    public static func bound(
        _ transport: PortSocket.Transport, _ address: [UInt8], port: UInt16
    ) throws(Errno) -> InternetSocket {
        let family = try family(address)
        let socket = InternetSocket(try checked(berth_inet_socket_nonblocking(family, transport == .udp ? 0 : 1)))
        let number = socket.descriptor.rawValue
        try checked(berth_setsockopt_int(number, SOL_SOCKET, SO_REUSEADDR, 1))
        try checked(address.withUnsafeBytes { berth_inet_bind(number, family, $0.baseAddress, port) })
        return socket
    }

    /// Accepts connections from now on.
    ///
    /// - Returns: false when somebody else does at this port.
    public static func beginListening(_ number: Int32, backlog: Int32) -> Bool { berth_listen(number, backlog) == 0 }

    /// Accepts no more connections; the socket stays bound.
    public static func endListening(_ number: Int32) { _ = berth_shutdown(number) }

    /// A socket that speaks to one peer only. A stream may still be on its way: it becomes writable, then ask
    /// ``error(_:)``.
    public static func connecting(_ transport: PortSocket.Transport, to peer: InternetPeer) throws(Errno)
        -> InternetSocket
    {
        let family = try family(peer.address)
        let socket = InternetSocket(try checked(berth_inet_socket_nonblocking(family, transport == .udp ? 0 : 1)))
        let result = peer.address.withUnsafeBytes {
            berth_inet_connect(socket.descriptor.rawValue, family, $0.baseAddress, peer.port)
        }
        if result != Int64(-EINPROGRESS) { try checked(result) }
        return socket
    }

    /// What became of a connection that was being made.
    public static func error(_ number: Int32) -> Errno? {
        let result = berth_socket_error(number)
        return result == 0 ? nil : Errno(rawValue: Int32(truncatingIfNeeded: -result))
    }

    /// The next connection of a listening socket, nil when there is none.
    public static func accept(_ listener: Int32) throws(Errno) -> (socket: Int32, peer: InternetPeer)? {
        var family: Int32 = 0, port: UInt16 = 0
        var address = [UInt8](repeating: 0, count: 16)
        let result = address.withUnsafeMutableBytes { berth_inet_accept(listener, &family, $0.baseAddress, &port) }
        if result == Int64(-EAGAIN) || result == Int64(-ECONNABORTED) || result == Int64(-EINTR) { return nil }
        let number = Int32(try checked(result))
        return (number, InternetPeer(address: Array(address.prefix(family == AF_INET6 ? 16 : 4)), port: port))
    }

    /// One datagram into the buffer, nil when there is none.
    ///
    /// - Returns: its true length, which is more than the buffer holds when it was cut, and its sender.
    public static func receive(
        _ number: Int32, into buffer: inout [UInt8]
    ) throws(Errno) -> (length: Int, peer: InternetPeer)? {
        var family: Int32 = 0, port: UInt16 = 0
        var address = [UInt8](repeating: 0, count: 16)
        let result = buffer.withUnsafeMutableBytes { bytes in
            address.withUnsafeMutableBytes {
                berth_inet_receive(number, bytes.baseAddress, bytes.count, &family, $0.baseAddress, &port)
            }
        }
        if result == Int64(-EAGAIN) || result == Int64(-EINTR) { return nil }
        let length = Int(try checked(result))
        return (length, InternetPeer(address: Array(address.prefix(family == AF_INET6 ? 16 : 4)), port: port))
    }

    /// What a stream has, into the buffer; nil when there is nothing yet, 0 at the end.
    public static func read(_ number: Int32, into buffer: inout [UInt8]) throws(Errno) -> Int? {
        let result = buffer.withUnsafeMutableBytes {
            berth_result(Int64(recv(number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))))
        }
        if result == Int64(-EAGAIN) || result == Int64(-EINTR) { return nil }
        return Int(try checked(result))
    }

    /// Sends one datagram; one that the kernel has no room for is lost, as datagrams are.
    public static func send(_ number: Int32, _ bytes: ArraySlice<UInt8>, to peer: InternetPeer) {
        guard let family = try? family(peer.address) else { return }
        _ = bytes.withUnsafeBytes { data in
            peer.address.withUnsafeBytes {
                berth_inet_send(number, data.baseAddress, data.count, family, $0.baseAddress, peer.port)
            }
        }
    }

    /// Tells the peer that no more will come.
    public static func endWriting(_ number: Int32) { _ = berth_shutdown_write(number) }

    /// Moves bytes between a socket and a pipe within the kernel, not waiting.
    ///
    /// - Returns: how many, 0 at the end, nil when nothing can be moved now.
    public static func splice(from: Int32, to: Int32, limit: Int) throws(Errno) -> Int? {
        let result = berth_splice(from, to, limit)
        if result == Int64(-EAGAIN) || result == Int64(-EINTR) { return nil }
        return Int(try checked(result))
    }
}
