import LinuxKernel

extension ResourceLimits {
    /// The writes that set these limits in a version 2 group (kernel documentation: admin-guide/cgroup-v2).
    ///
    /// What version 2 does not have (swappiness, network classes, kernel memory, real-time time) is refused, because an
    /// explicit wish that is quietly dropped is worse than an error.
    func version2Writes() throws(ControlGroupError) -> [LimitWrite] {
        try validate()
        try refuseVersion1Only()
        var writes: [LimitWrite] = []
        func add(_ controller: String, _ file: String, _ value: String, _ what: String) {
            writes.append(LimitWrite(controller, file, value, what))
        }
        if let limit = memory.limit, limit != 0 {
            add("memory", "memory.max", limit < 0 ? "max" : "\(limit)", "memory limit")
        }
        if let swap = memory.swap, swap != 0 {
            // OCI's number is memory and swap together, the kernel's is swap alone.
            let value = swap < 0 ? "max" : "\(swap - (memory.limit ?? 0))"
            add("memory", "memory.swap.max", value, "memory and swap limit")
        }
        if let reservation = memory.reservation, reservation != 0 {
            add("memory", "memory.low", reservation < 0 ? "max" : "\(reservation)", "memory reservation")
        }
        if let shares = cpu.shares, shares != 0 {
            add("cpu", "cpu.weight", "\(CPUWeight.weight(shares: shares))", "CPU shares")
        }
        let quota = cpu.quota ?? 0
        let period = cpu.period ?? 0
        if quota != 0 || period != 0 {
            var value = quota > 0 ? "\(quota)" : "max"
            if period != 0 { value += " \(period)" }
            add("cpu", "cpu.max", value, "CPU quota")
        }
        if let burst = cpu.burst { add("cpu", "cpu.max.burst", "\(burst)", "CPU burst") }
        if let idle = cpu.idle { add("cpu", "cpu.idle", "\(idle)", "idle scheduling") }
        if let cpus = cpu.cpus, !cpus.isEmpty { add("cpuset", "cpuset.cpus", cpus, "processors") }
        if let mems = cpu.mems, !mems.isEmpty { add("cpuset", "cpuset.mems", mems, "memory nodes") }
        if let pids, pids != 0 { add("pids", "pids.max", pids < 0 ? "max" : "\(pids)", "limit of processes") }
        writes += inputOutputWrites()
        writes += sharedWrites(version1: false)
        return writes + unifiedWrites()
    }

    /// The writes of `unified`, in the order of the file names.
    func unifiedWrites() -> [LimitWrite] {
        unified.sorted { $0.key < $1.key }.map { name, value in
            let controller = name.prefix { $0 != "." }
            return LimitWrite(controller == "cgroup" ? "" : String(controller), name, value, "control file \(name)")
        }
    }

    private func inputOutputWrites() -> [LimitWrite] {
        var writes: [LimitWrite] = []
        func weight(_ value: UInt64, device: String?) {
            let scaled = CPUWeight.ioWeight(value)
            var write = LimitWrite(
                "io", "io.weight", device.map { "\($0) \(scaled)" } ?? "default \(scaled)", "block IO weight")
            // The BFQ scheduler's own file has the old scale.
            write.files.append("io.bfq.weight")
            write.alternative = device.map { "\($0) \(value)" } ?? "\(value)"
            writes.append(write)
        }
        if let value = blockIO.weight, value != 0 { weight(UInt64(value), device: nil) }
        for entry in blockIO.weightDevices { weight(entry.value, device: "\(entry.major):\(entry.minor)") }
        let lists: [(String, [BlockDeviceValue], String)] = [
            ("rbps", blockIO.throttleReadBytes, "read rate"), ("wbps", blockIO.throttleWriteBytes, "write rate"),
            ("riops", blockIO.throttleReadOperations, "read operation rate"),
            ("wiops", blockIO.throttleWriteOperations, "write operation rate"),
        ]
        for (key, list, what) in lists {
            for entry in list {
                let value = entry.value == 0 ? "max" : "\(entry.value)"
                writes.append(LimitWrite("io", "io.max", "\(entry.major):\(entry.minor) \(key)=\(value)", what))
            }
        }
        return writes
    }

    private func refuseVersion1Only() throws(ControlGroupError) {
        func refusal(_ what: String) -> ControlGroupError {
            refused(what, "this machine has only cgroup version 2, which has no such setting", "leave it out")
        }
        if memory.swappiness != nil { throw refusal("memory swappiness") }
        if memory.disableOOMKiller == true { throw refusal("out-of-memory killer") }
        if memory.kernel ?? 0 > 0 { throw refusal("kernel memory limit") }
        if memory.kernelTCP ?? 0 > 0 { throw refusal("TCP memory limit") }
        if cpu.realtimeRuntime ?? 0 != 0 || cpu.realtimePeriod ?? 0 != 0 { throw refusal("real-time scheduling time") }
        if blockIO.leafWeight ?? 0 != 0 || !blockIO.leafWeightDevices.isEmpty { throw refusal("block IO leaf weight") }
        if network.classID != nil { throw refusal("network class") }
        if !network.priorities.isEmpty { throw refusal("network priority") }
    }
}
