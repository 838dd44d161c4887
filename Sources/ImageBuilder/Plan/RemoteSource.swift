/// Sources of ADD and contexts that are not on this machine.
enum RemoteSource {
    static func isRemote(_ text: String) -> Bool { isHTTP(text) || isGit(text) }

    static func isHTTP(_ text: String) -> Bool {
        (text.utf8.starts(with: "http://".utf8) || text.utf8.starts(with: "https://".utf8)) && !isGit(text)
    }

    /// `git://…`, `ssh://…`, `git@host:path`, `https://….git`.
    static func isGit(_ text: String) -> Bool {
        for prefix in ["git://", "ssh://", "git@", "github.com/"] where text.utf8.starts(with: prefix.utf8) {
            return true
        }
        guard text.utf8.starts(with: "http://".utf8) || text.utf8.starts(with: "https://".utf8) else { return false }
        let path = text.utf8.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "?") }
        return String(decoding: path, as: UTF8.self).utf8.suffix(4).elementsEqual(".git".utf8)
    }
}
