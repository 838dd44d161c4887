/// A place in a Git repository: `REMOTE[#REF[:DIRECTORY]]`, or with `?ref=…&subdir=…` (Docker's "Build context", "Git
/// repositories" and "URL queries"). The parts go to `git` as arguments, so each is held to what cannot be an option.
public struct GitReference: Equatable, Sendable {
    /// What `git` fetches from.
    public var remote: String
    /// Branch, tag or commit; nil is the remote's HEAD.
    public var reference: String?
    /// Below the repository's root.
    public var directory: String?
    /// The commit that it has to be, or the beginning of its name.
    public var checksum: String?
    /// `?keep-git-dir=true`.
    public var keepsGitDirectory = false

    /// Reads a reference.
    public init(parsing text: String) throws(BuildError) {
        func refuse(_ cause: String, _ remedy: String = "") -> BuildError {
            BuildError(
                operation: "read", object: "the Git address \(quote(Self.withoutSecrets(text)))", cause: cause,
                remedy: remedy)
        }
        guard text.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else {
            throw refuse("it holds blanks or control characters")
        }
        let halves = Self.cut(text, "#")
        let parts = Self.cut(halves.0, "?")
        remote = parts.0
        if RemoteSource.begins(remote, "github.com/") { remote = "https://" + remote }
        if let fragment = halves.1 {
            let fields = Self.cut(fragment, ":")
            reference = fields.0.isEmpty ? nil : fields.0
            directory = fields.1.flatMap { $0.isEmpty ? nil : $0 }
        }
        if let query = parts.1 {
            for field in query.utf8.split(separator: UInt8(ascii: "&")) {
                let pair = Self.cut(String(decoding: field, as: UTF8.self), "=")
                let value = String(decoding: RemoteSource.unescaped(Array((pair.1 ?? "").utf8)), as: UTF8.self)
                switch pair.0 {
                case "ref", "branch", "tag":
                    guard reference == nil else { throw refuse("it names more than one ref") }
                    reference =
                        pair.0 == "branch" ? "refs/heads/\(value)" : pair.0 == "tag" ? "refs/tags/\(value)" : value
                case "subdir":
                    guard directory == nil else { throw refuse("it names more than one directory") }
                    directory = value
                case "checksum", "commit": checksum = value
                case "keep-git-dir":
                    guard ["", "0", "1", "true", "false"].contains(value) else {
                        throw refuse("keep-git-dir is true or false")
                    }
                    keepsGitDirectory = value == "" || value == "1" || value == "true"
                case "submodules":
                    guard value == "0" || value == "false" else { throw refuse("submodules are not fetched") }
                default:
                    throw refuse(
                        "unexpected query \(quote(pair.0))",
                        "ref, branch, tag, subdir, checksum and keep-git-dir are known")
                }
            }
        }
        guard remote.utf8.first != UInt8(ascii: "-"), remote.utf8.count < 4096 else { throw refuse("it is no address") }
        if RemoteSource.begins(remote, "git@") {
            guard let path = Self.cut(remote, ":").1, !path.isEmpty else { throw refuse("the form is git@HOST:PATH") }
        }
        // ssh takes a host that begins with a dash for an option (CVE-2017-1000117).
        guard let host = Self.host(remote), !host.isEmpty, host.utf8.first != UInt8(ascii: "-") else {
            throw refuse("it names no host")
        }
        if let reference {
            guard Self.isReference(reference) else { throw refuse("\(quote(reference)) is no branch, tag or commit") }
        }
        if let checksum {
            guard (7...64).contains(checksum.utf8.count), checksum.utf8.allSatisfy(Self.isHex) else {
                throw refuse("the checksum \(quote(checksum)) is no commit")
            }
        }
        if let directory {
            guard directory.utf8.count < 4096 else { throw refuse("its directory has a name that is too long") }
        }
    }

    /// For people: without a name and password.
    public var shown: String { Self.withoutSecrets(remote) }

    /// A whole commit's name.
    var isCommit: Bool {
        guard let reference else { return false }
        return (reference.utf8.count == 40 || reference.utf8.count == 64) && reference.utf8.allSatisfy(Self.isHex)
    }

    static func withoutSecrets(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard let scheme = text.firstRange(of: "://") else { return text }
        let start = text.utf8.distance(from: text.utf8.startIndex, to: scheme.upperBound)
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.count
        guard let at = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")) else { return text }
        return String(decoding: bytes[..<start] + bytes[(at + 1)...], as: UTF8.self)
    }

    private static func host(_ remote: String) -> String? {
        let clean = withoutSecrets(remote)
        if RemoteSource.begins(clean, "git@") {
            return String(decoding: clean.utf8.dropFirst(4).prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        }
        guard let scheme = clean.firstRange(of: "://") else { return nil }
        return String(
            decoding: clean[scheme.upperBound...].utf8.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self)
    }

    /// As git-check-ref-format has it, and stricter.
    private static func isReference(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "/"), bytes.count <= 255,
            text.firstRange(of: "..") == nil
        else { return false }
        return bytes.allSatisfy { byte in
            ByteClass.isDigit(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte >= 128
                || "._/@+-=,%!".utf8.contains(byte)
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool { ByteClass.isDigit(byte) || (97...102).contains(byte) }

    private static func cut(_ text: String, _ mark: Character) -> (String, String?) {
        let byte = mark.asciiValue ?? 0
        guard let place = text.utf8.firstIndex(of: byte) else { return (text, nil) }
        return (
            String(decoding: text.utf8[..<place], as: UTF8.self),
            String(decoding: text.utf8[text.utf8.index(after: place)...], as: UTF8.self)
        )
    }
}
