import JSON

/// Values as Go's `fmt` writes them.
enum GoText {
    /// What an action prints.
    static func printed(_ value: JSONValue) -> String { value == .null ? "<no value>" : plain(value) }

    /// `%v`.
    static func plain(_ value: JSONValue) -> String {
        switch value {
        case .null: "<nil>"
        case .bool(let bool): bool ? "true" : "false"
        case .integer(let number): String(number)
        case .unsigned(let number): String(number)
        case .double(let number): Self.number(number)
        case .string(let text): safe(text)
        case .array(let elements): "[" + elements.map(plain).joined(separator: " ") + "]"
        case .object(let object):
            "map["
                + object.members.sorted { $0.key < $1.key }.map { "\(safe($0.key)):\(plain($0.value))" }
                .joined(separator: " ") + "]"
        }
    }

    /// A number as `%v` has it: the shortest form, with an exponent from 1e+21 on.
    static func number(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Inf" : "+Inf" }
        let magnitude = number.magnitude
        if magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16) {
            let text = String(number)
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
        let parts = String(number).split(separator: "e")
        let exponent = parts.count == 2 ? parts[1] : "+0"
        let mantissa = parts[0].hasSuffix(".0") ? parts[0].dropLast(2) : parts[0]
        let sign = exponent.first == "-" ? "-" : "+"
        let digits = exponent.drop { $0 == "-" || $0 == "+" }
        return "\(mantissa)e\(sign)\(digits.count < 2 ? "0" : "")\(digits)"
    }

    /// Text from outside without what would drive a terminal: line ends and tabs stay.
    static func safe(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { ($0 >= 32 && $0 < 127) || $0 == 10 || $0 == 9 }
        if isPlain { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 9, 10: result.unicodeScalars.append(scalar)
            case 0..<32, 127..<160, 0x200B...0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: max(0, 4 - hex.utf8.count)) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A value's type, as Go's messages name it.
    static func typeName(_ value: JSONValue) -> String {
        switch value {
        case .null: "nil"
        case .bool: "bool"
        case .integer, .unsigned: "int"
        case .double: "float64"
        case .string: "string"
        case .array: "[]interface {}"
        case .object: "map[string]interface {}"
        }
    }

    /// Numbers that are counts and not sizes of anybody's choice.
    static let maximumWidth = 10_000

    /// `printf`: verbs v, s, q, d, t, f, e, g, x, X, o, b, c, U and T, with flags, width and precision.
    static func formatted(_ format: String, _ arguments: [JSONValue]) throws(TemplateError) -> String {
        var result = ""
        var rest = arguments[...]
        var scalars = format.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            var verb = Verb()
            while let flag = scalars.first, "-+# 0".unicodeScalars.contains(flag) {
                verb.flags.insert(flag)
                scalars.removeFirst()
            }
            verb.width = try number(&scalars) ?? 0
            if scalars.first == "." {
                scalars.removeFirst()
                verb.precision = try number(&scalars) ?? 0
            }
            guard let letter = scalars.popFirst() else { return result + "%!(NOVERB)" }
            if letter == "%" {
                result += "%"
            } else if let value = rest.popFirst() {
                result += verb.apply(letter, value)
            } else {
                result += "%!\(letter)(MISSING)"
            }
        }
        if !rest.isEmpty {
            result += "%!(EXTRA " + rest.map { "\(typeName($0))=\(plain($0))" }.joined(separator: ", ") + ")"
        }
        return result
    }

    private static func number(_ scalars: inout Substring.UnicodeScalarView) throws(TemplateError) -> Int? {
        var value: Int?
        while let digit = scalars.first, ("0"..."9").contains(digit) {
            scalars.removeFirst()
            value = min((value ?? 0) * 10 + Int(digit.value - 48), 1 << 40)
        }
        guard value ?? 0 <= maximumWidth else { throw TemplateError("a width beyond \(maximumWidth)") }
        return value
    }
}
