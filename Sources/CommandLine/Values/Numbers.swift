/// Whole numbers and truth values as Go's flag packages read them.
public enum NumberValue {
    /// A signed number: decimal, `0x`, `0o`, `0b`, or octal with a leading zero; `_` may stand between
    /// digits (strconv.ParseInt with base 0).
    public static func integer(_ text: String) throws(ValueError) -> Int64 {
        var digits = text.utf8[...]
        var negative = false
        if let sign = digits.first, sign == 45 || sign == 43 {
            negative = sign == 45
            digits = digits.dropFirst()
        }
        let magnitude = try magnitude(digits, of: text)
        if negative {
            guard magnitude <= UInt64(Int64.max) + 1 else { throw outOfRange(text) }
            return magnitude == UInt64(Int64.max) + 1 ? Int64.min : -Int64(magnitude)
        }
        guard let value = Int64(exactly: magnitude) else { throw outOfRange(text) }
        return value
    }

    /// An unsigned number of at most `bits` bits, in the same notations.
    public static func unsigned(_ text: String, bits: Int = 64) throws(ValueError) -> UInt64 {
        let value = try magnitude(text.utf8[...], of: text)
        guard bits >= 64 || value >> UInt64(bits) == 0 else { throw outOfRange(text) }
        return value
    }

    /// A decimal number of one or more digits and nothing else, at most `limit`; nil when it is not.
    public static func plain(_ text: some StringProtocol, limit: UInt64 = UInt64.max) -> UInt64? {
        var value: UInt64 = 0
        var isEmpty = true
        for byte in text.utf8 {
            guard (48...57).contains(byte) else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(byte - 48))
            guard !tooLarge, !overflow else { return nil }
            value = sum
            isEmpty = false
        }
        return isEmpty || value > limit ? nil : value
    }

    /// 1, t, T, TRUE, true, True and their opposites (strconv.ParseBool).
    public static func boolean(_ text: String) throws(ValueError) -> Bool {
        switch text {
        case "1", "t", "T", "TRUE", "true", "True": return true
        case "0", "f", "F", "FALSE", "false", "False": return false
        default: throw ValueError("\(quoted(text)) is neither true nor false")
        }
    }

    private static func outOfRange(_ text: String) -> ValueError { ValueError("\(quoted(text)) is out of range") }

    private static func magnitude(_ text: Substring.UTF8View, of whole: String) throws(ValueError) -> UInt64 {
        let invalid = ValueError("\(quoted(whole)) is not a whole number")
        var base: UInt64 = 10
        var digits = text
        if digits.first == UInt8(ascii: "0"), digits.count > 1 {
            digits = digits.dropFirst()
            switch digits.first {
            case UInt8(ascii: "x"), UInt8(ascii: "X"): base = 16
            case UInt8(ascii: "o"), UInt8(ascii: "O"): base = 8
            case UInt8(ascii: "b"), UInt8(ascii: "B"): base = 2
            default: base = 8
            }
            if let first = digits.first, !(48...57).contains(first), first != 95 { digits = digits.dropFirst() }
        }
        guard let last = digits.last, last != 95, text.first != 95 else { throw invalid }
        var value: UInt64 = 0
        var previous: UInt8 = 0
        for byte in digits {
            defer { previous = byte }
            if byte == 95 {
                guard previous != 95 else { throw invalid }
                continue
            }
            let digit: UInt64
            switch byte {
            case 48...57: digit = UInt64(byte - 48)
            case 97...102: digit = UInt64(byte - 87)
            case 65...70: digit = UInt64(byte - 55)
            default: throw invalid
            }
            guard digit < base else { throw invalid }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: base)
            let (sum, overflow) = product.addingReportingOverflow(digit)
            guard !tooLarge, !overflow else { throw outOfRange(whole) }
            value = sum
        }
        return value
    }
}

/// A decimal fraction, exact: `whole` and the digits behind the point.
struct DecimalText {
    var whole: UInt64
    /// The digits after the point, trailing zeros removed.
    var fraction: [UInt8]

    /// Reads "1", "1.5", ".5", "1."; nil for anything else, also signs and exponents.
    init?(_ text: some StringProtocol) {
        let pair = ByteText.cut(text, at: ".")
        let before = pair?.before ?? String(text)
        let behind = Array((pair?.after ?? "").utf8)
        guard text.utf8.count <= 60, !(before.isEmpty && behind.isEmpty),
            behind.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        if before.isEmpty {
            whole = 0
        } else {
            guard let value = NumberValue.plain(before) else { return nil }
            whole = value
        }
        fraction = behind.map { $0 - 48 }
        while fraction.last == 0 { fraction.removeLast() }
    }

    /// The value times `unit`, cut to a whole number; nil when it is more than Int64 holds.
    func times(_ unit: UInt64) -> Int64? {
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        // floor(unit × fraction), digit by digit from the right: each step keeps the exact remainder below 10ⁿ.
        var part: UInt64 = 0
        if !fraction.isEmpty {
            // unit ≤ 2⁵⁰ and 12 digits would overflow 64 bits, so use the full-width product.
            let digits = fraction.prefix(18)
            let numerator = digits.reduce(0 as UInt64) { $0 * 10 + UInt64($1) }
            let denominator = digits.reduce(1 as UInt64) { value, _ in value * 10 }
            let wide = numerator.multipliedFullWidth(by: unit)
            part = denominator.dividingFullWidth(wide).quotient
        }
        let (sum, tooLarge) = product.addingReportingOverflow(part)
        return tooLarge ? nil : Int64(exactly: sum)
    }
}
