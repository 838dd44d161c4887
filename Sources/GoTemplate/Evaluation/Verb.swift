import JSON

/// One verb of `printf` with what stands between the sign and the letter.
struct Verb {
    var flags = Set<Unicode.Scalar>()
    var width = 0
    var precision: Int?

    /// A value as the verb writes it; in Go's words when it cannot.
    func apply(_ letter: Unicode.Scalar, _ value: JSONValue) -> String {
        guard let text = text(letter, value) else {
            return "%!\(letter)(\(GoText.typeName(value))=\(GoText.plain(value)))"
        }
        let count = text.unicodeScalars.count
        guard count < width else { return text }
        let padding = width - count
        if flags.contains("-") { return text + String(repeating: " ", count: padding) }
        if flags.contains("0"), letter != "s", letter != "v", letter != "q" {
            let sign = text.hasPrefix("-") || text.hasPrefix("+") ? text.prefix(1) : ""
            return sign + String(repeating: "0", count: padding) + text.dropFirst(sign.count)
        }
        return String(repeating: " ", count: padding) + text
    }

    private func text(_ letter: Unicode.Scalar, _ value: JSONValue) -> String? {
        switch letter {
        case "v":
            if case .double = value, precision != nil { return real("g", value) }
            return GoText.plain(value)
        case "T": return GoText.typeName(value)
        case "t": return value.boolValue.map { $0 ? "true" : "false" }
        case "s":
            switch value {
            case .string(let text): return cut(GoText.safe(text))
            case .array, .object: return GoText.plain(value)
            default: return nil
            }
        case "q":
            if case .string(let text) = value { return JSONValue.string(cut(text)).text() }
            return nil
        case "d": return whole(value, radix: 10)
        case "o": return whole(value, radix: 8)
        case "b": return whole(value, radix: 2)
        case "x", "X":
            let text: String?
            if case .string(let string) = value {
                text = string.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            } else {
                text = whole(value, radix: 16)
            }
            return letter == "X" ? text?.uppercased() : text
        case "c":
            guard let code = value.integerValue(as: UInt32.self), let scalar = Unicode.Scalar(code) else { return nil }
            return GoText.safe(String(Character(scalar)))
        case "U":
            guard let code = value.integerValue(as: UInt32.self) else { return nil }
            let hex = String(code, radix: 16).uppercased()
            return "U+" + String(repeating: "0", count: max(0, 4 - hex.utf8.count)) + hex
        case "f", "F", "e", "g": return real(letter, value)
        default: return nil
        }
    }

    private func cut(_ text: String) -> String {
        guard let precision else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(precision)))
    }

    private func signed(_ text: String) -> String {
        if flags.contains("+"), !text.hasPrefix("-") { return "+" + text }
        return flags.contains(" ") && !text.hasPrefix("-") ? " " + text : text
    }

    private func whole(_ value: JSONValue, radix: Int) -> String? {
        switch value {
        case .integer(let number): signed(String(number, radix: radix))
        case .unsigned(let number): signed(String(number, radix: radix))
        default: nil
        }
    }

    private func real(_ letter: Unicode.Scalar, _ value: JSONValue) -> String? {
        guard case .double(let number) = value else { return nil }
        switch letter {
        case "f", "F": return signed(Self.fixed(number, precision ?? 6))
        default: return signed(GoText.number(number))
        }
    }

    /// Decimal digits with a fixed number behind the point.
    static func fixed(_ number: Double, _ precision: Int) -> String {
        guard number.isFinite else { return GoText.number(number) }
        let digits = min(precision, 15)
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (number.magnitude * scale).rounded(.toNearestOrEven)
        guard let whole = UInt64(exactly: scaled) else { return GoText.number(number) }
        let (left, right) = whole.quotientAndRemainder(dividingBy: UInt64(scale))
        let sign = number < 0 ? "-" : ""
        guard precision > 0 else { return "\(sign)\(left)" }
        let fraction = String(right)
        return "\(sign)\(left)." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
            + String(repeating: "0", count: precision - digits)
    }
}
