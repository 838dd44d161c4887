import Netlink

/// Where subnets for networks without one come from: pieces of the private ranges, in an order that stays away from what
/// Docker (172.17, 172.18…), home routers (192.168.0, 192.168.1) and companies (10.0) use first.
enum SubnetPool {
    /// A range and the length of the pieces it is cut into: 3,520 networks.
    static let ranges: [(range: String, pieceLength: Int)] = [
        ("172.24.0.0/13", 20), ("172.20.0.0/14", 20), ("10.64.0.0/10", 20), ("10.128.0.0/9", 20),
        ("192.168.128.0/17", 22),
    ]

    /// The first piece that shares no address with anything taken, nil when there is none.
    ///
    /// A taken prefix shorter than 8 is a default route in pieces (a VPN's 0.0.0.0/1) and takes nothing.
    static func firstFree(taken: [IPNetwork]) -> IPNetwork? {
        let obstacles = taken.filter { $0.prefixLength >= 8 && $0.address.bitCount == 32 }
        for (text, length) in ranges {
            guard let range = IPNetwork(text) else { continue }
            // Only what touches this range is compared with each of its pieces.
            let near = obstacles.filter { $0.overlaps(range) }
            let step = 1 << (32 - length)
            var base = range.base
            for _ in 0..<(range.size / step) {
                if let piece = IPNetwork(base, prefixLength: length), !near.contains(where: { $0.overlaps(piece) }) {
                    return piece
                }
                guard let next = base.advanced(by: step) else { break }
                base = next
            }
        }
        return nil
    }

    /// A unique local subnet of 64 bits (RFC 4193: `fd`, 40 random bits, 16 for the subnet) that shares nothing with what is
    /// taken.
    ///
    /// - Parameter random: 64 bits by chance; tests give their own.
    static func uniqueLocal(taken: [IPNetwork], random: () -> UInt64 = { .random(in: .min ... .max) }) -> IPNetwork? {
        for _ in 0..<64 {
            let high = 0xFD << 56 | random() & 0x00FF_FFFF_FFFF_FFFF
            guard let subnet = IPNetwork(.v6(high: high, low: 0), prefixLength: 64) else { continue }
            if !taken.contains(where: { $0.prefixLength >= 8 && $0.overlaps(subnet) }) { return subnet }
        }
        return nil
    }

    /// The addresses of name servers in a resolv.conf: a subnet over one would cut the host off from it.
    static func nameServers(inResolverConfiguration bytes: [UInt8]) -> [IPNetwork] {
        ResolverConfiguration(bytes).servers.filter { !$0.isLoopback }.compactMap {
            IPNetwork($0, prefixLength: $0.bitCount)
        }
    }
}
