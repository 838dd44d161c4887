import CLinux

/// An IPv4 or IPv6 address.
public enum IPAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// 32 bits, the first octet highest.
    case v4(UInt32)
    /// 128 bits, the first group highest.
    case v6(high: UInt64, low: UInt64)

    /// The wildcard address 0.0.0.0.
    public static let anyV4 = IPAddress.v4(0)
    /// The wildcard address [::].
    public static let anyV6 = IPAddress.v6(high: 0, low: 0)

    /// From 4 or 16 bytes in network order, nil for another count.
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self = .v6(
                high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    /// From text: dotted decimal without leading zeros, or RFC 4291 groups. Nil for anything else, also for zone
    /// names, prefixes and white space.
    public init?(_ text: some StringProtocol) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let groups = IPAddress.parseGroups(String(text)) else { return nil }
            let halves = (
                groups[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) },
                groups[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
            )
            self = .v6(high: halves.0, low: halves.1)
        } else {
            guard let number = IPAddress.parseDotted(String(text)) else { return nil }
            self = .v4(number)
        }
    }

    private static func parseDotted(_ text: String) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var result: UInt32 = 0
        for part in parts {
            // A leading zero means octal to some readers and decimal to others: refused, as Go does.
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part.utf8.count == 1 || part.utf8.first != 0x30, let octet = UInt8(part)
            else { return nil }
            result = result << 8 | UInt32(octet)
        }
        return result
    }

    private static func parseGroups(_ text: String) -> [UInt16]? {
        guard text.utf8.count <= 45 else { return nil }
        func groups(_ side: Substring) -> [UInt16]? {
            if side.isEmpty { return [] }
            var result = [UInt16]()
            let parts = side.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if part.utf8.contains(UInt8(ascii: ".")) {
                    guard index == parts.count - 1, let number = parseDotted(String(part)) else { return nil }
                    result += [UInt16(number >> 16), UInt16(truncatingIfNeeded: number)]
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit),
                        let group = UInt16(part, radix: 16)
                    else { return nil }
                    result.append(group)
                }
            }
            return result
        }
        let bytes = Array(text.utf8)
        if let gap = bytes.indices.first(where: { $0 + 1 < bytes.count && bytes[$0] == 58 && bytes[$0 + 1] == 58 }) {
            let head = Substring(decoding: bytes[..<gap], as: UTF8.self)
            let tail = Substring(decoding: bytes[(gap + 2)...], as: UTF8.self)
            guard !head.contains("."), let first = groups(head), let last = groups(tail), first.count + last.count <= 7
            else { return nil }
            return first + [UInt16](repeating: 0, count: 8 - first.count - last.count) + last
        }
        guard let all = groups(text[...]), all.count == 8 else { return nil }
        return all
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    /// The bytes in network order.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let number): (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64($0))) }
                + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64($0))) }
        }
    }

    /// `AF_INET` or `AF_INET6`.
    public var family: UInt8 { if case .v4 = self { UInt8(AF_INET) } else { UInt8(AF_INET6) } }
    /// 32 or 128.
    public var bitCount: Int { if case .v4 = self { 32 } else { 128 } }
    /// Whether it is 0.0.0.0 or [::].
    public var isAny: Bool { self == .anyV4 || self == .anyV6 }
    /// Whether it is in 127.0.0.0/8 or is [::1].
    public var isLoopback: Bool {
        switch self {
        case .v4(let number): number >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// The address `count` places further, nil beyond the last.
    public func advanced(by count: Int) -> IPAddress? {
        switch self {
        case .v4(let number): return UInt32(exactly: Int(number) + count).map { .v4($0) }
        case .v6(let high, let low):
            guard count >= 0 else { return nil }
            let (sum, carry) = low.addingReportingOverflow(UInt64(count))
            if !carry { return .v6(high: high, low: sum) }
            return high == .max ? nil : .v6(high: high + 1, low: sum)
        }
    }

    /// How many places further than `base` it is; nil when it stands before it, is of the other family, or very far.
    public func distance(from base: IPAddress) -> Int? {
        switch (self, base) {
        case (.v4(let x), .v4(let y)): x >= y ? Int(x - y) : nil
        case (.v6(let h, let l), .v6(let i, let m)): h == i && l >= m ? Int(exactly: l - m) : nil
        default: nil
        }
    }

    /// Whether it is in 169.254.0.0/16 or fe80::/10.
    public var isLinkLocal: Bool {
        switch self {
        case .v4(let number): number >> 16 == 0xA9FE
        case .v6(let high, _): high >> 54 == 0x3FA
        }
    }

    public static func < (a: IPAddress, b: IPAddress) -> Bool {
        switch (a, b) {
        case (.v4(let x), .v4(let y)): x < y
        case (.v6(let h, let l), .v6(let i, let m)): (h, l) < (i, m)
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }

    /// Dotted decimal, or the canonical form of RFC 5952.
    public var description: String {
        switch self {
        case .v4: return bytes.map { String($0) }.joined(separator: ".")
        case .v6(let high, let low):
            let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> (48 - 16 * UInt64($0 % 4))) }
            var best = 0..<0
            var start = 0
            while start < 8 {
                var end = start
                while end < 8, groups[end] == 0 { end += 1 }
                if end - start > best.count, end - start > 1 { best = start..<end }
                start = max(end, start + 1)
            }
            func text(_ part: ArraySlice<UInt16>) -> String {
                part.map { String($0, radix: 16) }.joined(separator: ":")
            }
            if best.isEmpty { return text(groups[...]) }
            return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
        }
    }
}
