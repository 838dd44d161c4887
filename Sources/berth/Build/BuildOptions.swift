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
    var cacheSources: [CachePlace] = []
    var cacheTargets: [CachePlace] = []
    var annotations: [NameValue] = []
    /// Sent to a registry once it is made.
    var pushes = false
    var controlGroupParent: String?

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
    static func output(_ text: String) throws(ValueError) -> OutputFlag {
        if text == "-" { return OutputFlag(.tar(nil)) }
        if !ByteText.holds(text, "=") { return OutputFlag(.directory(text)) }
        var type = "", destination: String?, flag = OutputFlag(.image), isStandardOutput = false
        for field in try CommaFields.parse(text) {
            guard let (key, value) = ByteText.cut(field, at: "=") else {
                throw ValueError("\(quoted(field)) is not KEY=VALUE")
            }
            switch key {
            case "type": type = value
            case "dest":
                destination = value == "-" ? nil : value
                isStandardOutput = value == "-"
            case "name": flag.names = try CommaFields.parse(value)
            case "push":
                guard let isPushed = try? NumberValue.boolean(value) else { throw ValueError("push is true or false") }
                flag.pushes = isPushed
            case "oci-mediatypes" where value == "true": break
            case "compression", "oci-mediatypes", "unpack", "store", "rewrite-timestamp", "compression-level",
                "annotation":
                throw ValueError("the output option \(quoted(key)) is not supported")
            default: throw ValueError("unknown output option \(quoted(key)): type, dest, name and push are known")
            }
        }
        switch type {
        case "image": break
        case "cacheonly": flag.output = .none
        case "local":
            guard let destination else { throw ValueError("the output local needs dest=DIRECTORY") }
            flag.output = .directory(destination)
        case "tar": flag.output = .tar(destination)
        // Without a destination Docker's own is meant: the images of this engine.
        case "docker": if destination != nil || isStandardOutput { flag.output = .archive(destination) }
        case "oci": flag.output = .archive(destination)
        case "registry": flag.pushes = true
        default:
            throw ValueError(
                "unknown output type \(quoted(type)): it is image, registry, local, tar, oci, docker or cacheonly")
        }
        guard !flag.pushes || flag.output == .image else { throw ValueError("only an image can be pushed") }
        return flag
    }

    /// A value of `--output`.
    struct OutputFlag {
        var output: BuildOptions.Output
        var pushes = false
        /// Further names of the image.
        var names: [String] = []
        init(_ output: BuildOptions.Output) { self.output = output }
    }

    /// `[manifest:]KEY=VALUE` of `--annotation`.
    static func annotation(_ text: String) throws(ValueError) -> BuildOptions.NameValue {
        guard let (name, value) = ByteText.cut(text, at: "="), !name.isEmpty else {
            throw ValueError("the form is [manifest:]KEY=VALUE")
        }
        var key = name
        if let (kind, rest) = ByteText.cut(name, at: ":") {
            switch kind {
            case "manifest": key = rest
            case "index", "manifest-descriptor", "index-descriptor":
                throw ValueError("there is no index to annotate: an image of one platform has a manifest only")
            default: break
            }
        }
        guard !key.isEmpty else { throw ValueError("the annotation has no key") }
        return .init(name: key, value: value)
    }
}
