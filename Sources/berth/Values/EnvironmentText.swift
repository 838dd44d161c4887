import CommandLine

/// Environment variables as asked for with `-e` and `--env-file`, and labels, which look alike.
enum EnvironmentText {
    /// Checks one `-e` value: `NAME=VALUE`, or `NAME` to take the caller's.
    static func check(_ text: String) throws(ValueError) {
        guard !text.isEmpty, text.utf8.first != 61 else {
            throw ValueError("invalid environment variable: \(printable(text))")
        }
        guard !text.utf8.contains(0) else { throw ValueError("it holds a zero byte") }
    }

    /// `NAME=VALUE` of one `-e` value; nil when the caller has no such variable, which then is not set at all.
    static func resolve(_ text: String, caller: (String) -> String?) -> String? {
        ByteText.holds(text, "=") ? text : caller(text).map { "\(text)=\($0)" }
    }

    /// Reads a file of variables: one a line, spaces before a name and lines that begin with "#" are skipped, the value is
    /// everything behind "=" as it stands (no quotes, no escapes).
    ///
    /// - Throws: ``ValueError`` naming the line.
    static func file(_ bytes: [UInt8], caller: (String) -> String?) throws(ValueError) -> [String] {
        var result: [String] = []
        for (number, line) in try lines(bytes) {
            let parts = ByteText.fields(line, by: "=", limit: 2)
            let name = parts[0]
            guard !name.isEmpty else {
                throw ValueError("no variable name on line \(number) \(quoted(line, mark: "'"))")
            }
            guard !name.unicodeScalars.contains(where: { $0.properties.isWhitespace }) else {
                throw ValueError("variable \(quoted(name, mark: "'")) on line \(number) contains whitespaces")
            }
            if parts.count == 2 {
                result.append(line)
            } else if let value = caller(name) {
                result.append("\(name)=\(value)")
            }
        }
        return result
    }

    /// Checks one `-l` value: `NAME=VALUE`, or `NAME` for an empty value.
    static func checkLabel(_ text: String) throws(ValueError) {
        let name = ByteText.fields(text, by: "=", limit: 2)[0]
        guard !name.isEmpty else { throw ValueError("invalid label \(quoted(text, mark: "'")): empty name") }
        guard !name.unicodeScalars.contains(where: { $0.properties.isWhitespace }) else {
            throw ValueError("label \(quoted(name, mark: "'")) contains whitespaces")
        }
        guard !text.utf8.contains(0) else { throw ValueError("it holds a zero byte") }
    }

    /// Reads a file of labels, one a line as with `-l`.
    static func labelFile(_ bytes: [UInt8]) throws(ValueError) -> [String] {
        var result: [String] = []
        for (number, line) in try lines(bytes) {
            do throws(ValueError) { try checkLabel(line) } catch {
                throw ValueError("line \(number): \(error.description)")
            }
            result.append(line)
        }
        return result
    }

    /// The lines that say something, with their numbers.
    private static func lines(_ bytes: [UInt8]) throws(ValueError) -> [(number: Int, text: String)] {
        var rest = bytes[...]
        // The mark some editors put first.
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        var result: [(Int, String)] = []
        for (index, raw) in rest.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            var line = raw
            if line.last == 13 { line = line.dropLast() }
            guard !line.contains(0) else { throw ValueError("line \(index + 1) holds a zero byte") }
            line = line.drop { $0 == 32 || $0 == 9 }
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            guard let text = String(validating: line, as: UTF8.self) else {
                throw ValueError("line \(index + 1) is not UTF-8")
            }
            result.append((index + 1, text))
        }
        return result
    }
}
