import ContainerNetwork
import ContainerRuntime
import ControlGroups
import Glibc
import ImageStore
import LinuxKernel

extension Engine {
    /// A container's records as they are true now: what a killed monitor, a killed creator or a reboot left is put right
    /// first (DESIGN 1.3). Nil for a container that is gone then.
    func current(_ directory: ContainerDirectory) throws(EngineError) -> (
        record: ContainerRecord, state: ContainerState
    )? {
        var state = directory.readState()
        let record: ContainerRecord
        do throws(EngineError) { record = try directory.readRecord() } catch {
            // Removed between the listing and now.
            if !Files.exists(directory.path + "/container.json") { return nil }
            throw error
        }
        // A container that has ended stays so, and its creator or monitor is at work as long as the lock is held.
        if state.status == .exited && !record.autoRemove || directory.isLocked { return (record, state) }
        if state.status == .created, directory.hasState { return (record, state) }
        guard let result = try reconcile(record, directory) else { return nil }
        state = result
        // Whose monitor was killed is started again by whoever finds it, as its policy says; after a reboot `system
        // resume` does that.
        if state.wasAbandoned, state.bootID == Boot.id(),
            record.restart.applies(exitCode: 137, stoppedByHand: state.stoppedByHand, count: state.restartCount)
        {
            try? start(record.id)
            state = directory.readState()
        }
        return (record, state)
    }

    /// Puts a container right that nobody looks after; nil when it is gone then.
    private func reconcile(
        _ record: ContainerRecord, _ directory: ContainerDirectory
    ) throws(EngineError) -> ContainerState? {
        guard let lock = try directory.lock() else { return directory.readState() }
        defer { withExtendedLifetime(lock) {} }
        var state = directory.readState()
        guard state.isAlive || record.autoRemove else { return state }
        try bury(record, directory, &state)
        state.wasAbandoned = true
        return record.autoRemove ? nil : state
    }

    /// Puts away a container whose monitor is no more. The caller holds its lock.
    private func bury(
        _ record: ContainerRecord, _ directory: ContainerDirectory, _ state: inout ContainerState
    ) throws(EngineError) {
        do throws(ControlGroupError) {
            let host = try HostControlGroups.detect()
            let payload = try ControlGroup.open(host: host, path: directory.payloadGroup)
            if payload.exists {
                state.oomKilled = ((try? payload.outOfMemoryKills()) ?? 0) > 0
                try payload.kill()
                try payload.remove(emptyParents: 2)
            }
            let monitor = try ControlGroup.open(host: host, path: directory.monitorGroup)
            if monitor.exists { try monitor.remove(emptyParents: 2) }
        } catch {
            throw EngineError("cannot clear what is left of container \(record.name): \(error)")
        }
        do { try networks.release(containerID: record.id) } catch {
            throw EngineError("cannot clear the network of container \(record.name): \(error)")
        }
        if record.autoRemove {
            try discard(record, directory)
            return
        }
        let boot = Boot.id()
        state.error =
            state.bootID == boot || state.bootID.isEmpty
            ? "its monitor (process \(state.monitorPID)) was killed, and the container with it"
            : "the machine was restarted while the container ran"
        state.status = .exited
        state.isPaused = false
        state.exitCode = 137
        state.pid = 0
        state.finishedAt = WallClock.now()
        try directory.write(state)
        report("die", record, ["exitCode": "137"])
    }

    /// Removes a container's files, name and id range. The caller holds its lock, and the container does not run.
    func discard(_ record: ContainerRecord, _ directory: ContainerDirectory) throws(EngineError) {
        try directory.remove()
        containers.release(name: record.name, id: record.id)
        if let range = record.idRange { IDRanges.release(range, of: directory.path) }
        try? images.release(holder: record.id)
        if record.autoRemove {
            removeAnonymousVolumes(of: record)
            report("destroy", record)
        }
    }

    /// Removes what creators that were killed before a container had its record have left: directories, id ranges,
    /// names, leases. Whoever is still creating holds the lock.
    func sweep() {
        let known = Set(containers.ids())
        let places = [roots.containers, roots.runContainers].flatMap { ContainerRegistry.entries($0) }
        for id in Set(places) where ContainerID.isID(id) && !known.contains(id) {
            let directory = ContainerDirectory(roots: roots, id: id)
            guard !directory.isLocked, let lock = try? directory.lock() else { continue }
            defer { withExtendedLifetime(lock) {} }
            guard !Files.exists(directory.path + "/container.json") else { continue }
            clearGroups(directory)
            IDRanges.releaseAll(of: directory.path)
            try? images.release(holder: id)
            try? networks.release(containerID: id)
            for name in ContainerRegistry.entries(roots.names) { containers.release(name: name, id: id) }
            try? directory.remove()
        }
        networks.sweep()
    }

    /// Ends and removes the control groups of something that was never a container in anybody's eyes.
    private func clearGroups(_ directory: ContainerDirectory) {
        guard let host = try? HostControlGroups.detect(),
            let payload = try? ControlGroup.open(host: host, path: directory.stepGroup), payload.exists
        else { return }
        try? payload.kill()
        try? payload.remove(emptyParents: 2)
    }

    /// Clears away what killed builds have left of their steps.
    public func sweepBuilds() { sweep() }

    /// Every container with its records, newest first, after putting right what crashes left.
    public func list() throws(EngineError) -> [(record: ContainerRecord, state: ContainerState)] {
        var result = [(record: ContainerRecord, state: ContainerState)]()
        sweep()
        settleNetworkChanges()
        for id in containers.ids() {
            if let entry = try current(ContainerDirectory(roots: roots, id: id)) { result.append(entry) }
        }
        // Somebody's flush of the firewall is healed by whoever looks next.
        if result.contains(where: { $0.state.status == .running && $0.record.joinsNetworks }) {
            _ = try? networks.heal()
        }
        return result.sorted { $0.record.created > $1.record.created }
    }

    /// What the health checks of a running container have found; nil without checks.
    public func health(_ record: ContainerRecord, _ state: ContainerState) -> HealthState? {
        ContainerDirectory(roots: roots, id: record.id).health(record, state)
    }

    /// One container by name or id.
    public func inspect(
        _ text: String
    ) throws(EngineError) -> (record: ContainerRecord, state: ContainerState, directory: ContainerDirectory) {
        let directory = try containers.find(text)
        guard let entry = try current(directory) else { throw EngineError("No such container: \(text)") }
        return (entry.record, entry.state, directory)
    }
}

extension ContainerRegistry {
    /// The name of a container by its id, nil when there is none.
    func name(of id: String) -> String? {
        guard ContainerID.isID(id) else { return nil }
        return try? ContainerDirectory(roots: roots, id: id).readRecord().name
    }
}
