/// Amounts of memory as Docker reads them: "512m", "1.5g", "10 MB", "64KiB", "1073741824". Units are powers of 1024.
public enum ByteSize {
    /// The number of bytes, at least 0.
    public static func parse(_ text: String) throws(ValueError) -> Int64 {
        let bytes = Array(text.utf8)
        guard let last = bytes.lastIndex(where: { (48...57).contains($0) || $0 == 46 || $0 == 32 }) else {
            throw ValueError("invalid size: \(quoted(text, mark: "'"))")
        }
        let number = String(decoding: bytes[..<(bytes[last] == 32 ? last : last + 1)], as: UTF8.self)
        let suffix = String(decoding: bytes[(last + 1)...], as: UTF8.self)
        guard let value = DecimalText(number) else { throw ValueError("invalid size: \(quoted(text, mark: "'"))") }
        guard let unit = unit(suffix) else { throw ValueError("invalid suffix: \(quoted(suffix, mark: "'"))") }
        guard let result = value.times(unit) else {
            throw ValueError("\(quoted(text)) is more than a machine can have")
        }
        return result
    }

    /// Like ``parse(_:)``; "-1" means unlimited.
    public static func parseOrUnlimited(_ text: String) throws(ValueError) -> Int64 {
        text == "-1" ? -1 : try parse(text)
    }

    private static func unit(_ suffix: String) -> UInt64? {
        let letters = suffix.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }
        if letters.isEmpty || letters == [98] { return 1 }
        guard letters.count == 1 || Array(letters.dropFirst()) == [98] || Array(letters.dropFirst()) == [105, 98]
        else { return nil }
        switch letters[0] {
        case 107: return 1 << 10
        case 109: return 1 << 20
        case 103: return 1 << 30
        case 116: return 1 << 40
        case 112: return 1 << 50
        default: return nil
        }
    }

    /// Bytes for people, as Docker's tables show them: powers of 1000 and three significant digits ("63.2MB").
    public static func decimalText(_ bytes: Int64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        return scaled(bytes, by: 1000, units: units, digits: 3)
    }

    /// Bytes in powers of 1024 and four significant digits ("31.25MiB"), as `stats` shows memory.
    public static func binaryText(_ bytes: Int64) -> String {
        scaled(bytes, by: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], digits: 4)
    }

    private static func scaled(_ bytes: Int64, by base: Double, units: [String], digits: Int) -> String {
        var value = Double(max(bytes, 0))
        var index = 0
        while value >= base, index < units.count - 1 {
            value /= base
            index += 1
        }
        return significant(value, digits: digits) + units[index]
    }

    /// `value` with at most `digits` significant digits and no trailing zeros (C's "%.*g" for 0 ≤ value < 10⁴).
    private static func significant(_ value: Double, digits: Int) -> String {
        var places = digits
        var bound = 1.0
        while places > 0, value >= bound {
            bound *= 10
            places -= 1
        }
        if value < 1 { places = max(0, digits - 1) }
        let factor = (0..<places).reduce(1.0) { result, _ in result * 10 }
        let scaled = UInt64((value * factor).rounded(.toNearestOrEven))
        var text = String(scaled / UInt64(factor))
        var behind = String(scaled % UInt64(factor))
        if places > 0 {
            behind = String(repeating: "0", count: places - behind.utf8.count) + behind
            while behind.last == "0" { behind.removeLast() }
            if !behind.isEmpty { text += "." + behind }
        }
        return text
    }
}

/// A number of processors, "1.5", in billionths.
public enum ProcessorCount {
    /// Billionths of a processor; more than nine digits behind the point are refused, as Docker does.
    public static func parse(_ text: String) throws(ValueError) -> Int64 {
        let unsigned = text.utf8.first == 43 ? String(text.dropFirst()) : text
        guard let value = DecimalText(unsigned) else {
            if text.utf8.first == 45 { throw ValueError("\(quoted(text)) is less than 0") }
            throw ValueError("failed to parse \(quoted(text)) as a number of processors")
        }
        guard value.fraction.count <= 9 else { throw ValueError("value is too precise") }
        guard let result = value.times(1_000_000_000) else { throw ValueError("\(quoted(text)) is out of range") }
        return result
    }
}
