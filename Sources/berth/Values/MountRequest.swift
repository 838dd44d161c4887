import CommandLine

/// A bind, volume or tmpfs as it was asked for with `-v`, `--mount` or `--tmpfs`. Checked in form only: whether the
/// source is there is for the engine to find out.
struct MountRequest: Sendable, Equatable {
    enum Source: Sendable, Equatable {
        /// An absolute path on the host. `-v` makes a missing directory, `--mount` does not.
        case path(String, makesMissing: Bool)
        /// A named volume; nil is an anonymous one.
        case volume(String?)
        case tmpfs
    }

    var source: Source
    /// An absolute path in the container, not "/".
    var destination: String
    var isReadOnly = false
    /// "rprivate", "shared" …; nil is the engine's default.
    var propagation: String?
    /// Whether mounts below the source come along.
    var isRecursive = true
    /// Whether an empty volume starts with the image's content.
    var copiesContent = true
    /// For tmpfs: mount options such as "size=64m".
    var options: [String] = []
}

extension MountRequest {
    /// Reads `-v [SOURCE:]DESTINATION[:OPTION,…]`.
    ///
    /// A source that begins with "/" is a path, one that begins with "." a path from `workingDirectory`, any other the
    /// name of a volume.
    init(volume text: String, workingDirectory: String) throws(ValueError) {
        guard !text.isEmpty else { throw ValueError("invalid empty volume spec") }
        try Self.refuseControlCharacters(text)
        let parts = ByteText.fields(text, by: ":")
        guard parts.count <= 3 else { throw ValueError("invalid spec: \(text): too many colons") }
        guard !parts.contains("") else { throw ValueError("invalid spec: \(text): empty section between colons") }
        if parts.count == 1 {
            self.init(source: .volume(nil), destination: try Self.destination(parts[0]))
            return
        }
        self.init(source: try Self.source(parts[0], workingDirectory), destination: try Self.destination(parts[1]))
        if parts.count == 3 { try apply(mode: parts[2]) }
    }

    private static func source(_ text: String, _ workingDirectory: String) throws(ValueError) -> Source {
        if ByteText.begins(text, with: "/") { return .path(text, makesMissing: true) }
        if text == "." || text == ".." || ByteText.begins(text, with: "./") || ByteText.begins(text, with: "../") {
            return .path(absolute(text, from: workingDirectory), makesMissing: true)
        }
        guard ContainerNameText.isValid(text) else {
            throw ValueError(
                "\(quoted(text)) includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" "
                    + "are allowed; to bind a directory of the host, give its absolute path or begin with ./")
        }
        return .volume(text)
    }

    /// Options of one kind exclude each other, as in Docker.
    private mutating func apply(mode: String) throws(ValueError) {
        var seen: Set<String> = []
        for option in ByteText.fields(mode, by: ",") {
            let kind: String
            switch option {
            case "rw", "ro":
                kind = "access"
                isReadOnly = option == "ro"
            case "shared", "rshared", "slave", "rslave", "private", "rprivate":
                kind = "propagation"
                propagation = option
            // Labels are SELinux's, consistency is for other systems: both ask for what is the case.
            case "z", "Z": kind = "label"
            case "consistent", "cached", "delegated": kind = "consistency"
            case "nocopy":
                kind = "copy"
                copiesContent = false
            default: throw ValueError("invalid mode: \(printable(mode))")
            }
            guard seen.insert(kind).inserted else { throw ValueError("invalid mode: \(printable(mode))") }
        }
        if case .volume = source, propagation != nil {
            throw ValueError("propagation options are for paths, not volumes")
        }
        if case .path = source, !copiesContent { throw ValueError("nocopy is for volumes, not paths") }
    }

    /// Reads `--tmpfs DESTINATION[:OPTION,…]`.
    init(tmpfs text: String) throws(ValueError) {
        try Self.refuseControlCharacters(text)
        let parts = ByteText.fields(text, by: ":", limit: 2)
        self.init(source: .tmpfs, destination: try Self.destination(parts[0]))
        guard parts.count == 2, !parts[1].isEmpty else { return }
        for option in ByteText.fields(parts[1], by: ",") {
            guard TemporaryFileSystemOption.isValid(option) else {
                throw ValueError("invalid tmpfs option \(quoted(option))")
            }
            if option == "ro" || option == "rw" { isReadOnly = option == "ro" } else { options.append(option) }
        }
    }

    /// An absolute place in the container.
    static func destination(_ text: String) throws(ValueError) -> String {
        guard ByteText.begins(text, with: "/") else {
            throw ValueError("invalid mount path: \(quoted(text, mark: "'")) mount path must be absolute")
        }
        guard ByteText.fields(text, by: "/").contains(where: { $0 != "" && $0 != "." && $0 != ".." }) else {
            throw ValueError("invalid specification: destination can't be '/'")
        }
        return text
    }

    /// A relative path behind a directory; "." and ".." are taken out by name, as Docker's client does.
    static func absolute(_ path: String, from directory: String) -> String {
        var parts: [String] = []
        let whole = ByteText.begins(path, with: "/") ? path : directory + "/" + path
        for part in ByteText.fields(whole, by: "/") where part != "." && !part.isEmpty {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    static func refuseControlCharacters(_ text: String) throws(ValueError) {
        guard text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { throw ValueError("it holds a control character") }
    }
}

/// Mount options of tmpfs (tmpfs(5)) that a user may give.
enum TemporaryFileSystemOption {
    static func isValid(_ option: String) -> Bool {
        if flags.contains(option) { return true }
        let parts = ByteText.fields(option, by: "=", limit: 2)
        guard parts.count == 2 else { return false }
        let value = parts[1]
        switch parts[0] {
        case "size", "nr_blocks", "nr_inodes":
            guard let last = value.utf8.last else { return false }
            let suffixes: [UInt8] = parts[0] == "size" ? [107, 109, 103, 75, 77, 71, 37] : [107, 109, 103, 75, 77, 71]
            return NumberValue.plain(suffixes.contains(last) ? String(value.dropLast()) : value) != nil
        case "mode": return (1...5).contains(value.utf8.count) && value.utf8.allSatisfy { (48...55).contains($0) }
        case "uid", "gid": return NumberValue.plain(value, limit: 4_294_967_294) != nil
        case "huge": return ["never", "always", "within_size", "advise"].contains(value)
        default: return false
        }
    }

    private static let flags: Set<String> = [
        "ro", "rw", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "sync", "async", "dirsync", "atime", "noatime",
        "diratime", "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime",
    ]
}

/// Names of containers and volumes.
enum ContainerNameText {
    /// `[a-zA-Z0-9][a-zA-Z0-9_.-]+`, and at most 255 bytes, since it becomes a file's name.
    static func isValid(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (2...255).contains(bytes.count), isAlphanumeric(bytes[0]) else { return false }
        return bytes.dropFirst().allSatisfy { isAlphanumeric($0) || $0 == 95 || $0 == 46 || $0 == 45 }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
