/// The comments at a Dockerfile's very beginning that steer how it is read (Dockerfile reference, "Parser directives").
public struct Directives: Equatable, Sendable {
    /// What continues a line and takes away another character's meaning: a backslash or a backtick.
    public var escape: UInt8 = UInt8(ascii: "\\")
    /// The frontend that the file asks for. Berth reads the language itself; the name is kept for messages.
    public var syntax: String?
    /// Options of the build checks: `skip=…;error=true;experimental=…`.
    public var check: String?

    private var seen = Set<String>()
    private var isDone = false

    /// Nothing read yet.
    init() {}

    /// Looks at a line; the first that is no directive ends them for good.
    mutating func read(_ line: ArraySlice<UInt8>, number: Int) throws(BuildError) {
        guard !isDone else { return }
        guard let (name, value) = Self.parse(line), ["escape", "syntax", "check"].contains(name) else {
            isDone = true
            return
        }
        let place = SourceRange(firstLine: number, lastLine: number)
        guard seen.insert(name).inserted else {
            throw .syntax("only one \(name) parser directive can be used", at: place)
        }
        switch name {
        case "escape":
            guard value == "\\" || value == "`", let byte = value.utf8.first else {
                throw .syntax(
                    "invalid escape token \(quote(value))", remedy: "it is a backslash (\\) or a backtick (`)",
                    at: place)
            }
            escape = byte
        case "syntax": syntax = value
        default: check = value
        }
    }

    /// `# name = value`.
    private static func parse(_ line: ArraySlice<UInt8>) -> (String, String)? {
        var rest = line.drop(while: ByteClass.isBlank)
        guard rest.first == UInt8(ascii: "#") else { return nil }
        rest = rest.dropFirst().drop(while: ByteClass.isBlank)
        let name = rest.prefix(while: ByteClass.isAlphanumeric)
        guard let first = name.first, ByteClass.isLetter(first) else { return nil }
        rest = rest[name.endIndex...].drop(while: ByteClass.isBlank)
        guard rest.first == UInt8(ascii: "=") else { return nil }
        let value = ByteClass.trim(rest.dropFirst())
        guard !value.isEmpty else { return nil }
        return (String(decoding: name, as: UTF8.self).lowercased(), String(decoding: value, as: UTF8.self))
    }
}

/// Kinds of bytes, as the Dockerfile's grammar has them.
enum ByteClass {
    /// Space, tab and the other white space that may stand within a line.
    static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }

    static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    static func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }

    /// The bytes without white space at both ends.
    static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var result = bytes.drop(while: isBlank)
        while let last = result.last, isBlank(last) { result.removeLast() }
        return result
    }

    static func trim(_ text: some StringProtocol) -> String {
        String(decoding: trim(Array(text.utf8)[...]), as: UTF8.self)
    }
}
