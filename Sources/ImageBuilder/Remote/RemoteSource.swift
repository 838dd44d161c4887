/// Sources of ADD and contexts that are not on this machine.
public enum RemoteSource {
    /// Whether a text names something of the net.
    public static func isRemote(_ text: String) -> Bool { isHTTP(text) || isGit(text) }

    static func isHTTP(_ text: String) -> Bool {
        (begins(text, "http://") || begins(text, "https://")) && !isGit(text)
    }

    /// `git://…`, `ssh://…`, `git@host:path`, `https://….git`.
    public static func isGit(_ text: String) -> Bool {
        for prefix in ["git://", "ssh://", "git@", "github.com/"] where begins(text, prefix) { return true }
        guard begins(text, "http://") || begins(text, "https://") else { return false }
        return text.utf8.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "?") }
            .suffix(4).elementsEqual(".git".utf8)
    }

    static func begins(_ text: String, _ prefix: String) -> Bool { text.utf8.starts(with: prefix.utf8) }

    /// The name that ADD gives a fetched file: the last of the address's path, as BuildKit has it.
    static func fileName(_ address: String) -> String {
        var rest = address.utf8[...]
        for _ in 0..<3 {
            // Scheme and host.
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return unnamed }
            rest = rest[rest.index(after: slash)...]
        }
        let path = rest.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "?") }
        guard let last = path.split(separator: UInt8(ascii: "/")).last else { return unnamed }
        let name = unescaped(Array(last))
        guard !name.contains(0), !name.contains(UInt8(ascii: "/")), name.count <= 255, !name.elementsEqual([46]),
            !name.elementsEqual([46, 46])
        else { return unnamed }
        return String(decoding: name, as: UTF8.self)
    }

    private static let unnamed = "__unnamed__"

    static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
        var result = [UInt8]()
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
