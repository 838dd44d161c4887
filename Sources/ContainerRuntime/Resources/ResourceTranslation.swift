import ControlGroups
import OCI

extension ResourceLimits {
    /// The control groups' view of `linux.resources`.
    public init(_ resources: RuntimeResources) throws(RuntimeError) {
        self.init()
        if let source = resources.memory {
            for (name, value) in [
                ("limit", source.limit), ("swap", source.swap), ("reservation", source.reservation),
                ("kernel", source.kernel), ("kernelTCP", source.kernelTCP),
            ] {
                // -1 is "no limit" (config-linux.md, "Memory"); the kernel would take other negative ones for the same.
                guard let value, value < -1 else { continue }
                throw RuntimeError("limit", "memory.\(name)", cause: "\(value) is less than -1")
            }
            memory.limit = source.limit
            memory.swap = source.swap
            memory.reservation = source.reservation
            memory.kernel = source.kernel
            memory.kernelTCP = source.kernelTCP
            memory.swappiness = source.swappiness
            memory.disableOOMKiller = source.disableOOMKiller
            memory.checkBeforeUpdate = source.checkBeforeUpdate
        }
        if let source = resources.cpu {
            cpu.shares = source.shares
            cpu.quota = source.quota
            cpu.period = source.period
            cpu.burst = source.burst
            cpu.realtimeRuntime = source.realtimeRuntime
            cpu.realtimePeriod = source.realtimePeriod
            cpu.cpus = source.cpus.flatMap { $0.isEmpty ? nil : $0 }
            cpu.mems = source.mems.flatMap { $0.isEmpty ? nil : $0 }
            cpu.idle = source.idle
        }
        pids = resources.pidsLimit
        if let source = resources.blockIO {
            blockIO.weight = source.weight
            blockIO.leafWeight = source.leafWeight
            for entry in source.weightDevices {
                if let weight = entry.weight {
                    blockIO.weightDevices.append(
                        BlockDeviceValue(major: entry.major, minor: entry.minor, value: UInt64(weight)))
                }
                if let weight = entry.leafWeight {
                    blockIO.leafWeightDevices.append(
                        BlockDeviceValue(major: entry.major, minor: entry.minor, value: UInt64(weight)))
                }
            }
            func values(_ list: [RuntimeThrottle]) -> [BlockDeviceValue] {
                list.map { BlockDeviceValue(major: $0.major, minor: $0.minor, value: $0.rate) }
            }
            blockIO.throttleReadBytes = values(source.throttleReadBps)
            blockIO.throttleWriteBytes = values(source.throttleWriteBps)
            blockIO.throttleReadOperations = values(source.throttleReadIOPS)
            blockIO.throttleWriteOperations = values(source.throttleWriteIOPS)
        }
        hugepages = resources.hugepageLimits.map { HugepageLimit(pageSize: $0.pageSize, limit: $0.limit) }
        network.classID = resources.networkClassID
        network.priorities = resources.networkPriorities.map { (interface: $0.name, priority: $0.priority) }
        rdma = resources.rdma.map { RDMALimit(device: $0.device, handles: $0.handles, objects: $0.objects) }
        unified = resources.unified
        for name in unified.keys where name.isEmpty || name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 < 33 })
        {
            throw RuntimeError("write", "control file \"\(name)\"", cause: "it is no name of a file of a control group")
        }
        devices = []
        for rule in resources.devices { devices.append(try DeviceRule(rule)) }
        if !devices.isEmpty { devices += Self.defaultDeviceRules }
    }

    /// What every container may use whatever else is denied (config-linux.md "Default Devices" and pseudo-terminals).
    public static let defaultDeviceRules: [DeviceRule] = {
        let numbers: [(UInt32, UInt32?)] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, nil)]
        return numbers.map { DeviceRule(allow: true, kind: .character, major: $0.0, minor: $0.1, access: .all) }
    }()
}

extension DeviceRule {
    init(_ rule: RuntimeDeviceRule) throws(RuntimeError) {
        guard let kind = Kind(rawValue: rule.type), let access = Access(letters: rule.access) else {
            throw RuntimeError(
                "read device rule", "\(rule.type) \(rule.access)",
                cause: "the type is a, b or c, the access some of r, w, m")
        }
        guard let major = Self.number(rule.major), let minor = Self.number(rule.minor) else {
            throw RuntimeError("read device rule", "\(rule.type)", cause: "a device number is out of range")
        }
        self.init(allow: rule.allow, kind: kind, major: major, minor: minor, access: access)
    }

    /// nil inside means "every number"; nil outside means "no number".
    private static func number(_ value: Int64?) -> UInt32?? {
        guard let value else { return .some(nil) }
        return UInt32(exactly: value).map { .some($0) }
    }
}
