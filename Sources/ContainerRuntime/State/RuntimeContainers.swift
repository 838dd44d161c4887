import ControlGroups
import JSON
import LinuxKernel
import OCI

/// The containers of an OCI runtime: one directory each below the root, made exclusively, changed under its lock. Each verb
/// is an extension in a file of its own (`Lifecycle`, `Exec`, `Update`, `Events`, `Checkpoint`).
public struct RuntimeContainers: Sendable {
    let root: String
    /// Tells of a failure that changes nothing about what was asked for.
    let warn: @Sendable (RuntimeError) -> Void

    /// Who makes control groups, and whether a container may do without.
    let groups: GroupPolicy

    /// Where resctrl is, nil to look for it: for machines without it, on which an ordinary directory stands for it.
    var resourceDirectory: String?

    /// The containers below a directory (`--root`), made when missing.
    public init(
        root: String, groups: GroupPolicy = GroupPolicy(), warn: @escaping @Sendable (RuntimeError) -> Void = { _ in }
    ) throws(RuntimeError) {
        self.warn = warn
        self.groups = groups
        // The state must not depend on where the next command is called from.
        if PathText.isAbsolute(root) {
            self.root = root
        } else {
            let here = try attempt("look at", "the working directory") { () throws(Errno) in
                try Files.readLink("/proc/self/cwd")
            }
            self.root = "\(here)/\(root)"
        }
        let directory = self.root
        try attempt("make", directory) { () throws(Errno) in try Files.makeDirectories(directory, mode: 0o711) }
    }

    func directory(_ id: String) throws(RuntimeError) -> StateDirectory { try StateDirectory(root: root, id: id) }

    /// Where a container is in its life.
    ///
    /// - Parameters:
    ///   - isLocked: whether this process holds the container's lock: then nobody else is creating it.
    ///   - group: the container's group, for callers that have opened it anyway.
    func status(
        _ state: RuntimeState, _ directory: StateDirectory, isLocked: Bool = true, group: ControlGroup? = nil
    ) -> RuntimeState.Status {
        if state.pid == 0 { return !isLocked && directory.isLockedElsewhere ? .creating : .stopped }
        guard ProcessInformation.startTime(of: state.pid) == state.processStart, ProcessInformation.isAlive(state.pid)
        else {
            return .stopped
        }
        // A `start` that was killed after its work left no word of it: then the process's name tells.
        guard state.isStarted || ProcessInformation.name(of: state.pid) != InitProcess.name else { return .created }
        return isPaused(state, group) ? .paused : .running
    }

    private func isPaused(_ state: RuntimeState, _ opened: ControlGroup?) -> Bool {
        guard let group = opened ?? (try? group(of: state)), group.exists else { return false }
        return (try? group.isFrozen()) ?? false
    }

    func group(of state: RuntimeState) throws(ControlGroupError) -> ControlGroup {
        try ControlGroup.open(host: try HostControlGroups.detect(), path: state.controlGroup)
    }

    /// The first process by a descriptor that stays its own.
    ///
    /// - Throws: that the container does not run, when it has ended.
    func openProcess(_ state: RuntimeState, for operation: String) throws(RuntimeError) -> FileDescriptor {
        guard state.pid > 0, let process = try? ProcessClone.open(pid: state.pid),
            // After the descriptor is open: from here on the number cannot come to mean another process unnoticed.
            ProcessInformation.startTime(of: state.pid) == state.processStart, ProcessInformation.isAlive(state.pid)
        else { throw RuntimeError(operation, "container \(state.id)", cause: "container not running") }
        return process
    }

    /// `state`: one container as runc prints it.
    public func state(_ id: String) throws(RuntimeError) -> JSONValue {
        let directory = try directory(id)
        let state = try directory.readState()
        return state.listing(status(state, directory, isLocked: false), owner: owner(directory))
    }

    /// `list`: every container, in the order of the ids. One that is being removed meanwhile is left out.
    public func list() throws(RuntimeError) -> [JSONValue] {
        let directory = root
        let entries = try attempt("list", directory) { () throws(Errno) in
            try Files.open(directory, [.readOnly, .directory]).directoryEntries()
        }
        return entries.map(\.name.description).sorted().compactMap { try? state($0) }
    }

    private func owner(_ directory: StateDirectory) -> String {
        guard let uid = (try? Files.status(directory.path))?.uid else { return "" }
        let database = UserDatabase(passwd: (try? Files.read("/etc/passwd")) ?? [], group: [])
        return database.users.first { $0.uid == uid }?.name ?? "#\(uid)"
    }
}
