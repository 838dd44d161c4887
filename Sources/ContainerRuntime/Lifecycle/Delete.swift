import ControlGroups
import LinuxKernel
import OCI

extension RuntimeContainers {
    /// `delete`: clears what is left of a stopped (or never started) container; with `force` ends it first, and is content
    /// when there is none. Whatever a killed command left, one forced delete clears.
    public func delete(_ id: String, force: Bool) throws {
        let directory = try directory(id)
        guard directory.exists else {
            if force { return }
            throw directory.missing
        }
        if force, directory.isLockedElsewhere { endWhoeverHoldsIt(directory) }
        do { try deleteUnderLock(directory, force: force) } catch {
            // Another `delete` was faster.
            if force, !directory.exists { return }
            throw error
        }
    }

    private func deleteUnderLock(_ directory: StateDirectory, force: Bool) throws {
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        let state: RuntimeState
        do throws(RuntimeError) { state = try directory.readState() } catch {
            guard force else { throw error }
            // Nothing but the directory is made before its state is written.
            return try directory.remove()
        }
        if !force, case let current = status(state, directory), current != .stopped, current != .created {
            throw RuntimeError(
                "delete", "container \(state.id)",
                cause: "cannot delete container \(state.id) that is not stopped: \(current.rawValue)",
                remedy: "kill it first, or use --force")
        }
        let hooks = state.hasHooks ? (try? directory.configuration())?.hooks : nil
        try end(state)
        try directory.remove()
        if let hooks { runPoststop(hooks, state) }
    }

    /// What `run` does when its container has ended: as ``delete(_:force:)``, without looking again for what this process
    /// has in its hands.
    ///
    /// - Returns: false when the container is not the same any more, or processes of it live on: then `delete` is right.
    func removeEnded(_ creation: borrowing Creation) throws -> Bool {
        guard creation.ownsItsProcesses, let group = creation.group else { return false }
        let directory = creation.directory
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        guard let state = try? directory.readState(), state.pid == creation.state.pid, state.systemdPath == nil,
            state.processStart == creation.state.processStart,
            (try? group.remove(timeoutMicroseconds: 0)) != nil
        else { return false }
        try ResourceDirector.remove(state.resourceDirectories, from: resourceDirectory)
        let hooks = state.hasHooks ? (try? directory.configuration())?.hooks : nil
        try directory.remove()
        if let hooks { runPoststop(hooks, state) }
        return true
    }

    private func runPoststop(_ hooks: RuntimeHooks, _ state: RuntimeState) {
        // The container is gone whatever they say (runtime.md, "Lifecycle", step 13): their failures are only told.
        let failures = Hooks.runAll(.poststop, of: hooks, state: state.publicJSON(.stopped), directory: state.bundle)
        for failure in failures { warn(failure) }
    }

    /// Kills the container's processes, waits for their end and removes its groups.
    private func end(_ state: RuntimeState) throws {
        try endProcesses(state)
        try ResourceDirector.remove(state.resourceDirectories, from: resourceDirectory)
    }

    private func endProcesses(_ state: RuntimeState) throws {
        let group = state.controlGroup.isEmpty ? nil : try group(of: state)
        if let process = try? openProcess(state, for: "delete") {
            try? ProcessSignal.send(pidfd: process.rawValue, ProcessSignal.kill)
            // Its children too: without a pid namespace of its own they outlive it.
            try group?.kill()
            _ = try? Poll.readable(process.rawValue, milliseconds: 10_000)
        }
        guard let group, group.exists else { return }
        try group.kill()
        if let path = state.systemdPath {
            let unit = try SystemdUnit(path, id: state.id)
            // The scope ends by itself with its last process; where systemd cannot be asked, the groups still go.
            do { try SystemdManager().stop(unit) } catch {
                warn(RuntimeError("end", "unit \(unit.name)", cause: "\(error)"))
            }
        }
        try group.remove()
    }

    /// Another command has the container, perhaps for as long as its processes live: without them it comes to an end.
    private func endWhoeverHoldsIt(_ directory: StateDirectory) {
        guard let state = try? directory.readState(), let group = try? group(of: state), group.exists else { return }
        try? group.kill()
    }
}
