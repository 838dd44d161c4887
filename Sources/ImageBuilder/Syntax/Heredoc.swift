/// A document within a Dockerfile: `<<NAME` and the lines up to one that is `NAME` (Dockerfile reference,
/// "Here-documents").
public struct Heredoc: Equatable, Sendable {
    /// The word that ends it; for COPY the file's name.
    public var name: String
    /// `<<-`: tabs before the lines and before the end go.
    public var chomps: Bool
    /// Variables are expanded: no part of the word is quoted.
    public var expands: Bool
    /// Its lines, each with its end.
    public var content = ""

    /// Reads the word that begins a document; nil when it is something else.
    init?(word: String) {
        let bytes = Array(word.utf8)
        var rest = bytes[...].drop(while: ByteClass.isDigit)
        guard rest.starts(with: [60, 60]) else { return nil }
        rest = rest.dropFirst(2)
        chomps = rest.first == UInt8(ascii: "-")
        if chomps { rest = rest.dropFirst() }
        guard !rest.isEmpty, !rest.contains(60) else { return nil }
        let text = String(decoding: rest, as: UTF8.self)
        var plain = ShellLexer()
        plain.keepsUnset = true
        var raw = plain
        raw.keepsQuotes = true
        raw.keepsEscapes = true
        guard let name = try? plain.expand(text, [:]), let written = try? raw.expand(text, [:]),
            name.words.count == 1, let word = name.words.first
        else { return nil }
        self.name = word
        expands = written.words == name.words
    }

    /// The documents that a line begins, in order.
    static func all(in line: String) -> [Heredoc] {
        var raw = ShellLexer()
        raw.keepsUnset = true
        raw.keepsQuotes = true
        raw.keepsEscapes = true
        guard let words = try? raw.expand(line, [:]).words else { return [] }
        return words.compactMap { Heredoc(word: $0) }
    }

    /// The content as the step sees it: for `<<-` without the tabs before each line.
    public var text: String {
        guard chomps else { return content }
        var result = [UInt8]()
        var atStart = true
        for byte in content.utf8 {
            if atStart, byte == 9 { continue }
            atStart = byte == 10
            result.append(byte)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
