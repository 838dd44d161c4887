/// An address with a prefix length: a subnet (`172.24.0.0/20`), or an interface's address in one (`172.24.0.1/20`).
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The address, host bits included.
    public let address: IPAddress
    /// How many leading bits name the subnet.
    public let prefixLength: Int

    /// Nil when the prefix is longer than the address.
    public init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...address.bitCount).contains(prefixLength) else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    /// From `address/length`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(parts[0]), (1...3).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]),
            String(length) == parts[1]
        else { return nil }
        self.init(address, prefixLength: length)
    }

    /// The first address: all host bits zero.
    public var base: IPAddress {
        switch address {
        case .v4(let number): .v4(number & Self.mask32(prefixLength))
        case .v6(let high, let low):
            .v6(high: high & Self.mask64(min(64, prefixLength)), low: low & Self.mask64(max(0, prefixLength - 64)))
        }
    }

    /// The last address: all host bits one (in IPv4 the broadcast address).
    public var last: IPAddress {
        switch address {
        case .v4(let number): .v4(number | ~Self.mask32(prefixLength))
        case .v6(let high, let low):
            .v6(high: high | ~Self.mask64(min(64, prefixLength)), low: low | ~Self.mask64(max(0, prefixLength - 64)))
        }
    }

    /// The subnet without host bits.
    public var subnet: IPNetwork { IPNetwork(unchecked: base, prefixLength) }

    /// How many addresses the subnet has, at most `Int.max`.
    public var size: Int {
        let bits = address.bitCount - prefixLength
        return bits >= 62 ? Int.max : 1 << bits
    }

    /// Whether the address lies in the subnet. Never across families.
    public func contains(_ other: IPAddress) -> Bool {
        IPNetwork(other, prefixLength: min(prefixLength, other.bitCount))?.base == base
            && other.bitCount == address.bitCount
    }

    /// Whether the two subnets share an address.
    public func overlaps(_ other: IPNetwork) -> Bool {
        prefixLength <= other.prefixLength ? contains(other.address) : other.contains(address)
    }

    public var description: String { "\(address)/\(prefixLength)" }

    private init(unchecked address: IPAddress, _ prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    private static func mask32(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << (32 - UInt32(length)) }
    private static func mask64(_ length: Int) -> UInt64 { length == 0 ? 0 : ~UInt64(0) << (64 - UInt64(length)) }
}
