import JSON

/// The `linux` part of config.json (config-linux.md).
public struct RuntimeLinux: Sendable {
    public var namespaces: [RuntimeNamespace] = []
    public var uidMappings: [RuntimeIDMapping] = []
    public var gidMappings: [RuntimeIDMapping] = []
    public var timeOffsets: [String: RuntimeTimeOffset] = [:]
    public var devices: [RuntimeDevice] = []
    /// Host interface name to name inside (`netDevices`).
    public var netDevices: [String: String] = [:]
    public var cgroupsPath: String?
    public var resources: RuntimeResources?
    public var rootfsPropagation: String?
    public var seccomp: RuntimeSeccomp?
    public var sysctl: [String: String] = [:]
    public var maskedPaths: [String] = []
    public var readonlyPaths: [String] = []
    public var mountLabel: String?
    public var personality: RuntimePersonality?
    public var intelRdt: RuntimeIntelRdt?
    public var memoryPolicy: RuntimeMemoryPolicy?

    /// No namespace, no limit.
    public init() {}

    init(_ object: JSONObject) throws(JSONError) {
        namespaces = try object.decodeArray("namespaces", RuntimeNamespace.init) ?? []
        uidMappings = try object.decodeArray("uidMappings", RuntimeIDMapping.init) ?? []
        gidMappings = try object.decodeArray("gidMappings", RuntimeIDMapping.init) ?? []
        for member in try object.object("timeOffsets")?.members ?? [] {
            guard let value = member.value.objectValue else {
                throw JSONError(path: ["timeOffsets", member.key], problem: "an object was expected")
            }
            timeOffsets[member.key] = try RuntimeTimeOffset(value)
        }
        devices = try object.decodeArray("devices", RuntimeDevice.init) ?? []
        for member in try object.object("netDevices")?.members ?? [] {
            guard let value = member.value.objectValue else {
                throw JSONError(path: ["netDevices", member.key], problem: "an object was expected")
            }
            netDevices[member.key] = try value.string("name").flatMap { $0.isEmpty ? nil : $0 } ?? member.key
        }
        cgroupsPath = try object.string("cgroupsPath")
        resources = try object.decode("resources", RuntimeResources.init)
        rootfsPropagation = try object.string("rootfsPropagation")
        seccomp = try object.decode("seccomp", RuntimeSeccomp.init)
        sysctl = try object.stringMap("sysctl") ?? [:]
        maskedPaths = try object.strings("maskedPaths") ?? []
        readonlyPaths = try object.strings("readonlyPaths") ?? []
        mountLabel = try object.string("mountLabel")
        personality = try object.decode("personality", RuntimePersonality.init)
        intelRdt = try object.decode("intelRdt", RuntimeIntelRdt.init)
        memoryPolicy = try object.decode("memoryPolicy", RuntimeMemoryPolicy.init)
    }
}

/// A namespace to make, or with a path to join.
public struct RuntimeNamespace: Sendable {
    /// `pid`, `network`, `mount`, `ipc`, `uts`, `user`, `cgroup` or `time`.
    public var type: String
    public var path: String?

    /// A new namespace, or one to join.
    public init(type: String, path: String? = nil) {
        self.type = type
        self.path = path
    }

    init(_ object: JSONObject) throws(JSONError) {
        type = try object.required("type", object.string("type"))
        path = try object.string("path").flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// How far a clock in a time namespace is from the host's.
public struct RuntimeTimeOffset: Sendable {
    public var seconds: Int64
    public var nanoseconds: UInt32

    init(_ object: JSONObject) throws(JSONError) {
        seconds = try object.integer("secs") ?? 0
        nanoseconds = try object.integer("nanosecs") ?? 0
    }
}

/// A device node to make in the container.
public struct RuntimeDevice: Sendable {
    /// `c`, `b`, `u` (as c) or `p` (fifo).
    public var type: String
    public var path: String
    public var major: Int64
    public var minor: Int64
    public var fileMode: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?

    /// A node.
    public init(type: String, path: String, major: Int64, minor: Int64, fileMode: UInt32? = nil) {
        self.type = type
        self.path = path
        self.major = major
        self.minor = minor
        self.fileMode = fileMode
    }

    init(_ object: JSONObject) throws(JSONError) {
        type = try object.required("type", object.string("type"))
        path = try object.required("path", object.string("path"))
        major = try object.integer("major") ?? 0
        minor = try object.integer("minor") ?? 0
        fileMode = try object.integer("fileMode")
        uid = try object.integer("uid")
        gid = try object.integer("gid")
    }
}

/// `personality(2)`.
public struct RuntimePersonality: Sendable {
    /// `LINUX` or `LINUX32`.
    public var domain: String
    public var flags: [String]

    init(_ object: JSONObject) throws(JSONError) {
        domain = try object.required("domain", object.string("domain"))
        flags = try object.strings("flags") ?? []
    }
}

/// A seccomp profile (config-linux.md, "Seccomp").
public struct RuntimeSeccomp: Sendable {
    public var defaultAction: String
    public var defaultErrnoRet: UInt16?
    public var architectures: [String]
    public var flags: [String]
    public var listenerPath: String?
    public var listenerMetadata: String?
    public var syscalls: [RuntimeSeccompRule]

    /// A profile.
    public init(
        defaultAction: String, defaultErrnoRet: UInt16?, architectures: [String], syscalls: [RuntimeSeccompRule]
    ) {
        self.defaultAction = defaultAction
        self.defaultErrnoRet = defaultErrnoRet
        self.architectures = architectures
        self.syscalls = syscalls
        flags = []
    }

    init(_ object: JSONObject) throws(JSONError) {
        defaultAction = try object.required("defaultAction", object.string("defaultAction"))
        defaultErrnoRet = try object.integer("defaultErrnoRet")
        architectures = try object.strings("architectures") ?? []
        flags = try object.strings("flags") ?? []
        listenerPath = try object.string("listenerPath")
        listenerMetadata = try object.string("listenerMetadata")
        syscalls = try object.decodeArray("syscalls", RuntimeSeccompRule.init) ?? []
    }
}

/// One rule of a seccomp profile.
public struct RuntimeSeccompRule: Sendable {
    public var names: [String]
    public var action: String
    public var errnoRet: UInt16?
    public var args: [RuntimeSeccompArgument]

    /// A rule.
    public init(names: [String], action: String, errnoRet: UInt16? = nil, args: [RuntimeSeccompArgument] = []) {
        self.names = names
        self.action = action
        self.errnoRet = errnoRet
        self.args = args
    }

    init(_ object: JSONObject) throws(JSONError) {
        names = try object.required("names", object.strings("names"))
        action = try object.required("action", object.string("action"))
        errnoRet = try object.integer("errnoRet")
        args = try object.decodeArray("args", RuntimeSeccompArgument.init) ?? []
    }
}

/// A condition on one argument of a system call.
public struct RuntimeSeccompArgument: Sendable {
    public var index: UInt32
    public var value: UInt64
    public var valueTwo: UInt64
    /// `SCMP_CMP_EQ` and so on.
    public var op: String

    /// A condition.
    public init(index: UInt32, value: UInt64, valueTwo: UInt64 = 0, op: String) {
        self.index = index
        self.value = value
        self.valueTwo = valueTwo
        self.op = op
    }

    init(_ object: JSONObject) throws(JSONError) {
        index = try object.required("index", object.integer("index"))
        value = try object.required("value", object.integer("value"))
        valueTwo = try object.integer("valueTwo") ?? 0
        op = try object.required("op", object.string("op"))
    }
}
