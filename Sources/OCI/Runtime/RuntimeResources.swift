public import JSON

/// Limits by control groups (config-linux.md, "Control groups").
public struct RuntimeResources: Sendable {
    public var devices: [RuntimeDeviceRule] = []
    public var memory: RuntimeMemory?
    public var cpu: RuntimeCPU?
    /// Most processes and threads; -1 or less is no limit.
    public var pidsLimit: Int64?
    public var blockIO: RuntimeBlockIO?
    /// Page size (`2MB`) and bytes.
    public var hugepageLimits: [(pageSize: String, limit: UInt64)] = []
    public var networkClassID: UInt32?
    public var networkPriorities: [(name: String, priority: UInt32)] = []
    /// Device name to handles and objects.
    public var rdma: [(device: String, handles: UInt32?, objects: UInt32?)] = []
    /// cgroup v2 file name to the text written into it.
    public var unified: [String: String] = [:]

    /// No limits.
    public init() {}

    /// Reads `linux.resources`, or the file that `update --resources` names.
    public init(_ object: JSONObject) throws(JSONError) {
        devices = try object.decodeArray("devices", RuntimeDeviceRule.init) ?? []
        memory = try object.decode("memory", RuntimeMemory.init)
        cpu = try object.decode("cpu", RuntimeCPU.init)
        pidsLimit = try object.object("pids")?.integer("limit")
        blockIO = try object.decode("blockIO", RuntimeBlockIO.init)
        for (index, value) in (try object.array("hugepageLimits") ?? []).enumerated() {
            guard let entry = value.objectValue, let size = try entry.string("pageSize"),
                let limit = try entry.integer("limit", as: UInt64.self)
            else { throw JSONError(path: ["hugepageLimits", String(index)], problem: "pageSize and limit are needed") }
            hugepageLimits.append((size, limit))
        }
        if let network = try object.object("network") {
            networkClassID = try network.integer("classID")
            for value in try network.array("priorities") ?? [] {
                guard let entry = value.objectValue, let name = try entry.string("name"),
                    let priority = try entry.integer("priority", as: UInt32.self)
                else { throw JSONError(path: ["network", "priorities"], problem: "name and priority are needed") }
                networkPriorities.append((name, priority))
            }
        }
        for member in try object.object("rdma")?.members ?? [] {
            guard let entry = member.value.objectValue else {
                throw JSONError(path: ["rdma", member.key], problem: "an object was expected")
            }
            rdma.append((member.key, try entry.integer("hcaHandles"), try entry.integer("hcaObjects")))
        }
        unified = try object.stringMap("unified") ?? [:]
    }
}

/// One line of the device allow list.
public struct RuntimeDeviceRule: Sendable {
    public var allow: Bool
    /// `a`, `b` or `c`.
    public var type: String
    /// Nil means every number.
    public var major: Int64?
    public var minor: Int64?
    /// Some of `r`, `w`, `m`.
    public var access: String

    /// A rule.
    public init(allow: Bool, type: String = "a", major: Int64? = nil, minor: Int64? = nil, access: String = "rwm") {
        self.allow = allow
        self.type = type
        self.major = major
        self.minor = minor
        self.access = access
    }

    init(_ object: JSONObject) throws(JSONError) {
        allow = try object.required("allow", object.bool("allow"))
        let type = try object.string("type") ?? "a"
        self.type = type.isEmpty ? "a" : type
        let major = try object.integer("major", as: Int64.self), minor = try object.integer("minor", as: Int64.self)
        self.major = major.flatMap { $0 < 0 ? nil : $0 }
        self.minor = minor.flatMap { $0 < 0 ? nil : $0 }
        let access = try object.string("access") ?? "rwm"
        self.access = access.isEmpty ? "rwm" : access
    }
}

/// Memory limits in bytes; -1 is no limit.
public struct RuntimeMemory: Sendable {
    public var limit: Int64?
    public var reservation: Int64?
    /// Memory and swap together.
    public var swap: Int64?
    public var kernel: Int64?
    public var kernelTCP: Int64?
    public var swappiness: UInt64?
    public var disableOOMKiller: Bool?
    public var useHierarchy: Bool?
    public var checkBeforeUpdate: Bool?

    /// No limits.
    public init() {}

    init(_ object: JSONObject) throws(JSONError) {
        limit = try object.integer("limit")
        reservation = try object.integer("reservation")
        swap = try object.integer("swap")
        kernel = try object.integer("kernel")
        kernelTCP = try object.integer("kernelTCP")
        swappiness = try object.integer("swappiness")
        disableOOMKiller = try object.bool("disableOOMKiller")
        useHierarchy = try object.bool("useHierarchy")
        checkBeforeUpdate = try object.bool("checkBeforeUpdate")
    }
}

/// Processor limits; times in microseconds.
public struct RuntimeCPU: Sendable {
    public var shares: UInt64?
    public var quota: Int64?
    public var burst: UInt64?
    public var period: UInt64?
    public var realtimeRuntime: Int64?
    public var realtimePeriod: UInt64?
    public var cpus: String?
    public var mems: String?
    public var idle: Int64?

    /// No limits.
    public init() {}

    init(_ object: JSONObject) throws(JSONError) {
        shares = try object.integer("shares")
        quota = try object.integer("quota")
        burst = try object.integer("burst")
        period = try object.integer("period")
        realtimeRuntime = try object.integer("realtimeRuntime")
        realtimePeriod = try object.integer("realtimePeriod")
        cpus = try object.string("cpus")
        mems = try object.string("mems")
        idle = try object.integer("idle")
    }
}

/// Block device limits.
public struct RuntimeBlockIO: Sendable {
    public var weight: UInt16?
    public var leafWeight: UInt16?
    public var weightDevices: [(major: Int64, minor: Int64, weight: UInt16?, leafWeight: UInt16?)] = []
    public var throttleReadBps: [RuntimeThrottle] = []
    public var throttleWriteBps: [RuntimeThrottle] = []
    public var throttleReadIOPS: [RuntimeThrottle] = []
    public var throttleWriteIOPS: [RuntimeThrottle] = []

    /// No limits.
    public init() {}

    init(_ object: JSONObject) throws(JSONError) {
        weight = try object.integer("weight")
        leafWeight = try object.integer("leafWeight")
        for (index, value) in (try object.array("weightDevice") ?? []).enumerated() {
            guard let entry = value.objectValue, let major = try entry.integer("major", as: Int64.self),
                let minor = try entry.integer("minor", as: Int64.self)
            else { throw JSONError(path: ["weightDevice", String(index)], problem: "major and minor are needed") }
            weightDevices.append((major, minor, try entry.integer("weight"), try entry.integer("leafWeight")))
        }
        throttleReadBps = try object.decodeArray("throttleReadBpsDevice", RuntimeThrottle.init) ?? []
        throttleWriteBps = try object.decodeArray("throttleWriteBpsDevice", RuntimeThrottle.init) ?? []
        throttleReadIOPS = try object.decodeArray("throttleReadIOPSDevice", RuntimeThrottle.init) ?? []
        throttleWriteIOPS = try object.decodeArray("throttleWriteIOPSDevice", RuntimeThrottle.init) ?? []
    }
}

/// A rate for one block device, in bytes or operations per second.
public struct RuntimeThrottle: Sendable {
    public var major: Int64
    public var minor: Int64
    public var rate: UInt64

    /// A rate.
    public init(major: Int64, minor: Int64, rate: UInt64) {
        self.major = major
        self.minor = minor
        self.rate = rate
    }

    init(_ object: JSONObject) throws(JSONError) {
        major = try object.required("major", object.integer("major"))
        minor = try object.required("minor", object.integer("minor"))
        rate = try object.required("rate", object.integer("rate"))
    }
}
