import CommandLine

/// What `build` was asked for.
struct BuildOptions: Sendable, Equatable {
    /// A directory, or "-" for standard input.
    var context: String
    /// `-f`; nil is the context's Dockerfile, "-" standard input.
    var file: String?
    var tags: [String] = []
    var arguments: [NameValue] = []
    var contexts: [NameValue] = []
    var labels: [NameValue] = []
    var target: String?
    var platform: String?
    var secrets: [String] = []
    var sockets: [String] = []
    var network = "default"
    var extraHosts: [String] = []
    var ignoresCache = false
    /// `--pull`.
    var pulls = false
    var uncachedStages: [String] = []
    var progress = Progress.auto
    var isQuiet = false
    var checksOnly = false
    var isReproducible = false
    var idFile: String?
    var metadataFile: String?
    var output: Output = .image
    var bounds: [ResourceBound] = []
    var sharedMemory: Int64?

    /// `NAME=VALUE`.
    struct NameValue: Sendable, Equatable {
        var name: String
        var value: String
    }

    enum Progress: String, Sendable {
        case auto, plain, tty, rawjson, quiet
    }

    /// What becomes of the result.
    enum Output: Sendable, Equatable {
        case image
        /// Nothing: only the cache is filled.
        case none
        /// The files, in a directory.
        case directory(String)
        /// The files as a tar; nil is standard output.
        case tar(String?)
        /// The image as an archive that `load` takes; nil is standard output.
        case archive(String?)
    }
}

/// Reads the values of flags of `build`.
enum BuildValues {
    /// `NAME=VALUE`; without a value it is the caller's, and nothing when the caller has none.
    static func arguments(_ list: [String], _ caller: CallerView) -> [BuildOptions.NameValue] {
        list.compactMap { text in
            if let (name, value) = ByteText.cut(text, at: "=") { return .init(name: name, value: value) }
            return caller.variable(text).map { .init(name: text, value: $0) }
        }
    }

    /// `--label NAME[=VALUE]`.
    static func labels(_ list: [String]) -> [BuildOptions.NameValue] {
        list.map { text in
            ByteText.cut(text, at: "=").map { .init(name: $0.before, value: $0.after) } ?? .init(name: text, value: "")
        }
    }

    /// `--output type=local,dest=DIR` or a directory, or `-` for a tar.
    static func output(_ text: String) throws(ValueError) -> BuildOptions.Output {
        if text == "-" { return .tar(nil) }
        if !ByteText.holds(text, "=") { return .directory(text) }
        var type = "", destination: String?
        for field in try CommaFields.parse(text) {
            guard let (key, value) = ByteText.cut(field, at: "=") else {
                throw ValueError("\(quoted(field)) is not KEY=VALUE")
            }
            switch key {
            case "type": type = value
            case "dest": destination = value == "-" ? nil : value
            case "name", "push", "oci-mediatypes", "compression", "unpack", "store":
                throw ValueError("the output option \(quoted(key)) is not supported yet")
            default: throw ValueError("unknown output option \(quoted(key)): type and dest are known")
            }
        }
        switch type {
        case "image": return .image
        case "cacheonly": return .none
        case "local":
            guard let destination else { throw ValueError("the output local needs dest=DIRECTORY") }
            return .directory(destination)
        case "tar": return .tar(destination)
        case "docker", "oci": return .archive(destination)
        case "registry": throw ValueError("pushing after a build is not supported yet: build with -t, then push")
        default:
            throw ValueError("unknown output type \(quoted(type)): it is image, local, tar, oci, docker or cacheonly")
        }
    }
}
