import ControlGroups
import JSON
import LinuxKernel
import OCI

extension RuntimeContainers {
    /// `update`: changes limits of a container; what is not given stays.
    ///
    /// Device rules are not changed, as with runc: an engine that sends its whole list must not undo what a device plug-in
    /// has allowed meanwhile.
    public func update(_ id: String, _ resources: RuntimeResources) throws {
        let directory = try directory(id)
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        var state = try directory.readState()
        guard status(state, directory) != .stopped else {
            throw RuntimeError("update", "container \(id)", cause: "container not running")
        }
        let group = try group(of: state)
        guard group.exists else { throw RuntimeError("update", "container \(id)", cause: "it has no control group") }
        var limits = try ResourceLimits(resources)
        limits.devices = []
        try complete(&limits, state, group)
        if let path = state.systemdPath {
            // First systemd: it would set its own values again at its next reload (`systemctl daemon-reload`).
            try SystemdManager().update(
                try SystemdUnit(path, id: state.id), limits: limits, isVersion2: group.host.layout == .v2)
        }
        try group.update(limits: limits)
        if let quota = limits.cpu.quota, quota != 0 { state.cpuQuota = quota }
        if let period = limits.cpu.period, period != 0 { state.cpuPeriod = period }
        try directory.write(state)
    }

    /// Adds what a value needs of its neighbours that stay.
    private func complete(
        _ limits: inout ResourceLimits, _ state: RuntimeState, _ group: ControlGroup
    ) throws(ControlGroupError) {
        // "No limit of memory" without a word about swap means both, as cgroup version 1 has always had it.
        if limits.memory.limit == -1, limits.memory.swap == nil { limits.memory.swap = -1 }
        if limits.memory.limit ?? 0 == 0, let swap = limits.memory.swap, swap > 0 {
            limits.memory.limit = try group.statistics().memory.limit.map { Int64(clamping: $0) }
        }
        // One file of version 2 holds quota and period: a new period must not undo the quota.
        if limits.cpu.period ?? 0 != 0, limits.cpu.quota ?? 0 == 0 { limits.cpu.quota = state.cpuQuota }
        if limits.cpu.quota ?? 0 != 0, limits.cpu.period ?? 0 == 0 { limits.cpu.period = state.cpuPeriod }
    }
}

extension RuntimeResources {
    /// Reads what `update --resources` is given.
    public init(updateFrom text: [UInt8], name: String) throws(RuntimeError) {
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: text).objectValue else {
                throw JSONError(problem: "an object was expected")
            }
            try self.init(object)
        } catch {
            throw RuntimeError("read resources from", name, cause: error.description)
        }
    }
}
