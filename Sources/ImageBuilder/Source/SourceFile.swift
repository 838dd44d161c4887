/// Lines of a Dockerfile, and the words in them that a message is about.
public struct SourceRange: Hashable, Sendable {
    /// The first line, counted from 1.
    public var firstLine: Int
    /// The last line.
    public var lastLine: Int
    /// The text within those lines that carets are to stand under; empty for the first line as a whole.
    public var highlight: String

    /// Lines of a file.
    public init(firstLine: Int, lastLine: Int, highlight: String = "") {
        self.firstLine = firstLine
        self.lastLine = max(firstLine, lastLine)
        self.highlight = highlight
    }

    /// The same lines with carets under these words.
    func highlighting(_ text: String) -> SourceRange {
        SourceRange(firstLine: firstLine, lastLine: lastLine, highlight: text)
    }
}

/// A Dockerfile as text, for messages that show its lines.
public struct SourceFile: Sendable {
    /// What messages call it: `Dockerfile`.
    public let name: String
    let lines: [String]

    /// The file's text in lines.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
            .map { String(decoding: $0.last == 13 ? $0.dropLast() : $0, as: UTF8.self) }
    }

    /// The lines of a range with two around them, numbered, and carets under what it highlights.
    public func excerpt(_ range: SourceRange) -> String {
        guard range.firstLine >= 1, range.firstLine <= lines.count else { return "" }
        let last = min(range.lastLine, range.firstLine + 9, lines.count)
        let shown = max(1, range.firstLine - 2)...min(lines.count, last + 2)
        let width = String(shown.upperBound).utf8.count
        let caretLine = lineOfHighlight(range)
        var result = ["\(name):\(range.firstLine)", "--------------------"]
        for number in shown {
            let text = lines[number - 1]
            let digits = String(number)
            let padding = String(repeating: " ", count: width - digits.utf8.count)
            let mark = (range.firstLine...last).contains(number) ? ">>>" : "   "
            result.append(" \(padding)\(digits) | \(mark) \(harmless(text))")
            if number == caretLine {
                let (indent, length) = caret(text, range.highlight)
                result.append(
                    String(repeating: " ", count: width + 1) + " |     " + indent
                        + String(repeating: "^", count: max(1, length)))
            }
        }
        result.append("--------------------")
        return result.joined(separator: "\n")
    }

    private func lineOfHighlight(_ range: SourceRange) -> Int {
        guard !range.highlight.isEmpty else { return range.firstLine }
        for number in range.firstLine...min(range.lastLine, lines.count)
        where Self.find(range.highlight, in: lines[number - 1]) != nil { return number }
        return range.firstLine
    }

    /// What stands before the carets (tabs stay tabs, so that columns agree), and how many carets.
    private func caret(_ line: String, _ highlight: String) -> (String, Int) {
        let scalars = Array(line.unicodeScalars)
        let start: Int
        let length: Int
        if !highlight.isEmpty, let place = Self.find(highlight, in: line) {
            start = place
            length = highlight.unicodeScalars.count
        } else {
            start = scalars.firstIndex { $0 != " " && $0 != "\t" } ?? 0
            var end = scalars.count
            while end > start, [" ", "\t"].contains(scalars[end - 1]) { end -= 1 }
            length = end - start
        }
        let indent = scalars[..<start].map { $0 == "\t" ? "\t" : " " }.joined()
        return (indent, length)
    }

    private static func find(_ needle: String, in line: String) -> Int? {
        let wanted = Array(needle.unicodeScalars), have = Array(line.unicodeScalars)
        guard !wanted.isEmpty, have.count >= wanted.count else { return nil }
        for start in 0...(have.count - wanted.count)
        where have[start..<(start + wanted.count)].elementsEqual(wanted) { return start }
        return nil
    }
}
