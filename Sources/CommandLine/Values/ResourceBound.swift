/// A per-process limit, `--ulimit nofile=1024:2048`.
public struct ResourceBound: Sendable, Hashable {
    /// The kernel's name without RLIMIT_, in small letters.
    public var name: String
    /// Below or equal to ``hard``; -1 is unlimited.
    public var soft: Int64
    public var hard: Int64

    /// The names there are (getrlimit(2)).
    public static let names: Set<String> = [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
        "rttime", "sigpending", "stack", "as",
    ]

    /// Reads "name=soft[:hard]"; one number is both.
    public init(parsing text: String) throws(ValueError) {
        let parts = ByteText.fields(text, by: "=", limit: 2)
        guard parts.count == 2 else { throw ValueError("invalid ulimit argument: \(printable(text))") }
        guard Self.names.contains(parts[0]) else { throw ValueError("invalid ulimit type: \(printable(parts[0]))") }
        let values = ByteText.fields(parts[1], by: ":")
        guard values.count <= 2 else {
            throw ValueError("too many limits in \(quoted(parts[1])): one or two, soft[:hard]")
        }
        name = parts[0]
        soft = try Self.number(values[0])
        hard = values.count == 2 ? try Self.number(values[1]) : soft
        if hard != -1, soft == -1 || soft > hard {
            let shown = soft == -1 ? "unlimited" : "\(soft)"
            throw ValueError("ulimit soft limit must be less than or equal to hard limit: \(shown) > \(hard)")
        }
    }

    private static func number(_ text: String) throws(ValueError) -> Int64 {
        if text == "unlimited" { return -1 }
        guard let value = Int64(text), value >= -1, text.utf8.first != 43 else {
            throw ValueError("\(quoted(text)) is not a limit")
        }
        return value
    }
}
