/// A link-layer address of six bytes.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// The bytes, as they go over the wire.
    public let bytes: [UInt8]

    /// Nil unless there are six bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        self.bytes = Array(bytes)
    }

    /// From six pairs of hexadecimal digits with colons or hyphens between.
    public init?(_ text: String) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        guard parts.count == 6 else { return nil }
        var bytes = [UInt8]()
        for part in parts {
            guard part.utf8.count == 2, !part.utf8.contains(where: { $0 == 0x2B || $0 == 0x2D }),
                let byte = UInt8(part, radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        self.bytes = bytes
    }

    /// The address a container gets with an IPv4 address: locally administered, `02:42` and the four octets, so that
    /// an address that changes hands keeps its neighbour entries true.
    public init(for address: IPAddress) {
        bytes = [0x02, 0x42] + address.bytes.suffix(4)
    }

    /// Whether one interface can have it: not multicast, not all zero.
    public var isUnicast: Bool { bytes[0] & 1 == 0 && bytes != [0, 0, 0, 0, 0, 0] }

    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
