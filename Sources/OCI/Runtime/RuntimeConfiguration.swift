public import JSON

/// A bundle's `config.json` (OCI runtime-spec 1.3, config.md and config-linux.md). Unknown properties are tolerated.
public struct RuntimeConfiguration: Sendable {
    /// The specification version the file was written for (`1.0.2`).
    public var ociVersion: String
    public var root: RuntimeRoot?
    public var mounts: [RuntimeMount] = []
    public var process: RuntimeProcess?
    public var hostname: String?
    public var domainname: String?
    public var hooks = RuntimeHooks()
    public var annotations: [String: String] = [:]
    public var linux = RuntimeLinux()

    /// An empty configuration of the newest version Berth implements.
    public init() { ociVersion = "1.3.0" }

    /// Reads `config.json`.
    ///
    /// - Throws: ``JSONError`` with the path of what is wrong; also for a version whose major number is not 1.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        guard let object = try JSONValue(parsing: bytes).objectValue else {
            throw JSONError(problem: "config.json must hold an object")
        }
        ociVersion = try object.required("ociVersion", object.string("ociVersion"))
        guard Self.isSupported(ociVersion) else {
            throw JSONError(path: ["ociVersion"], problem: "version \(ociVersion) is not supported, only 1.x")
        }
        root = try object.decode("root", RuntimeRoot.init)
        mounts = try object.decodeArray("mounts", RuntimeMount.init) ?? []
        process = try object.decode("process", RuntimeProcess.init)
        hostname = try object.string("hostname")
        domainname = try object.string("domainname")
        hooks = try object.decode("hooks", RuntimeHooks.init) ?? RuntimeHooks()
        annotations = try object.stringMap("annotations") ?? [:]
        linux = try object.decode("linux", RuntimeLinux.init) ?? RuntimeLinux()
    }

    /// Whether a version is `1.x.y`, whatever the minor number: those are compatible by the specification's own rule
    /// (config.md, "Specification version").
    private static func isSupported(_ version: String) -> Bool {
        // Semantic versioning: three numbers, then perhaps "-…" or "+…".
        let core = version.utf8.prefix { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }
        let parts = core.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual([UInt8(ascii: "1")]) else { return false }
        return parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }
    }
}

/// The container's root file system.
public struct RuntimeRoot: Sendable {
    /// Absolute, or relative to the bundle.
    public var path: String
    public var readonly: Bool

    /// A root.
    public init(path: String, readonly: Bool = false) {
        self.path = path
        self.readonly = readonly
    }

    init(_ object: JSONObject) throws(JSONError) {
        path = try object.required("path", object.string("path"))
        readonly = try object.bool("readonly") ?? false
    }
}

/// One mount, in the order in which it is made.
public struct RuntimeMount: Sendable {
    public var destination: String
    public var type: String?
    public var source: String?
    public var options: [String]
    public var uidMappings: [RuntimeIDMapping]
    public var gidMappings: [RuntimeIDMapping]

    /// A mount.
    public init(destination: String, type: String? = nil, source: String? = nil, options: [String] = []) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
        uidMappings = []
        gidMappings = []
    }

    init(_ object: JSONObject) throws(JSONError) {
        destination = try object.required("destination", object.string("destination"))
        type = try object.string("type")
        source = try object.string("source")
        options = try object.strings("options") ?? []
        uidMappings = try object.decodeArray("uidMappings", RuntimeIDMapping.init) ?? []
        gidMappings = try object.decodeArray("gidMappings", RuntimeIDMapping.init) ?? []
    }
}

/// A range of ids inside the container and on the host.
public struct RuntimeIDMapping: Sendable, Equatable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var size: UInt32

    /// A range.
    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }

    init(_ object: JSONObject) throws(JSONError) {
        containerID = try object.required("containerID", object.integer("containerID"))
        hostID = try object.required("hostID", object.integer("hostID"))
        size = try object.required("size", object.integer("size"))
    }
}

/// Programs run at set points of the life cycle (config.md, "POSIX-platform Hooks").
public struct RuntimeHooks: Sendable {
    public var prestart: [RuntimeHook] = []
    public var createRuntime: [RuntimeHook] = []
    public var createContainer: [RuntimeHook] = []
    public var startContainer: [RuntimeHook] = []
    public var poststart: [RuntimeHook] = []
    public var poststop: [RuntimeHook] = []

    /// No hooks.
    public init() {}

    /// Whether there is none at all.
    public var isEmpty: Bool {
        prestart.isEmpty && createRuntime.isEmpty && createContainer.isEmpty && startContainer.isEmpty
            && poststart.isEmpty && poststop.isEmpty
    }

    /// The hooks as config.json has them, for a state file: changes of the bundle after `create` must have no effect.
    public var json: JSONValue {
        func list(_ hooks: [RuntimeHook]) -> JSONValue { .array(hooks.map(\.json)) }
        return [
            "prestart": list(prestart), "createRuntime": list(createRuntime), "createContainer": list(createContainer),
            "startContainer": list(startContainer), "poststart": list(poststart), "poststop": list(poststop),
        ]
    }

    /// Reads `hooks` of config.json, or what ``json`` gave.
    public init(_ object: JSONObject) throws(JSONError) {
        prestart = try object.decodeArray("prestart", RuntimeHook.init) ?? []
        createRuntime = try object.decodeArray("createRuntime", RuntimeHook.init) ?? []
        createContainer = try object.decodeArray("createContainer", RuntimeHook.init) ?? []
        startContainer = try object.decodeArray("startContainer", RuntimeHook.init) ?? []
        poststart = try object.decodeArray("poststart", RuntimeHook.init) ?? []
        poststop = try object.decodeArray("poststop", RuntimeHook.init) ?? []
    }
}

/// One hook program.
public struct RuntimeHook: Sendable {
    /// Absolute path of the program.
    public var path: String
    /// Argument vector including the zeroth; empty means just the path.
    public var args: [String]
    /// The whole environment; nil hands on the runtime's.
    public var env: [String]?
    /// Seconds after which it is killed and counts as failed.
    public var timeout: Int?

    init(_ object: JSONObject) throws(JSONError) {
        path = try object.required("path", object.string("path"))
        args = try object.strings("args") ?? []
        env = try object.strings("env")
        timeout = try object.integer("timeout")
    }

    var json: JSONValue {
        var object = JSONObject([("path", .string(path))])
        if !args.isEmpty { object["args"] = .array(args.map { .string($0) }) }
        if let env { object["env"] = .array(env.map { .string($0) }) }
        if let timeout { object["timeout"] = JSONValue(timeout) }
        return .object(object)
    }
}
