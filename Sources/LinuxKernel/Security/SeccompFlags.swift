/// Flags of `seccomp(2)` for installing a filter.
public enum SeccompFlags {
    /// For every thread of the process.
    public static let synchronizeThreads: UInt32 = 1
    /// Log every action but allowing.
    public static let log: UInt32 = 2
    /// Without the mitigation of speculative store bypass.
    public static let allowSpeculation: UInt32 = 4
    /// Return a descriptor on which the calls that the filter hands over arrive.
    public static let newListener: UInt32 = 8
    /// Needed to have both of the former and ``newListener``.
    public static let synchronizeWithError: UInt32 = 16
    /// A call that was handed over can only be ended by a fatal signal (Linux 5.19).
    public static let waitKillable: UInt32 = 32
}
