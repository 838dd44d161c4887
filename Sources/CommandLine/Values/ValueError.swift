/// Why a text is not a value of its kind: a clause that fits behind a colon.
public struct ValueError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The clause, without control characters from the input.
    public let description: String

    /// An error with this clause. Text of the input in it goes through ``quoted(_:)``.
    public init(_ description: String) { self.description = description }
}

/// Foreign text for a message: in quotes, control characters as escapes, and cut after 100 characters.
public func quoted(_ text: some StringProtocol, mark: Character = "\"") -> String {
    var result = String(mark)
    var count = 0
    for scalar in text.unicodeScalars {
        count += 1
        if count > 100 {
            result += "…"
            break
        }
        result += escaped(scalar, alsoEscaping: mark)
    }
    result.append(mark)
    return result
}

/// Text for a terminal: what could move the cursor, change colours or turn the writing direction becomes an escape.
public func printable(_ text: some StringProtocol) -> String {
    if text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) { return String(text) }
    return text.unicodeScalars.map { escaped($0, alsoEscaping: nil) }.joined()
}

private func escaped(_ scalar: Unicode.Scalar, alsoEscaping mark: Character?) -> String {
    switch scalar.value {
    case 0x0A: return "\\n"
    case 0x0D: return "\\r"
    case 0x09: return "\\t"
    case 0..<0x20, 0x7F: return "\\x" + hexadecimal(scalar.value, digits: 2)
    // C1 controls (8-bit escape sequences), and marks that reorder or hide text.
    case 0x80..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xFFF9...0xFFFB:
        return "\\u" + hexadecimal(scalar.value, digits: 4)
    case 0xE0000...0xE007F: return "\\U" + hexadecimal(scalar.value, digits: 8)
    default:
        if let mark, Character(scalar) == mark { return "\\" + String(mark) }
        return String(Character(scalar))
    }
}

private func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}
