/// Cutting text at ASCII characters, byte by byte.
///
/// Swift's own `split`, `hasPrefix` and `firstIndex(of:)` work on characters as people see them: in "K=\u{301}" there is no
/// "=", because the accent belongs to it, and the "/" before an accent is no separator of paths. The kernel and Docker see
/// bytes, and so must everything that checks text for them.
public enum ByteText {
    /// The parts between separators, empty ones included; at most `limit`, the last of which keeps its separators.
    public static func fields(_ text: some StringProtocol, by separator: Unicode.Scalar, limit: Int = Int.max)
        -> [String]
    {
        text.utf8.split(separator: byte(separator), maxSplits: limit - 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// What is before and behind the first separator; nil without one.
    public static func cut(_ text: some StringProtocol, at separator: Unicode.Scalar) -> (
        before: String, after: String
    )? {
        let bytes = text.utf8
        guard let place = bytes.firstIndex(of: byte(separator)) else { return nil }
        return (
            String(decoding: bytes[..<place], as: UTF8.self),
            String(decoding: bytes[bytes.index(after: place)...], as: UTF8.self)
        )
    }

    /// Whether the text's first bytes are these.
    public static func begins(_ text: some StringProtocol, with prefix: String) -> Bool {
        text.utf8.starts(with: prefix.utf8)
    }

    /// Whether the text holds this character.
    public static func holds(_ text: some StringProtocol, _ scalar: Unicode.Scalar) -> Bool {
        text.utf8.contains(byte(scalar))
    }

    /// The text without its first and last byte, if they are these.
    public static func unwrapped(_ text: String, _ first: Unicode.Scalar, _ last: Unicode.Scalar) -> String? {
        guard text.utf8.count >= 2, text.utf8.first == byte(first), text.utf8.last == byte(last) else { return nil }
        return String(decoding: text.utf8.dropFirst().dropLast(), as: UTF8.self)
    }

    private static func byte(_ scalar: Unicode.Scalar) -> UInt8 { UInt8(ascii: scalar) }
}
