public import JSON

/// The program that runs in the container (config.md, "Process").
public struct RuntimeProcess: Sendable {
    public var terminal = false
    public var consoleSize: RuntimeConsoleSize?
    public var user = RuntimeUser()
    public var args: [String] = []
    public var env: [String] = []
    public var cwd = "/"
    /// Nil where the configuration has no `capabilities`: then the process keeps none.
    public var capabilities: RuntimeCapabilities?
    public var rlimits: [RuntimeResourceLimit] = []
    public var noNewPrivileges = false
    public var apparmorProfile: String?
    public var selinuxLabel: String?
    /// -1000 (never killed) to 1000 (killed first); nil leaves the parent's.
    public var oomScoreAdjustment: Int?
    public var ioPriority: RuntimeIOPriority?
    public var scheduler: RuntimeScheduler?
    public var execCPUAffinity: RuntimeCPUAffinity?

    /// A process without arguments as root.
    public init() {}

    /// Reads `process` of config.json, or the file that `exec --process` names.
    public init(_ object: JSONObject) throws(JSONError) {
        terminal = try object.bool("terminal") ?? false
        consoleSize = try object.decode("consoleSize", RuntimeConsoleSize.init)
        user = try object.decode("user", RuntimeUser.init) ?? RuntimeUser()
        args = try object.strings("args") ?? []
        env = try object.strings("env") ?? []
        cwd = try object.required("cwd", object.string("cwd"))
        capabilities = try object.decode("capabilities", RuntimeCapabilities.init)
        rlimits = try object.decodeArray("rlimits", RuntimeResourceLimit.init) ?? []
        noNewPrivileges = try object.bool("noNewPrivileges") ?? false
        apparmorProfile = try object.string("apparmorProfile")
        selinuxLabel = try object.string("selinuxLabel")
        oomScoreAdjustment = try object.integer("oomScoreAdj")
        ioPriority = try object.decode("ioPriority", RuntimeIOPriority.init)
        scheduler = try object.decode("scheduler", RuntimeScheduler.init)
        execCPUAffinity = try object.decode("execCPUAffinity", RuntimeCPUAffinity.init)
    }
}

/// A terminal's size in characters.
public struct RuntimeConsoleSize: Sendable {
    public var height: UInt16
    public var width: UInt16

    /// A size.
    public init(height: UInt16, width: UInt16) {
        self.height = height
        self.width = width
    }

    init(_ object: JSONObject) throws(JSONError) {
        height = try object.required("height", object.integer("height"))
        width = try object.required("width", object.integer("width"))
    }
}

/// Whom the process runs as, in the container's ids.
public struct RuntimeUser: Sendable {
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var umask: UInt32?
    public var additionalGids: [UInt32] = []

    /// Root.
    public init() {}

    init(_ object: JSONObject) throws(JSONError) {
        uid = try object.integer("uid") ?? 0
        gid = try object.integer("gid") ?? 0
        umask = try object.integer("umask")
        for (index, value) in (try object.array("additionalGids") ?? []).enumerated() {
            guard let gid = value.integerValue(as: UInt32.self) else {
                throw JSONError(path: ["additionalGids", String(index)], problem: "a group id was expected")
            }
            additionalGids.append(gid)
        }
    }
}

/// The five capability sets, by name.
public struct RuntimeCapabilities: Sendable {
    public var bounding: [String]
    public var effective: [String]
    public var inheritable: [String]
    public var permitted: [String]
    public var ambient: [String]

    /// One list for bounding, effective and permitted; nothing inheritable or ambient (CVE-2022-29162).
    public init(granted: [String]) {
        bounding = granted
        effective = granted
        permitted = granted
        inheritable = []
        ambient = []
    }

    init(_ object: JSONObject) throws(JSONError) {
        bounding = try object.strings("bounding") ?? []
        effective = try object.strings("effective") ?? []
        inheritable = try object.strings("inheritable") ?? []
        permitted = try object.strings("permitted") ?? []
        ambient = try object.strings("ambient") ?? []
    }
}

/// A `setrlimit(2)` limit.
public struct RuntimeResourceLimit: Sendable {
    /// `RLIMIT_NOFILE` and so on.
    public var type: String
    public var soft: UInt64
    public var hard: UInt64

    /// A limit.
    public init(type: String, soft: UInt64, hard: UInt64) {
        self.type = type
        self.soft = soft
        self.hard = hard
    }

    init(_ object: JSONObject) throws(JSONError) {
        type = try object.required("type", object.string("type"))
        soft = try object.required("soft", object.integer("soft"))
        hard = try object.required("hard", object.integer("hard"))
    }
}

/// `ioprio_set(2)`.
public struct RuntimeIOPriority: Sendable {
    /// `IOPRIO_CLASS_RT`, `IOPRIO_CLASS_BE` or `IOPRIO_CLASS_IDLE`.
    public var `class`: String
    public var priority: Int

    init(_ object: JSONObject) throws(JSONError) {
        `class` = try object.required("class", object.string("class"))
        priority = try object.integer("priority") ?? 0
    }
}

/// `sched_setattr(2)`.
public struct RuntimeScheduler: Sendable {
    public var policy: String
    public var nice: Int32
    public var priority: Int32
    public var flags: [String]
    public var runtime: UInt64
    public var deadline: UInt64
    public var period: UInt64

    init(_ object: JSONObject) throws(JSONError) {
        policy = try object.required("policy", object.string("policy"))
        nice = try object.integer("nice") ?? 0
        priority = try object.integer("priority") ?? 0
        flags = try object.strings("flags") ?? []
        runtime = try object.integer("runtime") ?? 0
        deadline = try object.integer("deadline") ?? 0
        period = try object.integer("period") ?? 0
    }
}

/// On which processors an exec'ed process starts and goes on.
public struct RuntimeCPUAffinity: Sendable {
    public var initial: String?
    public var final: String?

    init(_ object: JSONObject) throws(JSONError) {
        initial = try object.string("initial")
        final = try object.string("final")
    }
}
