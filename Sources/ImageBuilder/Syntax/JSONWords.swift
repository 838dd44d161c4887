import JSON

/// The JSON form of an instruction's arguments.
enum JSONWords: Equatable {
    case words([String])
    /// It is a JSON array, but not of strings alone.
    case notStrings
    /// Something else: the text is meant for a shell, or is words between blanks.
    case notJSON

    static func parse(_ text: String) -> JSONWords {
        guard text.utf8.first(where: { !ByteClass.isBlank($0) }) == UInt8(ascii: "["),
            let elements = try? JSONValue(parsing: text).arrayValue
        else { return .notJSON }
        var words = [String]()
        for element in elements {
            guard let word = element.stringValue else { return .notStrings }
            words.append(word)
        }
        return .words(words)
    }
}
