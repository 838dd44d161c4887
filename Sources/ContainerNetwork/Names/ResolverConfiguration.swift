import Netlink

/// What a `resolv.conf` says (`resolv.conf(5)`).
public struct ResolverConfiguration: Sendable, Equatable {
    /// The name servers, in order, at most three as the C library reads them.
    public var servers: [IPAddress] = []
    /// The domains that short names are tried in.
    public var searchDomains: [String] = []
    /// `ndots:2` and its like.
    public var options: [String] = []

    /// An empty one.
    public init() {}

    /// Reads a file. Lines that make no sense are left out, and so are addresses with a zone, which mean nothing elsewhere.
    public init(_ bytes: [UInt8]) {
        for line in bytes.split(separator: 10) {
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }.map { String(decoding: $0, as: UTF8.self) }
            guard words.count >= 2 else { continue }
            let values = Array(words.dropFirst()).filter { Self.isPlain($0) }
            switch words[0] {
            case "nameserver": if let server = IPAddress(words[1]), servers.count < 3 { servers.append(server) }
            case "search", "domain": searchDomains = Array(values.prefix(32))
            case "options": options += values
            default: break
            }
        }
    }

    /// The file's text.
    public var text: String {
        var result = servers.map { "nameserver \($0)\n" }.joined()
        if !searchDomains.isEmpty { result += "search \(searchDomains.joined(separator: " "))\n" }
        if !options.isEmpty { result += "options \(options.joined(separator: " "))\n" }
        return result
    }

    /// Whether a word can stand in the file: visible ASCII, not too long.
    public static func isPlain(_ word: String) -> Bool {
        (1...255).contains(word.utf8.count) && word.utf8.allSatisfy { $0 > 32 && $0 < 127 }
    }
}
