/// One word of EXPOSE: `80`, `8000-8010/udp`; an address and a host's port in front are read and mean nothing.
struct ExposedPorts: Equatable {
    /// `80/tcp` each.
    let all: [String]
    /// The protocol is not in lower case.
    let hasUpperCase: Bool
    /// It names an address or a port of the host.
    let namesHost: Bool

    init(_ text: String) throws(PatternError) {
        let parts = text.utf8.split(separator: 58, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        namesHost = parts.count > 1
        let last = (parts.last ?? "").utf8.split(separator: 47, maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let written = last.count > 1 ? last[1] : ""
        hasUpperCase = written != written.lowercased()
        let transport = written.isEmpty ? "tcp" : written.lowercased()
        guard ["tcp", "udp", "sctp"].contains(transport) else {
            throw PatternError("invalid protocol \(quote(written))")
        }
        guard let range = Self.range(last.first ?? "") else { throw PatternError("it holds no port from 0 to 65535") }
        if parts.count > 1, let host = parts.dropLast().last, !host.isEmpty, Self.range(host) == nil {
            throw PatternError("invalid host port \(quote(host))")
        }
        all = range.map { "\($0)/\(transport)" }
    }

    private static func range(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.utf8.split(separator: 45, omittingEmptySubsequences: false)
        let numbers = ends.compactMap { end -> UInt16? in
            guard !end.isEmpty, end.allSatisfy(ByteClass.isDigit) else { return nil }
            return UInt16(String(decoding: end, as: UTF8.self))
        }
        guard numbers.count == ends.count, (1...2).contains(numbers.count), let low = numbers.first,
            let high = numbers.last,
            low <= high
        else { return nil }
        return low...high
    }
}
