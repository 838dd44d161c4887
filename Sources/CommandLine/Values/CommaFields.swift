/// One line of comma-separated values (RFC 4180), as `--mount` and similar options use it: a field may be in quotes,
/// then holds commas, and "" stands for a quote.
public enum CommaFields {
    /// The fields, in order. An empty text has none.
    public static func parse(_ text: String) throws(ValueError) -> [String] {
        if text.isEmpty { return [] }
        if text.utf8.contains(where: { $0 == 10 || $0 == 13 }) { throw ValueError("it holds more than one line") }
        var fields: [String] = []
        var field = String.UnicodeScalarView()
        var rest = Substring(text).unicodeScalars
        func finished() -> String { String(field) }
        while true {
            field.removeAll()
            if rest.first == "\"" {
                rest.removeFirst()
                var closed = false
                while let scalar = rest.popFirst() {
                    if scalar != "\"" {
                        field.append(scalar)
                    } else if rest.first == "\"" {
                        rest.removeFirst()
                        field.append("\"")
                    } else {
                        closed = true
                        break
                    }
                }
                guard closed else { throw ValueError("a quote is not closed") }
                guard rest.isEmpty || rest.first == "," else { throw ValueError("text follows a closing quote") }
            } else {
                while let scalar = rest.first, scalar != "," {
                    guard scalar != "\"" else {
                        throw ValueError("a quote stands inside a field that does not begin with one")
                    }
                    field.append(scalar)
                    rest.removeFirst()
                }
            }
            fields.append(finished())
            if rest.popFirst() == nil { return fields }
        }
    }
}
