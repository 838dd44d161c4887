import CLinux
import Glibc

/// How a process competes for processors and disks, and where its memory lies. One system call each.
public enum Scheduling {
    /// The parameters of `sched_setattr(2)`, in the kernel's own numbers.
    public struct Attributes: Sendable, Equatable {
        public var policy: UInt32
        public var flags: UInt64
        public var nice: Int32
        public var priority: UInt32
        /// Nanoseconds, for the deadline policy.
        public var runtime: UInt64
        public var deadline: UInt64
        public var period: UInt64

        /// Attributes.
        public init(
            policy: UInt32, flags: UInt64 = 0, nice: Int32 = 0, priority: UInt32 = 0, runtime: UInt64 = 0,
            deadline: UInt64 = 0, period: UInt64 = 0
        ) {
            self.policy = policy
            self.flags = flags
            self.nice = nice
            self.priority = priority
            self.runtime = runtime
            self.deadline = deadline
            self.period = period
        }
    }

    /// Sets the policy and its parameters of a process (0: the calling one).
    public static func set(_ attributes: Attributes, of pid: Int32) throws(Errno) {
        var raw = berth_sched_attr()
        raw.policy = attributes.policy
        raw.flags = attributes.flags
        raw.nice = attributes.nice
        raw.priority = attributes.priority
        raw.runtime = attributes.runtime
        raw.deadline = attributes.deadline
        raw.period = attributes.period
        try checked(berth_sched_setattr(pid, &raw))
    }

    /// Sets the priority at block devices (`ioprio_set(2)`): class 1 real-time, 2 best effort, 3 idle; level 0 to 7.
    public static func setIOPriority(class: Int32, level: Int32, of pid: Int32) throws(Errno) {
        try checked(berth_ioprio_set(pid, `class` << 13 | level))
    }

    /// Binds a process to processors, given as bits (`sched_setaffinity(2)`).
    public static func setAffinity(_ mask: [UInt64], of pid: Int32) throws(Errno) {
        try checked(mask.withUnsafeBytes { berth_sched_setaffinity(pid, $0.baseAddress, $0.count) })
    }

    /// Says from which nodes the calling process, and what it executes, gets memory (`set_mempolicy(2)`).
    public static func setMemoryPolicy(mode: Int32, nodes: [UInt64]) throws(Errno) {
        // The kernel takes the number of bits plus one.
        try checked(
            nodes.withUnsafeBytes {
                berth_set_mempolicy(mode, nodes.isEmpty ? nil : $0.baseAddress, nodes.isEmpty ? 0 : $0.count * 8 + 1)
            })
    }

    /// The execution domain (`personality(2)`).
    public static func setPersonality(_ value: UInt) throws(Errno) { try checked(berth_personality(value)) }
}
