import Netlink

/// Where subnets for networks without one come from: pieces of the private ranges, in an order that stays away from what
/// Docker (172.17, 172.18…), home routers (192.168.0, 192.168.1) and companies (10.0) use first.
enum SubnetPool {
    /// A range and the length of the pieces it is cut into.
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

    /// The addresses of name servers in a resolv.conf: a subnet over one would cut the host off from it.
    static func nameServers(inResolverConfiguration bytes: [UInt8]) -> [IPNetwork] {
        bytes.split(separator: 10).compactMap { line -> IPNetwork? in
            let words = line.split { $0 == 32 || $0 == 9 }.map { String(decoding: $0, as: UTF8.self) }
            guard words.count >= 2, words[0] == "nameserver", let address = IPAddress(words[1]), !address.isLoopback
            else {
                return nil
            }
            return IPNetwork(address, prefixLength: address.bitCount)
        }
    }
}
