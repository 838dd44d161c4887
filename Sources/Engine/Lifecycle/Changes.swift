import ContainerRuntime
import ControlGroups
import LinuxKernel
import OCI

extension Engine {
    /// `rename`.
    public func rename(_ text: String, to name: String) throws(EngineError) {
        let (record, _, directory) = try inspect(text)
        guard !name.isEmpty else { throw EngineError("Neither old nor new names may be empty") }
        let wanted =
            name.utf8.first == UInt8(ascii: "/") ? String(decoding: name.utf8.dropFirst(), as: UTF8.self) : name
        guard ContainerName.isValid(wanted) else {
            throw EngineError(
                "Invalid container name (\(ContainerRegistry.printable(name))), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            )
        }
        guard wanted != record.name else {
            throw EngineError("Renaming a container with the same name as its current name")
        }
        // The new name first: whoever is killed between leaves two names for one container, of which removing it
        // clears both, and never none.
        do throws(EngineError) { try containers.claim(name: wanted, id: record.id) } catch {
            throw EngineError(error.description)
        }
        var old = record.name
        do throws(EngineError) {
            let changed = try directory.change { (record) throws(EngineError) in
                old = record.name
                record.name = wanted
            }
            if old != wanted { containers.release(name: old, id: record.id) }
            report("rename", changed, ["oldName": "/" + old])
        } catch {
            containers.release(name: wanted, id: record.id)
            throw error
        }
    }

    /// What `update` changes; nil is left as it is.
    public struct ContainerUpdate: Sendable {
        /// Limits: what is set replaces the container's.
        public var limits = ContainerLimits()
        public var restart: RestartPolicy?

        /// No change.
        public init() {}
    }

    /// `update`: changes limits, of a running container at once, and what happens when it ends.
    public func update(_ text: String, _ update: ContainerUpdate) throws(EngineError) {
        let (record, state, directory) = try inspectStarted(text)
        if update.restart.map({ $0.kind != .no }) == true, record.autoRemove {
            throw EngineError("Restart policy cannot be updated because AutoRemove is enabled for the container")
        }
        var limits = record.limits
        try limits.take(update.limits)
        var changed = record
        changed.limits = limits
        if state.status == .running {
            let specification = try SpecificationBuilder(record: changed, directory: directory).build()
            do {
                let group = try ControlGroup.open(host: HostControlGroups.detect(), path: directory.payloadGroup)
                if group.exists, let resources = specification.configuration.linux.resources {
                    var wanted = try ResourceLimits(resources)
                    // What a container may open is not changed by this.
                    wanted.devices = []
                    try group.update(limits: wanted)
                }
            } catch {
                throw EngineError("cannot update container \(record.name): \(error)")
            }
        }
        let result = try directory.change { (record) throws(EngineError) in
            record.limits = limits
            if let restart = update.restart { record.restart = restart }
        }
        report("update", result)
    }
}

extension ContainerLimits {
    /// Takes what another one sets.
    ///
    /// - Throws: when the result contradicts itself.
    mutating func take(_ other: ContainerLimits) throws(EngineError) {
        if let cpus = other.nanoCPUs {
            guard other.cpuQuota == nil, other.cpuPeriod == nil else {
                throw EngineError("Conflicting options: CPU Period or Quota and NanoCPUs cannot both be set")
            }
            guard cpuQuota == nil, cpuPeriod == nil else {
                throw EngineError("Conflicting options: NanoCPUs cannot be updated as CPU Period or Quota has been set")
            }
            nanoCPUs = cpus
        }
        if other.cpuQuota != nil || other.cpuPeriod != nil {
            guard nanoCPUs == nil else {
                throw EngineError(
                    "Conflicting options: CPU Period or Quota cannot be updated as NanoCPUs has already been set")
            }
            cpuQuota = other.cpuQuota ?? cpuQuota
            cpuPeriod = other.cpuPeriod ?? cpuPeriod
        }
        if let value = other.memory {
            guard value == 0 || value >= 6 << 20 else { throw EngineError("Minimum memory limit allowed is 6MB") }
            if let swap = other.memorySwap ?? memorySwap, swap > 0, value > swap {
                throw EngineError(
                    "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
                )
            }
            memory = value == 0 ? nil : value
        }
        if let value = other.memorySwap {
            guard value == -1 || value == 0 || value >= memory ?? Int64.max else {
                throw EngineError(
                    memory == nil
                        ? "You should always set the Memory limit when using Memoryswap limit"
                        : "Minimum memoryswap limit should be larger than memory limit")
            }
            memorySwap = value == 0 ? nil : value
        }
        if let value = other.memoryReservation {
            guard value <= memory ?? Int64.max else {
                throw EngineError("Minimum memory limit can not be less than memory reservation limit")
            }
            memoryReservation = value == 0 ? nil : value
        }
        cpuShares = other.cpuShares ?? cpuShares
        cpusetCPUs = other.cpusetCPUs ?? cpusetCPUs
        cpusetMems = other.cpusetMems ?? cpusetMems
        if let value = other.pids { pids = value == 0 ? nil : value }
    }
}
