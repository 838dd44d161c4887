import LinuxKernel

extension ControlGroup {
    /// Changes the limits that are given; all others stay.
    ///
    /// - Throws: ``ControlGroupError`` naming the first value the kernel refused. Those written before it stay.
    public func update(limits: ResourceLimits) throws(ControlGroupError) {
        if limits.memory.checkBeforeUpdate == true, let limit = limits.memory.limit, limit > 0 {
            let used = try statistics().memory.usage
            if used > UInt64(limit) {
                throw ControlGroupError(
                    operation: "set the", object: "memory limit of \(path)",
                    cause: "\(used) bytes are in use, more than the new limit of \(limit)",
                    remedy: "use a higher limit, or free memory first")
            }
        }
        try write(limits)
    }

    /// Writes limits and device rules.
    func write(_ limits: ResourceLimits) throws(ControlGroupError) {
        for (hierarchy, writes) in try plan(limits) where !writes.isEmpty {
            let directory = try open(hierarchy)
            try checkProcessors(writes, hierarchy, directory)
            if let failed = Self.apply(writes, to: directory) { throw refusal(failed.write, failed.errno) }
        }
        if !limits.devices.isEmpty { try writeDevices(limits.devices) }
    }

    /// The group's directory in one hierarchy.
    func open(_ hierarchy: Hierarchy, _ flags: OpenFlags = .pathOnly) throws(ControlGroupError) -> FileDescriptor {
        do throws(Errno) {
            return try hierarchy.open(path, flags)
        } catch {
            throw ControlGroupError("open the control group", hierarchy.mountPoint + path.description, error)
        }
    }

    /// Which values go to which hierarchy. On a hybrid machine a controller is at home in one of the two versions.
    func plan(_ limits: ResourceLimits) throws(ControlGroupError) -> [(Hierarchy, [LimitWrite])] {
        if host.layout == .v2 {
            guard let unified else { return [] }
            return [(unified, try limits.version2Writes())]
        }
        var result: [(Hierarchy, [LimitWrite])] = []
        var rest = limits.neededControllers
        for write in try limits.version1Writes() {
            guard let old = host.version1(write.controller) else { continue }
            rest.remove(write.controller == "blkio" ? "io" : write.controller)
            guard hierarchies.contains(old) else {
                throw ControlGroupError(
                    operation: "set the", object: write.what,
                    cause: "\(path) is not in the \(write.controller) hierarchy",
                    remedy: "give that limit when the container is made")
            }
            if let index = result.firstIndex(where: { $0.0 == old }) {
                result[index].1.append(write)
            } else {
                result.append((old, [write]))
            }
        }
        if !limits.unified.isEmpty, unified == nil {
            throw ControlGroupError(
                operation: "set the", object: "control file \(limits.unified.keys.sorted().joined(separator: ", "))",
                cause: "this machine has only cgroup version 1", remedy: "use the settings of version 1")
        }
        if let unified {
            let writes = try limits.restricted(to: rest).version2Writes()
            if !writes.isEmpty { result.append((unified, writes)) }
        }
        return result
    }

    /// Writes in order, once more what only failed because of a value that another write then changed: the memory limit
    /// may not pass "memsw", a period not undercut a quota, whichever way both move.
    static func apply(
        _ writes: [LimitWrite], to directory: borrowing FileDescriptor
    ) -> (write: LimitWrite, errno: Errno)? {
        var pending = writes
        while true {
            var failed: [(write: LimitWrite, errno: Errno)] = []
            for write in pending {
                do throws(Errno) {
                    try apply(write, to: directory)
                } catch {
                    failed.append((write, error))
                }
            }
            if failed.isEmpty { return nil }
            let retriable = failed.allSatisfy { $0.errno == .invalidArgument || $0.errno == .busy }
            if failed.count == pending.count || !retriable { return failed.first }
            pending = failed.map(\.write)
        }
    }

    private static func apply(_ write: LimitWrite, to directory: borrowing FileDescriptor) throws(Errno) {
        for (index, file) in write.files.enumerated() {
            do throws(Errno) {
                let value = index == 0 ? write.value : write.alternative ?? write.value
                try ControlFile.write(directory, file, value)
                return
            } catch {
                if error == .noSuchFile, index + 1 < write.files.count { continue }
                throw error
            }
        }
    }

    /// Version 2 takes processors that do not exist or are not its parent's, and then uses others: refused here as
    /// version 1 refuses them.
    private func checkProcessors(
        _ writes: [LimitWrite], _ hierarchy: Hierarchy, _ directory: borrowing FileDescriptor
    ) throws(ControlGroupError) {
        guard hierarchy.isUnified else { return }
        for write in writes where write.files == ["cpuset.cpus"] || write.files == ["cpuset.mems"] {
            guard let wanted = NumberList(parsing: write.value) else { continue }
            var offered: String?
            do throws(Errno) {
                let root = try hierarchy.openRoot()
                let file = write.files[0] + ".effective"
                if let above = path.parent {
                    offered = try ControlFile.read(try hierarchy.open(above, in: root), file)
                } else {
                    offered = try ControlFile.read(root, file)
                }
            } catch {
                offered = nil
            }
            if let offered, let list = NumberList(parsing: offered), !list.contains(wanted) {
                throw ControlGroupError(
                    operation: "set the", object: "\(write.what) of \(path)",
                    cause: "\(write.value) is not within \(offered)", remedy: "use a list within \(offered)")
            }
        }
    }

    private func refusal(_ write: LimitWrite, _ errno: Errno) -> ControlGroupError {
        var cause = errno.description
        var remedy: String?
        switch errno {
        case .noSuchFile:
            cause = "this kernel has no \(write.files[0])"
            remedy = "leave it out"
        // The second is what a version 1 cpuset says of processors that do not exist.
        case .invalidArgument, Errno(rawValue: 34 /* ERANGE */): cause = "the kernel refuses the value \(printable(write.value))"
        case .busy where write.controller == "memory":
            cause = "more than \(write.value) bytes are in use and cannot be freed"
            remedy = "use a higher limit"
        case .notSupported: cause = "this kernel no longer offers \(write.files[0])"
        case .noSuchDevice: cause = "there is no device \(printable(write.value))"
        default: break
        }
        return ControlGroupError(
            operation: "set the", object: "\(write.what) of \(path)", cause: cause, remedy: remedy, errno: errno)
    }

    // MARK: Devices

    private func write(_ writes: [Version1Devices.Write], to directory: consuming FileDescriptor)
        throws(ControlGroupError)
    {
        var value = "devices.allow"
        do throws(Errno) {
            let allow = try Files.open(at: directory.rawValue, "devices.allow", .writeOnly)
            let deny = try Files.open(at: directory.rawValue, "devices.deny", .writeOnly)
            for write in writes {
                value = write.value
                if write.allow { try allow.writeOnce(Array(value.utf8)) } else { try deny.writeOnce(Array(value.utf8)) }
            }
        } catch {
            throw ControlGroupError(
                "set the device rule \"\(value)\" of", path.description, error,
                remedy: error == .notPermitted ? "a group above does not allow it" : nil)
        }
    }

    /// Device rules: the version 1 controller where it is, unless it cannot express them; else an eBPF program.
    private func writeDevices(_ rules: [DeviceRule]) throws(ControlGroupError) {
        if let old = hierarchies.first(where: { $0.controllers.contains("devices") }) {
            if let writes = Version1Devices.writes(rules) {
                try write(writes, to: try open(old))
                return
            }
            if unified == nil {
                throw ControlGroupError(
                    operation: "set the", object: "device rules of \(path)",
                    cause: "cgroup version 1 cannot make an exception within an allowed range of devices",
                    remedy: "list the allowed devices one by one")
            }
        }
        guard let unified else {
            throw ControlGroupError(
                operation: "set the", object: "device rules of \(path)", cause: "this machine has no devices controller"
            )
        }
        // Unlike O_PATH, which old kernels do not take for bpf(2).
        let directory = try open(unified, .readOnly)
        do throws(Errno) {
            let program = try DeviceFilterProgram.load(instructions: DeviceFilter.program(rules), name: "berth_devices")
            try program.attachAlone(to: directory.rawValue)
        } catch {
            throw ControlGroupError(
                "set the device rules of", path.description, error,
                remedy: error == .notPermitted ? "loading an eBPF program needs CAP_BPF or CAP_SYS_ADMIN" : nil)
        }
    }
}

extension ResourceLimits {
    /// Only the limits of some controllers (version 2 names), and the version 2 files.
    func restricted(to controllers: Set<String>) -> ResourceLimits {
        var result = ResourceLimits()
        result.unified = unified
        if controllers.contains("memory") { result.memory = memory }
        if controllers.contains("pids") { result.pids = pids }
        if controllers.contains("io") { result.blockIO = blockIO }
        if controllers.contains("hugetlb") { result.hugepages = hugepages }
        if controllers.contains("rdma") { result.rdma = rdma }
        if controllers.contains("cpu") { result.cpu = cpu }
        if !controllers.contains("cpu") || !controllers.contains("cpuset") {
            var part = controllers.contains("cpu") ? cpu : CPULimits()
            part.cpus = controllers.contains("cpuset") ? cpu.cpus : nil
            part.mems = controllers.contains("cpuset") ? cpu.mems : nil
            result.cpu = part
        }
        return result
    }
}
