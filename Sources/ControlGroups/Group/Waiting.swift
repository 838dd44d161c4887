import LinuxKernel

/// `cgroup.events` of a version 2 group: what it says, and the wait for its next change.
struct GroupEvents: ~Copyable {
    private let file: FileDescriptor

    init(_ hierarchy: Hierarchy, _ path: GroupPath) throws(Errno) {
        let root = try hierarchy.openRoot()
        file = try Files.open(
            at: root.rawValue, "\(path.relative)/cgroup.events", [.readOnly, .noFollow],
            resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
    }

    /// What it says now.
    func read() throws(Errno) -> KeyedValues { KeyedValues(parsing: try Files.readAgain(file.rawValue)) }

    /// Waits for a change since the last ``read()``, at most that long.
    func wait(microseconds: Int) throws(Errno) {
        _ = try Poll.changed(file.rawValue, milliseconds: Int32(clamping: (microseconds + 999) / 1000))
    }
}

/// Members of a group, each held by a pidfd: the number may come to mean another process, the descriptor not.
struct HeldProcesses {
    private var held: [(pid: Int32, descriptor: SharedDescriptor)] = []
    private var descriptors: [SharedDescriptor] { held.map(\.descriptor) }

    /// Takes hold of those that are still there.
    init(_ pids: [Int32]) {
        // A group of thousands must not run into the limit of open files: the others come in the next round.
        for pid in pids.prefix(500) {
            guard let descriptor = try? ProcessClone.open(pid: pid) else { continue }
            held.append((pid, SharedDescriptor(descriptor)))
        }
    }

    /// Those of them whose numbers fit.
    func filtered(_ fits: (Int32) -> Bool) -> HeldProcesses {
        var result = self
        result.held = held.filter { fits($0.pid) }
        return result
    }

    /// Kills each.
    func kill() {
        for descriptor in descriptors { try? ProcessSignal.send(pidfd: descriptor.number, ProcessSignal.kill) }
    }

    /// Waits for the end of each, until that time of ``ShortWait/now`` at most.
    ///
    /// - Returns: whether any was awaited: the caller need not pause then.
    func awaitEnd(until end: Int) -> Bool {
        var waited = false
        for descriptor in descriptors {
            if (try? Poll.readable(descriptor.number, milliseconds: 0)) == true { continue }
            waited = true
            let left = max(0, end - ShortWait.now)
            _ = try? Poll.readable(descriptor.number, milliseconds: Int32(clamping: (left + 999) / 1000))
        }
        return waited
    }
}
