import ControlGroups

/// The explained process's group in one hierarchy.
public struct GroupPart: Sendable {
    /// "memory", "cpu,cpuacct", "name=systemd"; "unified" for version 2.
    public var hierarchy: String
    public var isUnified: Bool
    /// The group's path, as `/proc/PID/cgroup` has it.
    public var path: String
    /// Its directory; nil when it cannot be reached from here.
    public var directory: String?
    /// Why it cannot; empty when it can.
    public var reason: String
    /// Its own limits, and uses that have none.
    public var limits: [GroupLimit]
    /// Limits of the groups above, which hold for the sum of what is below them.
    public var above: [GroupLimit]
    /// How long tasks waited, by resource: "cpu", "memory", "io".
    public var pressure: [Named]
    /// What else the group's files say: "frozen".
    public var notes: [String]

    /// One resource's pressure.
    public struct Named: Sendable, Equatable {
        public var resource: String
        public var pressure: Pressure
    }

    /// Whether the process is in the hierarchy's root, where nothing is limited.
    public var isRoot: Bool { path == "/" }
}

/// A limit beside its use.
public struct GroupLimit: Sendable, Equatable {
    /// In what the numbers are.
    public enum Unit: String, Sendable {
        case bytes, count, microseconds, nanoseconds
        /// Not a number.
        case text
    }

    /// What is limited: "memory", "processes".
    public var name: String
    /// The kernel's file.
    public var file: String
    /// The group it is of, when that is not the process's own.
    public var group: String?
    public var unit: Unit
    /// The limit; nil where there is none.
    public var limit: UInt64?
    /// The limit, or the setting, as the kernel writes it.
    public var text: String
    /// What is used now.
    public var use: UInt64?
    /// The most that was ever used.
    public var peak: UInt64?
    /// How often the limit was met.
    public var reached: UInt64?

    /// Whether it limits anything.
    public var isLimited: Bool { limit != nil }
    /// Use in thousandths of the limit.
    public var share: UInt64? {
        guard let limit, let use, limit > 0 else { return nil }
        return UInt64((Double(use) / Double(limit) * 1000).rounded())
    }
}
