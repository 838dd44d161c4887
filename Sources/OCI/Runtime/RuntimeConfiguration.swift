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
        guard ociVersion.split(separator: ".").first == "1" else {
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

    init(_ object: JSONObject) throws(JSONError) {
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
    public var env: [String]
    /// Seconds after which it is killed and counts as failed.
    public var timeout: Int?

    init(_ object: JSONObject) throws(JSONError) {
        path = try object.required("path", object.string("path"))
        args = try object.strings("args") ?? []
        env = try object.strings("env") ?? []
        timeout = try object.integer("timeout")
    }
}
