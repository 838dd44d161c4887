import Netlink

/// A socket that waits for somebody: a line of `/proc/PID/net/tcp` and its like (proc_pid_net(5)).
public struct ListeningSocket: Sendable, Equatable {
    /// "tcp" or "udp".
    public var proto: String
    /// 0.0.0.0 and :: are all addresses.
    public var address: IPAddress
    public var port: UInt16
    /// The number by which descriptors name it.
    public var inode: UInt64

    /// The sockets of one file that listen (TCP), or have a port and no partner (UDP). Lines of another form are left out.
    public static func all(parsing text: [UInt8], proto: String) -> [ListeningSocket] {
        text.split(separator: 10).compactMap { line in
            // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
            let fields = line.split(separator: 32)
            guard fields.count >= 10, fields[0].last == 58, let state = KernelText.number(fields[3], radix: 16),
                // TCP_LISTEN, and TCP_CLOSE, in which a UDP socket is that has not been connected.
                state == (proto == "tcp" ? 0x0A : 0x07),
                let (address, port) = place(fields[1]), port != 0, let inode = KernelText.number(fields[9])
            else { return nil }
            return ListeningSocket(proto: proto, address: address, port: port, inode: inode)
        }
    }

    /// "0100007F:1F90": the address in words of the machine's byte order, the port as a number.
    static func place(_ field: ArraySlice<UInt8>) -> (IPAddress, UInt16)? {
        let parts = field.split(separator: 58)
        guard parts.count == 2, parts[0].count == 8 || parts[0].count == 32, parts[1].count == 4,
            let port = KernelText.number(parts[1], radix: 16).flatMap({ UInt16(exactly: $0) })
        else { return nil }
        var bytes: [UInt8] = []
        var rest = parts[0]
        while !rest.isEmpty {
            guard let word = KernelText.number(rest.prefix(8), radix: 16).flatMap({ UInt32(exactly: $0) }) else {
                return nil
            }
            withUnsafeBytes(of: word) { bytes += $0 }
            rest = rest.dropFirst(8)
        }
        guard let address = IPAddress(bytes: bytes[...]) else { return nil }
        return (address, port)
    }

    /// Whether a packet to this address and port, of this protocol, reaches it. An IPv6 socket on all addresses usually
    /// takes IPv4 as well.
    public func takes(_ target: IPAddress, _ port: UInt16, _ proto: String) -> Bool {
        self.port == port && self.proto == proto
            && (address == target || address.isAny && (address.bitCount == target.bitCount || address.bitCount == 128))
    }
}
