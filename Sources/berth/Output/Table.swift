import CommandLine

/// Columns for a terminal, three spaces apart, as Docker prints its lists. Every cell is made safe to print: names and
/// labels are other people's text.
struct Table {
    private var rows: [[String]]

    /// A table with these headings; none for a table without a first line.
    init(_ headings: [String] = []) { rows = headings.isEmpty ? [] : [headings] }

    /// Adds a line.
    mutating func add(_ cells: [String]) { rows.append(cells.map { printable($0) }) }

    /// The text, each line ended by a newline. The last column is not padded.
    var text: String {
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                let width = Self.width(cell)
                if index < widths.count { widths[index] = max(widths[index], width) } else { widths.append(width) }
            }
        }
        var result = ""
        for row in rows {
            for (index, cell) in row.enumerated() {
                result += cell
                if index < row.count - 1 {
                    result += String(repeating: " ", count: widths[index] - Self.width(cell) + 3)
                }
            }
            result += "\n"
        }
        return result
    }

    /// Columns a text takes: wide scripts take two, marks on a letter none.
    static func width(_ text: String) -> Int {
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

    /// At most `count` characters, the last one "…" when something is left out.
    static func shortened(_ text: String, to count: Int) -> String {
        text.count <= count ? text : String(text.prefix(max(0, count - 1))) + "…"
    }
}
