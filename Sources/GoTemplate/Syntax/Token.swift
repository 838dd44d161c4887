import JSON

/// A word inside `{{ }}`.
enum Token: Equatable, Sendable {
    case literal(JSONValue)
    /// `.A.B`, without the first dot; empty for the dot alone. Written without a space behind what is before it, it
    /// belongs to that.
    case fields([String], attached: Bool)
    /// `$x`, without the dollar sign.
    case variable(String)
    case word(String)
    case open, close, pipe, comma, declare, assign
}

/// Cuts the text of one action into words.
struct Scanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: ArraySlice<UInt8>) { bytes = Array(text) }

    /// All words in order.
    static func tokens(_ text: ArraySlice<UInt8>) throws(TemplateError) -> [Token] {
        var scanner = Scanner(text)
        var tokens = [Token]()
        while let token = try scanner.next() { tokens.append(token) }
        return tokens
    }

    private func error(_ cause: String) -> TemplateError {
        TemplateError(cause, at: String(decoding: bytes, as: UTF8.self))
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func next() throws(TemplateError) -> Token? {
        var spaced = position == 0
        while let byte = current, byte == 32 || byte == 9 || byte == 10 || byte == 13 {
            position += 1
            spaced = true
        }
        guard let byte = current else { return nil }
        switch byte {
        case UInt8(ascii: "("): return single(.open)
        case UInt8(ascii: ")"): return single(.close)
        case UInt8(ascii: "|"): return single(.pipe)
        case UInt8(ascii: ","): return single(.comma)
        case UInt8(ascii: "="): return single(.assign)
        case UInt8(ascii: ":"):
            guard position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "=") else {
                throw error("expected :=")
            }
            position += 2
            return .declare
        case UInt8(ascii: "\""): return .literal(.string(try quoted()))
        case UInt8(ascii: "`"): return .literal(.string(try raw()))
        case UInt8(ascii: "'"): return .literal(try character())
        case UInt8(ascii: "$"):
            position += 1
            return .variable(word())
        case UInt8(ascii: "."):
            if position + 1 < bytes.count, isDigit(bytes[position + 1]) { return .literal(try number()) }
            return .fields(try fields(), attached: !spaced)
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .literal(try number())
        default:
            let text = word()
            guard !text.isEmpty else {
                throw error("unexpected character \(String(decoding: [byte < 128 ? byte : 63], as: UTF8.self))")
            }
            switch text {
            case "true": return .literal(true)
            case "false": return .literal(false)
            case "nil": return .literal(nil)
            default: return .word(text)
            }
        }
    }

    private mutating func single(_ token: Token) -> Token {
        position += 1
        return token
    }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F || byte >= 0x80
    }

    private mutating func word() -> String {
        let start = position
        while let byte = current, isWord(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func fields() throws(TemplateError) -> [String] {
        var names = [String]()
        while current == UInt8(ascii: ".") {
            position += 1
            let name = word()
            if name.isEmpty {
                guard names.isEmpty, current != UInt8(ascii: ".") else { throw error("unexpected <.>") }
                return []
            }
            names.append(name)
        }
        return names
    }

    private mutating func number() throws(TemplateError) -> JSONValue {
        let start = position
        while let byte = current, isWord(byte) || byte == UInt8(ascii: ".") || byte == 0x2B || byte == 0x2D {
            // A sign stands in front or behind an exponent.
            if byte == 0x2B || byte == 0x2D, position > start, bytes[position - 1] | 0x20 != UInt8(ascii: "e") { break }
            position += 1
        }
        let text = String(decoding: bytes[start..<position].filter { $0 != 0x5F }, as: UTF8.self)
        if let value = Int64(text) { return .integer(value) }
        if text.utf8.starts(with: "0x".utf8), let value = Int64(text.dropFirst(2), radix: 16) { return .integer(value) }
        if text.utf8.first != UInt8(ascii: "0") || text.utf8.contains(UInt8(ascii: ".")), let value = Double(text),
            value.isFinite
        {
            return .double(value)
        }
        throw error("bad number syntax: \(text)")
    }

    private mutating func raw() throws(TemplateError) -> String {
        guard let end = bytes[(position + 1)...].firstIndex(of: UInt8(ascii: "`")) else {
            throw error("unterminated raw quoted string")
        }
        defer { position = end + 1 }
        return String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
    }

    private mutating func character() throws(TemplateError) -> JSONValue {
        let text = try quoted()
        guard text.unicodeScalars.count == 1, let scalar = text.unicodeScalars.first else {
            throw error("malformed character constant")
        }
        return .integer(Int64(scalar.value))
    }

    /// A string or character constant with Go's escapes, up to the mark it began with.
    private mutating func quoted() throws(TemplateError) -> String {
        let mark = bytes[position]
        position += 1
        var result = [UInt8]()
        while let byte = current {
            position += 1
            if byte == mark { return String(decoding: result, as: UTF8.self) }
            guard byte != 10 else { break }
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            guard let escape = current else { break }
            position += 1
            switch escape {
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "a"): result.append(7)
            case UInt8(ascii: "b"): result.append(8)
            case UInt8(ascii: "f"): result.append(12)
            case UInt8(ascii: "v"): result.append(11)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): result.append(escape)
            case UInt8(ascii: "x"): result += Array(String(try scalar(digits: 2)).utf8)
            case UInt8(ascii: "u"): result += Array(String(try scalar(digits: 4)).utf8)
            case UInt8(ascii: "U"): result += Array(String(try scalar(digits: 8)).utf8)
            default: throw error("unknown escape sequence in a string")
            }
        }
        throw error("unterminated quoted string")
    }

    private mutating func scalar(digits: Int) throws(TemplateError) -> Character {
        guard position + digits <= bytes.count,
            let code = UInt32(String(decoding: bytes[position..<(position + digits)], as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(code)
        else { throw error("invalid escape in a string") }
        position += digits
        return Character(scalar)
    }
}
