import CLinux
import Glibc

/// A set of Linux capabilities (`capabilities(7)`), one bit each.
public struct CapabilitySet: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// All names in the order of their numbers.
    public static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]

    /// The capability with this name (`CAP_KILL`, or as Docker writes it `kill`), nil when there is none.
    public init?(name: String) {
        var upper = name.uppercased()
        if !upper.hasPrefix("CAP_") { upper = "CAP_" + upper }
        guard let number = Self.names.firstIndex(of: upper) else { return nil }
        self.init(rawValue: 1 << UInt64(number))
    }

    /// Every capability this Berth knows.
    public static let all = CapabilitySet(rawValue: (1 << UInt64(names.count)) - 1)

    /// The names of the members, in the order of their numbers.
    public var memberNames: [String] {
        Self.names.enumerated().filter { rawValue >> UInt64($0.offset) & 1 == 1 }.map(\.element)
    }
}

/// The calling process's capabilities.
public enum ProcessCapabilities {
    /// What the process has in effect.
    public static func effective() throws(Errno) -> CapabilitySet {
        var effective: UInt64 = 0, permitted: UInt64 = 0, inheritable: UInt64 = 0
        try checked(berth_capget(&effective, &permitted, &inheritable))
        return CapabilitySet(rawValue: effective)
    }

    /// Drops from the bounding set everything but `kept`. Capabilities the kernel does not know are skipped.
    public static func limitBoundingSet(to kept: CapabilitySet) throws(Errno) {
        for number in 0..<UInt64(64) where kept.rawValue >> number & 1 == 0 {
            let result = berth_prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
            // The first number the kernel does not know ends the list.
            if result == Int64(-EINVAL) { return }
            try checked(result)
        }
    }

    /// Sets the three per-process sets (`capset(2)`).
    public static func set(
        effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet
    ) throws(Errno) {
        try checked(berth_capset(effective.rawValue, permitted.rawValue, inheritable.rawValue))
    }

    /// Makes the ambient set exactly `set`, which must be permitted and inheritable.
    public static func setAmbient(_ set: CapabilitySet) throws(Errno) {
        try checked(berth_prctl(PR_CAP_AMBIENT, UInt64(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0))
        for number in 0..<UInt64(64) where set.rawValue >> number & 1 == 1 {
            try checked(berth_prctl(PR_CAP_AMBIENT, UInt64(PR_CAP_AMBIENT_RAISE), number, 0, 0))
        }
    }

    /// Keeps permitted capabilities over the next change of user ids.
    public static func keepOverUserChange(_ keep: Bool) throws(Errno) {
        try checked(berth_prctl(PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0))
    }
}
