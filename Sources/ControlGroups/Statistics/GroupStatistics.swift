import LinuxKernel

/// What a group has used so far. A number the machine does not give is 0; a limit that is not set is nil.
public struct GroupStatistics: Sendable {
    /// Processor time in nanoseconds.
    public struct CPU: Sendable {
        public var usage: UInt64 = 0
        public var user: UInt64 = 0
        public var system: UInt64 = 0
        /// Quota periods that have passed, those in which the group was stopped, and for how long in all.
        public var periods: UInt64 = 0
        public var throttledPeriods: UInt64 = 0
        public var throttledTime: UInt64 = 0
    }

    /// Memory in bytes.
    public struct Memory: Sendable {
        public var usage: UInt64 = 0
        /// The usage without file pages the kernel can drop at once: what Docker shows.
        public var workingSet: UInt64 = 0
        public var cache: UInt64 = 0
        public var anonymous: UInt64 = 0
        public var swap: UInt64 = 0
        public var peak: UInt64 = 0
        public var limit: UInt64?
        public var outOfMemoryKills: UInt64 = 0
    }

    /// Block devices: bytes and operations.
    public struct BlockIO: Sendable {
        public var readBytes: UInt64 = 0
        public var writeBytes: UInt64 = 0
        public var readOperations: UInt64 = 0
        public var writeOperations: UInt64 = 0
    }

    public var cpu = CPU()
    public var memory = Memory()
    public var blockIO = BlockIO()
    public var pids: UInt64 = 0
    public var pidsLimit: UInt64?
    /// Waiting times (version 2, kernels with PSI).
    public var cpuPressure: Pressure?
    public var memoryPressure: Pressure?
    public var ioPressure: Pressure?
}

extension ControlGroup {
    /// Reads all counters, some ten small files.
    public func statistics() throws(ControlGroupError) -> GroupStatistics {
        var result = GroupStatistics()
        do throws(Errno) {
            if let directory = try home(of: "memory")?.openPair(path) {
                if directory.isUnified {
                    result.readMemory2(directory.descriptor)
                } else {
                    result.readMemory1(directory.descriptor)
                }
            }
            result.memory.outOfMemoryKills = (try? outOfMemoryKills()) ?? 0
            if let directory = try home(of: "cpu")?.openPair(path) {
                if directory.isUnified {
                    result.readCPU2(directory.descriptor)
                } else {
                    result.readThrottling(directory.descriptor)
                }
            }
            if let directory = try home(of: "cpuacct")?.openPair(path), !directory.isUnified {
                result.readAccounting(directory.descriptor)
            }
            if let directory = try home(of: "pids")?.openPair(path) {
                result.pids = number(directory.descriptor, "pids.current") ?? 0
                result.pidsLimit = number(directory.descriptor, "pids.max")
            }
            if let directory = try home(of: host.version1("blkio") == nil ? "io" : "blkio")?.openPair(path) {
                if directory.isUnified {
                    result.readIO2(directory.descriptor)
                } else {
                    result.readIO1(directory.descriptor)
                }
            }
            if let directory = try unified?.openPair(path) {
                result.cpuPressure = pressure(directory.descriptor, "cpu.pressure")
                result.memoryPressure = pressure(directory.descriptor, "memory.pressure")
                result.ioPressure = pressure(directory.descriptor, "io.pressure")
            }
        } catch {
            throw failure("read the statistics of", error)
        }
        return result
    }
}

/// A group's directory and the version it is of.
private struct OpenGroup: ~Copyable {
    let descriptor: FileDescriptor
    let isUnified: Bool
}

extension Hierarchy {
    fileprivate func openPair(_ path: GroupPath) throws(Errno) -> OpenGroup {
        OpenGroup(descriptor: try open(path), isUnified: isUnified)
    }
}

// A single counter that is missing (an old kernel, a controller that is not handed down) leaves the others readable.

private func text(_ directory: borrowing FileDescriptor, _ name: String) -> String? {
    try? ControlFile.read(directory, name)
}

private func number(_ directory: borrowing FileDescriptor, _ name: String) -> UInt64? {
    text(directory, name).flatMap { UInt64($0) }
}

private func values(_ directory: borrowing FileDescriptor, _ name: String) -> KeyedValues {
    KeyedValues(parsing: text(directory, name) ?? "")
}

private func pressure(_ directory: borrowing FileDescriptor, _ name: String) -> Pressure? {
    text(directory, name).map { Pressure(parsing: $0) }
}

extension GroupStatistics {
    fileprivate mutating func readMemory1(_ directory: borrowing FileDescriptor) {
        let stat = values(directory, "memory.stat")
        memory.usage = number(directory, "memory.usage_in_bytes") ?? 0
        let inactive = stat["total_inactive_file"] ?? 0
        memory.workingSet = memory.usage > inactive ? memory.usage - inactive : 0
        memory.cache = stat["total_cache"] ?? 0
        memory.anonymous = stat["total_rss"] ?? 0
        memory.swap = stat["total_swap"] ?? 0
        memory.peak = number(directory, "memory.max_usage_in_bytes") ?? 0
        // "Unlimited" is the largest multiple of a page that fits a signed word.
        if let limit = number(directory, "memory.limit_in_bytes"), limit < 0x7FFF_FFFF_FFFF_0000 {
            memory.limit = limit
        }
    }

    fileprivate mutating func readMemory2(_ directory: borrowing FileDescriptor) {
        let stat = values(directory, "memory.stat")
        memory.usage = number(directory, "memory.current") ?? 0
        let inactive = stat["inactive_file"] ?? 0
        memory.workingSet = memory.usage > inactive ? memory.usage - inactive : 0
        memory.cache = stat["file"] ?? 0
        memory.anonymous = stat["anon"] ?? 0
        memory.swap = number(directory, "memory.swap.current") ?? 0
        memory.peak = number(directory, "memory.peak") ?? 0
        memory.limit = number(directory, "memory.max")
    }

    fileprivate mutating func readCPU2(_ directory: borrowing FileDescriptor) {
        let stat = values(directory, "cpu.stat")
        cpu.usage = (stat["usage_usec"] ?? 0) &* 1000
        cpu.user = (stat["user_usec"] ?? 0) &* 1000
        cpu.system = (stat["system_usec"] ?? 0) &* 1000
        cpu.periods = stat["nr_periods"] ?? 0
        cpu.throttledPeriods = stat["nr_throttled"] ?? 0
        cpu.throttledTime = (stat["throttled_usec"] ?? 0) &* 1000
    }

    fileprivate mutating func readThrottling(_ directory: borrowing FileDescriptor) {
        let stat = values(directory, "cpu.stat")
        cpu.periods = stat["nr_periods"] ?? 0
        cpu.throttledPeriods = stat["nr_throttled"] ?? 0
        cpu.throttledTime = stat["throttled_time"] ?? 0
    }

    fileprivate mutating func readAccounting(_ directory: borrowing FileDescriptor) {
        cpu.usage = number(directory, "cpuacct.usage") ?? 0
        cpu.user = number(directory, "cpuacct.usage_user") ?? 0
        cpu.system = number(directory, "cpuacct.usage_sys") ?? 0
    }

    fileprivate mutating func readIO2(_ directory: borrowing FileDescriptor) {
        let counters = BlockCounters(parsingStat: text(directory, "io.stat") ?? "")
        blockIO.readBytes = counters.readBytes
        blockIO.writeBytes = counters.writeBytes
        blockIO.readOperations = counters.readOperations
        blockIO.writeOperations = counters.writeOperations
    }

    fileprivate mutating func readIO1(_ directory: borrowing FileDescriptor) {
        let bytes = BlockCounters.version1(text(directory, "blkio.throttle.io_service_bytes_recursive") ?? "")
        let operations = BlockCounters.version1(text(directory, "blkio.throttle.io_serviced_recursive") ?? "")
        blockIO.readBytes = bytes.read
        blockIO.writeBytes = bytes.write
        blockIO.readOperations = operations.read
        blockIO.writeOperations = operations.write
    }
}
