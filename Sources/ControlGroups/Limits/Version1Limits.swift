extension ResourceLimits {
    /// The writes that set these limits in version 1 hierarchies, in an order every kernel takes for a new group.
    ///
    /// Kernel documentation: admin-guide/cgroup-v1. Memory and its "memsw" twin must never cross, nor must a quota and
    /// its burst: on an update of a group the other order may be the right one, which ``LimitWriter`` finds out.
    func version1Writes() throws(ControlGroupError) -> [LimitWrite] {
        try validate()
        var writes: [LimitWrite] = []
        func add(_ controller: String, _ file: String, _ value: String, _ what: String) {
            writes.append(LimitWrite(controller, file, value, what))
        }
        if let limit = memory.limit, limit != 0 {
            add("memory", "memory.limit_in_bytes", "\(max(limit, -1))", "memory limit")
        }
        if let swap = memory.swap, swap != 0 {
            add("memory", "memory.memsw.limit_in_bytes", "\(max(swap, -1))", "memory and swap limit")
        }
        if let reservation = memory.reservation, reservation != 0 {
            add("memory", "memory.soft_limit_in_bytes", "\(max(reservation, -1))", "memory reservation")
        }
        if let kernel = memory.kernel, kernel != 0 {
            add("memory", "memory.kmem.limit_in_bytes", "\(max(kernel, -1))", "kernel memory limit")
        }
        if let tcp = memory.kernelTCP, tcp != 0 {
            add("memory", "memory.kmem.tcp.limit_in_bytes", "\(max(tcp, -1))", "TCP memory limit")
        }
        if let swappiness = memory.swappiness {
            add("memory", "memory.swappiness", "\(swappiness)", "memory swappiness")
        }
        if let disable = memory.disableOOMKiller {
            add("memory", "memory.oom_control", disable ? "1" : "0", "out-of-memory killer")
        }
        if let shares = cpu.shares, shares != 0 { add("cpu", "cpu.shares", "\(shares)", "CPU shares") }
        if let period = cpu.period, period != 0 { add("cpu", "cpu.cfs_period_us", "\(period)", "CPU period") }
        if let quota = cpu.quota, quota != 0 { add("cpu", "cpu.cfs_quota_us", "\(max(quota, -1))", "CPU quota") }
        if let burst = cpu.burst { add("cpu", "cpu.cfs_burst_us", "\(burst)", "CPU burst") }
        if let period = cpu.realtimePeriod, period != 0 {
            add("cpu", "cpu.rt_period_us", "\(period)", "real-time period")
        }
        if let time = cpu.realtimeRuntime, time != 0 { add("cpu", "cpu.rt_runtime_us", "\(time)", "real-time runtime") }
        if let idle = cpu.idle { add("cpu", "cpu.idle", "\(idle)", "idle scheduling") }
        if let cpus = cpu.cpus, !cpus.isEmpty { add("cpuset", "cpuset.cpus", cpus, "processors") }
        if let mems = cpu.mems, !mems.isEmpty { add("cpuset", "cpuset.mems", mems, "memory nodes") }
        if let pids, pids != 0 { add("pids", "pids.max", pids < 0 ? "max" : "\(pids)", "limit of processes") }
        writes += blockWrites()
        writes += sharedWrites(version1: true)
        if let id = network.classID { add("net_cls", "net_cls.classid", "\(id)", "network class") }
        for entry in network.priorities {
            add("net_prio", "net_prio.ifpriomap", "\(entry.interface) \(entry.priority)", "network priority")
        }
        return writes
    }

    private func blockWrites() -> [LimitWrite] {
        var writes: [LimitWrite] = []
        if let weight = blockIO.weight, weight != 0 {
            var write = LimitWrite("blkio", "blkio.weight", "\(weight)", "block IO weight")
            write.files.append("blkio.bfq.weight")
            writes.append(write)
        }
        if let weight = blockIO.leafWeight, weight != 0 {
            writes.append(LimitWrite("blkio", "blkio.leaf_weight", "\(weight)", "block IO leaf weight"))
        }
        let lists: [(String, [BlockDeviceValue], String)] = [
            ("blkio.weight_device", blockIO.weightDevices, "block IO device weight"),
            ("blkio.leaf_weight_device", blockIO.leafWeightDevices, "block IO device leaf weight"),
            ("blkio.throttle.read_bps_device", blockIO.throttleReadBytes, "read rate"),
            ("blkio.throttle.write_bps_device", blockIO.throttleWriteBytes, "write rate"),
            ("blkio.throttle.read_iops_device", blockIO.throttleReadOperations, "read operation rate"),
            ("blkio.throttle.write_iops_device", blockIO.throttleWriteOperations, "write operation rate"),
        ]
        for (file, list, what) in lists {
            for entry in list {
                var write = LimitWrite("blkio", file, "\(entry.major):\(entry.minor) \(entry.value)", what)
                if file == "blkio.weight_device" { write.files.append("blkio.bfq.weight_device") }
                writes.append(write)
            }
        }
        return writes
    }

    /// Controllers whose files are the same in both versions but for a word.
    func sharedWrites(version1: Bool) -> [LimitWrite] {
        var writes: [LimitWrite] = []
        for page in hugepages {
            let file = "hugetlb.\(page.pageSize).\(version1 ? "limit_in_bytes" : "max")"
            writes.append(LimitWrite("hugetlb", file, "\(page.limit)", "limit of \(page.pageSize) pages"))
            // Reservations too (config-linux.md, "Huge page limits"), from Linux 5.7 on; else the same file once more.
            let reserved = "hugetlb.\(page.pageSize).rsvd.\(version1 ? "limit_in_bytes" : "max")"
            var write = LimitWrite("hugetlb", reserved, "\(page.limit)", "limit of reserved \(page.pageSize) pages")
            write.files.append(file)
            writes.append(write)
        }
        for entry in rdma {
            let handles = entry.handles.map { "\($0)" } ?? "max"
            let objects = entry.objects.map { "\($0)" } ?? "max"
            let value = "\(entry.device) hca_handle=\(handles) hca_object=\(objects)"
            writes.append(LimitWrite("rdma", "rdma.max", value, "RDMA limit"))
        }
        return writes
    }
}
