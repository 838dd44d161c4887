import LinuxKernel

extension Engine {
    /// `system resume`: starts what ran when the machine went down, and what its policy says is always to run.
    ///
    /// - Returns: the names of those started, and of those that could not be, with the reason.
    public func resume() throws(EngineError) -> (started: [String], failed: [(name: String, reason: EngineError)]) {
        var started = [String]()
        var failed = [(name: String, reason: EngineError)]()
        let boot = Boot.id()
        // The oldest first: later ones may use the networks and names of earlier ones.
        for (record, state) in try list().reversed() where state.status == .exited {
            guard record.restart.resumes(state, thisBoot: boot) else { continue }
            do throws(EngineError) {
                try start(record.id)
                started.append(record.name)
            } catch { failed.append((record.name, error)) }
        }
        return (started, failed)
    }
}

extension RestartPolicy {
    /// Whether a container is started after a reboot; in the same boot only what nobody stopped by hand.
    func resumes(_ state: ContainerState, thisBoot: String) -> Bool {
        guard state.startedAt != WallClock.zero else { return false }
        switch kind {
        case .no: return false
        case .always: return state.bootID != thisBoot || !state.stoppedByHand
        case .unlessStopped: return !state.stoppedByHand
        case .onFailure: return !state.stoppedByHand && state.exitCode != 0
        }
    }
}
