/// Paths as text, cut at bytes as the kernel does. Swift's own `split` works on characters as people see them: in
/// "../\u{301}x" it finds no slash, because the accent belongs to it, and so no "..".
public enum PathText {
    /// The names between slashes, without empty ones and without `.`.
    public static func names(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }.filter { $0 != "." }
    }

    /// The names with a slash between each two: what `joined(separator:)` gives, without the library's search through all
    /// conformances of the program for its generic one.
    public static func joined(_ names: [String]) -> String {
        var path = ""
        for (index, name) in names.enumerated() {
            if index > 0 { path += "/" }
            path += name
        }
        return path
    }

    /// Whether the first byte is a slash.
    public static func isAbsolute(_ path: String) -> Bool { path.utf8.first == UInt8(ascii: "/") }

    /// Whether a text begins with these bytes.
    public static func begins(_ text: String, with prefix: String) -> Bool { text.utf8.starts(with: prefix.utf8) }
}
