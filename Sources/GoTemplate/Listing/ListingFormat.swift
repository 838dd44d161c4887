import JSON

/// What `--format` of a listing command asks for: a table with chosen columns, one JSON object a line, or a template.
public struct ListingFormat: Sendable {
    private enum Kind: Sendable {
        case lines(Template)
        case table(Template)
        case json
    }
    private let kind: Kind

    /// Reads the option's value. `table` alone (or nothing) means the command's own table.
    ///
    /// - Parameters:
    ///   - text: `json`, `table TEMPLATE`, `TEMPLATE`; `\t` and `\n` in it mean tab and line end, as with Docker.
    ///   - table: the template of the command's own table: `{{.ID}}\t{{.Names}}`.
    /// - Throws: ``TemplateError`` for a template that cannot be read.
    public init(parsing text: String, table: String) throws(TemplateError) {
        let (words, wantsTable) = Self.table(in: text)
        if text == "json" {
            kind = .json
        } else if wantsTable {
            kind = .table(try Template(parsing: Self.unescaped(words.isEmpty ? table : words)))
        } else {
            kind = .lines(try Template(parsing: Self.unescaped(text)))
        }
    }

    private static func table(in text: String) -> (rest: String, isTable: Bool) {
        guard text.utf8.starts(with: "table".utf8) else { return (text, text.isEmpty) }
        let rest = text.utf8.dropFirst(5)
        guard let first = rest.first else { return ("", true) }
        // "table{{.ID}}" is one too.
        guard first == 32 || first == 9 || first == UInt8(ascii: "{") || first == UInt8(ascii: "\\") else {
            return (text, false)
        }
        return (String(decoding: rest.drop { $0 == 32 }, as: UTF8.self), true)
    }

    private static func unescaped(_ text: String) -> String {
        var result = [UInt8]()
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "\\"), let next = bytes.first,
                next == UInt8(ascii: "t") || next == UInt8(ascii: "n")
            {
                bytes.removeFirst()
                result.append(next == UInt8(ascii: "t") ? 9 : 10)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Whether the values are wanted whole (a template or JSON), not shortened for a table.
    public var isTable: Bool { if case .table = kind { true } else { false } }

    /// The listing's text, each row ended by a line end.
    ///
    /// - Parameters:
    ///   - rows: for each row its fields, all that `--format` may name.
    ///   - headings: the heading of each field.
    ///   - methods: further fields of a row, by its place.
    /// - Throws: ``TemplateError`` for a field that is not there.
    public func text(
        rows: [JSONObject], headings: [String: String],
        methods: (Int) -> [String: Template.Method] = { _ in [:] }
    ) throws(TemplateError) -> String {
        switch kind {
        case .json: return rows.map { JSONValue.object($0).text() + "\n" }.joined()
        case .lines(let template):
            var result = ""
            for (place, row) in rows.enumerated() {
                result += try template.text(for: .object(row), methods: methods(place)) + "\n"
            }
            return result
        case .table(let template):
            var lines = [String]()
            let names = methods(0).keys
            let heading: [String: Template.Method] = Dictionary(
                uniqueKeysWithValues: names.map { name in
                    // `{{.Label "com.example.some_name"}}` is headed "some name".
                    let method: Template.Method = { arguments throws(TemplateError) in
                        guard let text = arguments.first?.stringValue else { return .string(headings[name] ?? name) }
                        return .string(Self.heading(ofLabel: text))
                    }
                    return (name, method)
                })
            var fields = JSONObject(headings.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
            // A field without a heading of its own is headed by nothing but must be known.
            for key in rows.first?.keys ?? [] where fields[key] == nil { fields[key] = "" }
            lines.append(try template.text(for: .object(fields), methods: heading, usesHeadings: true))
            for (place, row) in rows.enumerated() {
                lines.append(try template.text(for: .object(row), methods: methods(place)))
            }
            return TabbedText.aligned(lines)
        }
    }

    private static func heading(ofLabel text: String) -> String {
        let last = text.split(separator: ".").last.map(String.init) ?? text
        return String(last.map { $0 == "-" || $0 == "_" ? " " : $0 })
    }
}

/// Columns out of text with tabs, as Go's `text/tabwriter` aligns them for Docker: at least ten wide, three apart.
public enum TabbedText {
    /// Lines with their cells aligned. Every cell but a line's last is as wide as the widest of its column.
    public static func aligned(_ lines: [String]) -> String {
        let rows = lines.map { line in
            line.utf8.split(separator: 9, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        }
        var widths = [Int]()
        for row in rows {
            for (column, cell) in row.dropLast().enumerated() {
                let width = max(10, Self.width(cell) + 3)
                if column < widths.count { widths[column] = max(widths[column], width) } else { widths.append(width) }
            }
        }
        var result = ""
        for row in rows {
            for (column, cell) in row.enumerated() {
                result += cell
                if column < row.count - 1 { result += String(repeating: " ", count: widths[column] - Self.width(cell)) }
            }
            result += "\n"
        }
        return result
    }

    /// Columns a text takes on a terminal: wide scripts take two, marks on a letter none.
    public static func width(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 128 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar.value {
            case 0x0300...0x036F, 0x1AB0...0x1AFF, 0x20D0...0x20FF, 0xFE00...0xFE0F: width
            case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
                0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
                width + 2
            default: width + 1
            }
        }
    }
}
