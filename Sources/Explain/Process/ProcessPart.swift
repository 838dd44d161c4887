/// The process itself.
public struct ProcessPart: Sendable {
    /// Its number on the host.
    public var pid: Int32
    /// Its number in each process namespace, the host's first.
    public var numbers: [UInt64]
    /// The name that `ps` shows.
    public var name: String
    /// Its arguments, which it may have written over.
    public var arguments: [String]
    /// The program; nil when it may not be known.
    public var executable: String?
    /// "S", "R", "T".
    public var state: String
    /// Its effective user and group, as the host numbers them.
    public var user: UInt64?
    public var group: UInt64?
    public var residentBytes: UInt64?
    public var threads: UInt64
    /// What its control groups tell about whose it is.
    public var identity: ContainerIdentity?
    /// When it started, in clock ticks since boot.
    public var startTime: UInt64?
}

/// How ids inside correspond to ids outside.
public struct UserPart: Sendable {
    /// One range.
    public struct Range: Sendable, Equatable {
        public var inside: UInt64
        public var outside: UInt64
        public var count: UInt64
    }

    public var users: [Range]
    public var groups: [Range]

    /// Whether every id is itself: the host's own map.
    public var isIdentity: Bool {
        users.allSatisfy { $0.inside == $0.outside } && users.contains { $0.inside == 0 && $0.count >= 0xFFFF_FFFE }
    }

    /// The host's id of root inside.
    public var root: UInt64? { users.first { $0.inside == 0 && $0.count > 0 }?.outside }

    /// Reads `uid_map` and `gid_map`.
    init(users: [UInt8], groups: [UInt8]) {
        self.users = Self.ranges(users)
        self.groups = Self.ranges(groups)
    }

    static func ranges(_ text: [UInt8]) -> [Range] {
        text.split(separator: 10).compactMap { line in
            let numbers = KernelText.words(line).compactMap { KernelText.number($0) }
            return numbers.count == 3 ? Range(inside: numbers[0], outside: numbers[1], count: numbers[2]) : nil
        }
    }
}

/// What the process may do.
public struct SecurityPart: Sendable {
    public var effective: UInt64
    public var permitted: UInt64
    public var inheritable: UInt64
    public var bounding: UInt64
    public var ambient: UInt64
    /// How many capabilities the kernel has.
    public var capabilityCount: Int
    public var noNewPrivileges: Bool?
    /// 0 is none, 1 strict, 2 a filter; nil when the kernel does not say.
    public var seccomp: UInt64?
    public var seccompFilters: UInt64?
    /// The label of AppArmor or another security module; nil when there is none.
    public var label: String?
    /// Which module the label is of.
    public var module: String?

    /// Names of a set, also of capabilities newer than this program: "CAP_41".
    public func names(_ set: UInt64, known: [String]) -> [String] {
        (0..<64).filter { set >> UInt64($0) & 1 == 1 }.map { $0 < known.count ? known[$0] : "CAP_\($0)" }
    }

    /// Every capability that the kernel has.
    public var every: UInt64 { capabilityCount >= 64 ? .max : (1 << UInt64(max(0, capabilityCount))) - 1 }
    /// What no program that it starts can have any more.
    public var dropped: UInt64 { every & ~bounding }
    /// The word for the mode.
    public var seccompMode: String {
        switch seccomp {
        case 0: "none"
        case 1: "strict"
        case 2: "filter"
        case .some(let mode): "mode \(mode)"
        case nil: "unknown"
        }
    }
}
