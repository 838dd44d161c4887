/// What a container may use: the fields of `linux.resources` in the OCI runtime specification, in its units.
///
/// nil means "leave as it is": a new group then has no such limit, an update does not touch it.
public struct ResourceLimits: Sendable, Equatable {
    /// Main memory and swap.
    public var memory = MemoryLimits()
    /// Processor time and placement.
    public var cpu = CPULimits()
    /// Number of tasks (processes and threads); negative is unlimited, 0 counts as not given.
    public var pids: Int64?
    /// Block devices.
    public var blockIO = BlockIOLimits()
    /// Huge pages.
    public var hugepages: [HugepageLimit] = []
    /// Network classes and priorities (version 1 only).
    public var network = NetworkLimits()
    /// Remote direct memory access.
    public var rdma: [RDMALimit] = []
    /// Device access, the last matching rule deciding; no rule at all leaves every device open to the group.
    public var devices: [DeviceRule] = []
    /// Version 2 files written as they are, by file name.
    public var unified: [String: String] = [:]

    /// No limits.
    public init() {}
}

/// Limits of memory, in bytes; negative is unlimited.
public struct MemoryLimits: Sendable, Equatable {
    /// The most that may be used; beyond it the kernel reclaims, then kills.
    public var limit: Int64?
    /// The most of memory and swap *together*, as in OCI and Docker.
    public var swap: Int64?
    /// What the group keeps under pressure.
    public var reservation: Int64?
    /// Kernel memory (deprecated: current kernels refuse it).
    public var kernel: Int64?
    /// Kernel memory of TCP buffers (version 1).
    public var kernelTCP: Int64?
    /// Readiness to swap, 0 to 100 (version 1).
    public var swappiness: UInt64?
    /// Whether processes wait instead of being killed at the limit (version 1).
    public var disableOOMKiller: Bool?
    /// Whether an update to less than is in use is refused instead of killing.
    public var checkBeforeUpdate: Bool?

    /// No limits.
    public init() {}
}

/// Limits of processor time; times in microseconds.
public struct CPULimits: Sendable, Equatable {
    /// Weight against siblings, 2 to 262144; 1024 is usual.
    public var shares: UInt64?
    /// Processor time in one period; negative is unlimited.
    public var quota: Int64?
    /// Length of a period, 1000 to 1000000; the kernel's default is 100000.
    public var period: UInt64?
    /// How much unused quota may be saved up (Linux 5.14).
    public var burst: UInt64?
    /// Real-time scheduling time in one real-time period (version 1).
    public var realtimeRuntime: Int64?
    /// Length of a real-time period (version 1).
    public var realtimePeriod: UInt64?
    /// Processors as a list, "0-2,7".
    public var cpus: String?
    /// Memory nodes as a list.
    public var mems: String?
    /// 1 makes the whole group run only when nothing else wants to (Linux 5.15).
    public var idle: Int64?

    /// No limits.
    public init() {}
}

/// A block device and a number for it.
public struct BlockDeviceValue: Sendable, Equatable {
    public var major: Int64
    public var minor: Int64
    public var value: UInt64

    /// `value` for the device `major:minor`.
    public init(major: Int64, minor: Int64, value: UInt64) {
        self.major = major
        self.minor = minor
        self.value = value
    }
}

/// Limits of block devices. Weights are 10 to 1000, rates bytes or operations a second.
public struct BlockIOLimits: Sendable, Equatable {
    public var weight: UInt16?
    /// The weight of the group's own tasks against its child groups (version 1, old schedulers).
    public var leafWeight: UInt16?
    public var weightDevices: [BlockDeviceValue] = []
    public var leafWeightDevices: [BlockDeviceValue] = []
    public var throttleReadBytes: [BlockDeviceValue] = []
    public var throttleWriteBytes: [BlockDeviceValue] = []
    public var throttleReadOperations: [BlockDeviceValue] = []
    public var throttleWriteOperations: [BlockDeviceValue] = []

    /// No limits.
    public init() {}
}

/// How many bytes of huge pages of one size may be used.
public struct HugepageLimit: Sendable, Equatable {
    /// The size as the kernel names it: "2MB", "1GB", "64KB".
    public var pageSize: String
    /// Bytes.
    public var limit: UInt64

    /// `limit` bytes of pages of `pageSize`.
    public init(pageSize: String, limit: UInt64) {
        self.pageSize = pageSize
        self.limit = limit
    }
}

/// Network classes and priorities.
public struct NetworkLimits: Sendable, Equatable {
    /// The class put on every packet (`net_cls.classid`).
    public var classID: UInt32?
    /// A priority for each interface (`net_prio.ifpriomap`).
    public var priorities: [(interface: String, priority: UInt32)] = []

    /// None.
    public init() {}

    public static func == (a: NetworkLimits, b: NetworkLimits) -> Bool {
        a.classID == b.classID && a.priorities.elementsEqual(b.priorities, by: ==)
    }
}

/// Limits of one RDMA device.
public struct RDMALimit: Sendable, Equatable {
    public var device: String
    public var handles: UInt32?
    public var objects: UInt32?

    /// Limits for `device`; nil is unlimited.
    public init(device: String, handles: UInt32? = nil, objects: UInt32? = nil) {
        self.device = device
        self.handles = handles
        self.objects = objects
    }
}
