import ContainerNetwork
import ControlGroups
import Glibc
import LinuxKernel

extension Engine {
    /// A pidfd of a running container's first process: certainly that one, by its start time.
    func openProcess(_ record: ContainerRecord, _ state: ContainerState) throws(EngineError) -> FileDescriptor {
        guard state.status == .running else { throw EngineError("container \(record.name) is not running") }
        do throws(Errno) {
            let process = try ProcessClone.open(pid: state.pid)
            guard ProcessInformation.startTime(of: state.pid) == state.processStart else { throw .noSuchProcess }
            return process
        } catch {
            throw EngineError("container \(record.name) is not running")
        }
    }

    /// `kill`: sends a signal to the container's first process.
    public func kill(_ text: String, signal: Int32) throws(EngineError) {
        let (record, state, directory) = try inspectStarted(text)
        guard state.status == .running else {
            throw EngineError(
                "cannot kill container: \(text): container \(ContainerID.short(record.id)) is not running")
        }
        let process = try openProcess(record, state)
        // As Docker: what ends a container also ends its policy.
        if signal == SIGKILL || signal == Signals.number(record.stopSignal) { tellStopping(directory) }
        try attempt("signal container", record.name) { () throws(Errno) in
            try ProcessSignal.send(pidfd: process.rawValue, signal)
        }
        report("kill", record, ["signal": String(signal)])
        if state.isPaused, signal == SIGKILL || signal == Signals.number(record.stopSignal) { thaw(directory) }
        // As Docker: after SIGKILL the container has ended when the command returns.
        if signal == SIGKILL { _ = directory.waitUntilUnlocked(milliseconds: 10_000) }
    }

    /// `stop`: the container's stop signal, then SIGKILL after the time-out.
    ///
    /// - Parameters:
    ///   - signal: instead of the container's own.
    ///   - timeout: seconds instead of the container's own; negative waits for ever.
    public func stop(_ text: String, signal: Int32? = nil, timeout: Int? = nil) throws(EngineError) {
        let (record, state, directory) = try inspectStarted(text)
        if state.status == .restarting {
            tellStopping(directory)
            _ = directory.waitUntilUnlocked(milliseconds: 10_000)
            return
        }
        guard state.status == .running else { return }
        // Told first: from then on no policy starts it again, and what the state says afterwards is the last run.
        tellStopping(directory)
        defer { report("stop", record) }
        guard let process = try? openProcess(record, directory.readState()) else {
            _ = directory.waitUntilUnlocked(milliseconds: 10_000)
            return
        }
        let number = signal ?? Signals.number(record.stopSignal) ?? SIGTERM
        try? ProcessSignal.send(pidfd: process.rawValue, number)
        if state.isPaused { thaw(directory) }
        let seconds = timeout ?? record.stopTimeout
        let limit: Int32? = seconds < 0 ? nil : Int32(clamping: seconds * 1000)
        if directory.waitUntilUnlocked(milliseconds: limit) { return }
        try? ProcessSignal.send(pidfd: process.rawValue, SIGKILL)
        guard directory.waitUntilUnlocked(milliseconds: 30_000) else {
            throw EngineError(
                "container \(record.name) did not end within 30 seconds of SIGKILL; a process of it hangs in the kernel"
            )
        }
    }

    /// `wait`: the exit status, once the container has ended.
    public func wait(_ text: String) throws(EngineError) -> Int32 {
        let (_, state, directory) = try inspectStarted(text)
        if state.status == .exited { return state.exitCode }
        if let code = awaitExit(directory) { return code }
        _ = directory.waitUntilUnlocked(milliseconds: nil)
        // A container that removes itself leaves no record; its monitor's last state is what was read.
        guard let entry = try current(directory) else { return directory.readState().exitCode }
        return entry.state.exitCode
    }

    /// `rm`: removes a container that does not run; with `force` kills it first.
    public func remove(_ text: String, force: Bool, volumes removesVolumes: Bool) throws(EngineError) {
        let (record, state, directory) = try inspect(text)
        // The monitor of a container that has ended holds the lock until it has ended itself.
        if state.status == .exited, directory.isLocked { _ = directory.waitUntilUnlocked(milliseconds: 5000) }
        if state.isAlive || directory.isLocked {
            guard force else {
                if state.isPaused || state.status == .restarting {
                    throw EngineError(
                        "cannot remove container \"/\(record.name)\": container is \(state.word) and must be stopped first"
                    )
                }
                throw EngineError(
                    "cannot remove container \"/\(record.name)\": container is running: stop the container before removing or force remove"
                )
            }
            guard end(record, directory) else {
                throw EngineError("container \(record.name) did not end within 30 seconds of SIGKILL")
            }
            // It may have removed itself.
            guard Files.exists(directory.path + "/container.json") else { return }
        }
        guard let lock = try directory.lock() else {
            throw EngineError("container \(record.name) is being changed by another command")
        }
        defer { withExtendedLifetime(lock) {} }
        try networksRelease(record)
        try discard(record, directory)
        if !record.autoRemove { report("destroy", record) }
        if removesVolumes { removeAnonymousVolumes(of: record) }
    }

    /// Kills a container, also one that is still being started, and waits until its monitor has gone.
    private func end(_ record: ContainerRecord, _ directory: ContainerDirectory) -> Bool {
        let deadline = MonotonicClock.milliseconds() + 30_000
        while MonotonicClock.milliseconds() < deadline {
            let state = directory.readState()
            tellStopping(directory)
            if let process = try? openProcess(record, state) {
                try? ProcessSignal.send(pidfd: process.rawValue, SIGKILL)
                if state.isPaused { thaw(directory) }
            }
            if directory.waitUntilUnlocked(milliseconds: state.status == .running ? 5000 : 20) { return true }
        }
        return false
    }

    /// A container's state once it has been started, should somebody be starting it this moment.
    func inspectStarted(
        _ text: String
    ) throws(EngineError) -> (record: ContainerRecord, state: ContainerState, directory: ContainerDirectory) {
        let deadline = MonotonicClock.milliseconds() + 10_000
        while true {
            let entry = try inspect(text)
            guard !entry.state.isAlive, entry.directory.isLocked, MonotonicClock.milliseconds() < deadline
            else {
                return entry
            }
            usleep(2000)
        }
    }

    /// Tells the monitor that a person ends the container. Without a monitor there is nobody to start it again.
    func tellStopping(_ directory: ContainerDirectory) { try? ask(directory, .stopping) }

    /// Lets the processes of a paused container go on, so that they can end.
    private func thaw(_ directory: ContainerDirectory) {
        do {
            let group = try ControlGroup.open(host: HostControlGroups.detect(), path: directory.payloadGroup)
            if group.exists { try group.thaw() }
        } catch {
            // The kernel kills frozen processes of version 2 as well; of version 1 the command says that it did not end.
        }
    }

    private func networksRelease(_ record: ContainerRecord) throws(EngineError) {
        guard record.joinsNetworks else { return }
        do { try networks.release(containerID: record.id) } catch { throw EngineError("\(error)") }
    }
}
