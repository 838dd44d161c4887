import LinuxKernel

extension ControlGroup {
    /// Reads every counter there is. A file that is missing leaves the others readable.
    public func counters() -> GroupCounters {
        var result = GroupCounters()
        if let files = files(of: "memory") { result.memory = files.isUnified ? memory2(files) : memory1(files) }
        readProcessor(&result)
        if let files = files(of: "pids") {
            result.pids = files.number("pids.current") ?? 0
            result.pidsLimit = files.number("pids.max") ?? 0
        }
        if let files = files(of: "cpuset") { result.cpuset = cpuset(files) }
        readBlockDevices(&result)
        if let files = files(of: "hugetlb") { result.hugepages = hugepages(files) }
        return result
    }

    private func files(of controller: String) -> CounterFiles? {
        guard let hierarchy = home(of: controller), let directory = try? hierarchy.open(path) else { return nil }
        return CounterFiles(SharedDescriptor(directory), isUnified: hierarchy.isUnified)
    }

    private func memory1(_ files: CounterFiles) -> GroupCounters.Memory {
        func entry(_ name: String) -> GroupCounters.MemoryEntry {
            GroupCounters.MemoryEntry(
                limit: files.number("\(name).limit_in_bytes") ?? 0, usage: files.number("\(name).usage_in_bytes") ?? 0,
                peak: files.number("\(name).max_usage_in_bytes") ?? 0, failures: files.number("\(name).failcnt") ?? 0)
        }
        var memory = GroupCounters.Memory()
        memory.raw = CounterText.keyed(files.text("memory.stat"))
        memory.cache = memory.raw.first { $0.name == "cache" }?.value ?? 0
        memory.main = entry("memory")
        memory.swap = entry("memory.memsw")
        memory.kernel = entry("memory.kmem")
        memory.kernelTCP = entry("memory.kmem.tcp")
        return memory
    }

    private func memory2(_ files: CounterFiles) -> GroupCounters.Memory {
        func limit(_ name: String) -> UInt64 {
            let text = files.text(name)
            return text == "max" ? .max : UInt64(text) ?? 0
        }
        func sum(_ first: UInt64, _ second: UInt64) -> UInt64 {
            first.addingReportingOverflow(second).overflow ? .max : first + second
        }
        var memory = GroupCounters.Memory()
        memory.raw = CounterText.keyed(files.text("memory.stat"))
        memory.cache = memory.raw.first { $0.name == "file" }?.value ?? 0
        let events = CounterText.keyed(files.text("memory.events"))
        memory.main = GroupCounters.MemoryEntry(
            limit: limit("memory.max"), usage: files.number("memory.current") ?? 0,
            peak: files.number("memory.peak") ?? 0, failures: events.first { $0.name == "max" }?.value ?? 0)
        // The kernel's number is swap alone, the older one that readers know is memory and swap.
        memory.swap = GroupCounters.MemoryEntry(
            limit: sum(limit("memory.swap.max"), memory.main.limit),
            usage: sum(files.number("memory.swap.current") ?? 0, memory.main.usage))
        return memory
    }

    private func readProcessor(_ result: inout GroupCounters) {
        if let files = files(of: "cpu") {
            let stat = KeyedValues(parsing: files.text("cpu.stat"))
            result.cpu.periods = stat["nr_periods"] ?? 0
            result.cpu.throttledPeriods = stat["nr_throttled"] ?? 0
            result.cpu.throttledTime = stat["throttled_time"] ?? (stat["throttled_usec"] ?? 0) &* 1000
            result.cpu.total = (stat["usage_usec"] ?? 0) &* 1000
            result.cpu.user = (stat["user_usec"] ?? 0) &* 1000
            result.cpu.kernel = (stat["system_usec"] ?? 0) &* 1000
        }
        guard let files = files(of: "cpuacct"), !files.isUnified else { return }
        result.cpu.total = files.number("cpuacct.usage") ?? 0
        result.cpu.user = files.number("cpuacct.usage_user") ?? 0
        result.cpu.kernel = files.number("cpuacct.usage_sys") ?? 0
        result.cpu.perProcessor = CounterText.numbers(files.text("cpuacct.usage_percpu"))
        (result.cpu.perProcessorUser, result.cpu.perProcessorKernel) = CounterText.perProcessor(
            files.text("cpuacct.usage_all"))
    }

    private func cpuset(_ files: CounterFiles) -> GroupCounters.CPUSet {
        var result = GroupCounters.CPUSet()
        result.cpus = CounterText.list(files.text("cpuset.cpus"))
        result.mems = CounterText.list(files.text("cpuset.mems"))
        guard !files.isUnified else { return result }
        for name in [
            "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
            "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
        ] { result.flags.append((name, Int64(files.text("cpuset.\(name)")) ?? 0)) }
        return result
    }

    private func readBlockDevices(_ result: inout GroupCounters) {
        if let files = files(of: "blkio"), !files.isUnified {
            let names = [
                ("ioServiceBytesRecursive", "blkio.throttle.io_service_bytes_recursive"),
                ("ioServicedRecursive", "blkio.throttle.io_serviced_recursive"),
                ("ioQueueRecursive", "blkio.bfq.io_queued_recursive"),
                ("ioServiceTimeRecursive", "blkio.bfq.io_service_time_recursive"),
                ("ioWaitTimeRecursive", "blkio.bfq.io_wait_time_recursive"),
                ("ioMergedRecursive", "blkio.bfq.io_merged_recursive"),
                ("ioTimeRecursive", "blkio.bfq.time_recursive"),
                ("sectorsRecursive", "blkio.bfq.sectors_recursive"),
            ]
            result.blockIO = names.map { ($0.0, CounterText.blockVersion1(files.text($0.1))) }
        } else if let files = files(of: "io"), files.isUnified {
            let both = CounterText.blockVersion2(files.text("io.stat"))
            result.blockIO = [("ioServiceBytesRecursive", both.bytes), ("ioServicedRecursive", both.operations)]
        }
    }

    private func hugepages(_ files: CounterFiles) -> [(size: String, entry: GroupCounters.MemoryEntry)] {
        files.names.compactMap { name in
            let parts = name.split(separator: ".")
            guard parts.count == 3, parts[0] == "hugetlb", parts[2] == (files.isUnified ? "current" : "usage_in_bytes")
            else { return nil }
            let page = "hugetlb.\(parts[1])"
            var entry = GroupCounters.MemoryEntry()
            entry.usage = files.number(name) ?? 0
            if files.isUnified {
                entry.failures = CounterText.keyed(files.text("\(page).events")).first { $0.name == "max" }?.value ?? 0
            } else {
                entry.peak = files.number("\(page).max_usage_in_bytes") ?? 0
                entry.failures = files.number("\(page).failcnt") ?? 0
            }
            return (String(parts[1]), entry)
        }
    }
}

/// A group's directory in one hierarchy.
private struct CounterFiles {
    private let directory: SharedDescriptor
    let isUnified: Bool

    init(_ directory: SharedDescriptor, isUnified: Bool) {
        self.directory = directory
        self.isUnified = isUnified
    }

    /// A file's text; empty when it cannot be read.
    func text(_ name: String) -> String { (try? Files.readLine(at: directory.number, name)) ?? "" }
    func number(_ name: String) -> UInt64? { UInt64(text(name)) }

    /// The files' names in order.
    var names: [String] {
        guard let copy = try? Files.open(at: directory.number, ".", [.readOnly, .directory]),
            let entries = try? copy.directoryEntries()
        else { return [] }
        return entries.map(\.name.description).sorted()
    }
}
