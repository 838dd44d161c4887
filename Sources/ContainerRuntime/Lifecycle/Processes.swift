import ControlGroups
import LinuxKernel

extension RuntimeContainers {
    /// `ps`: the numbers of a container's processes, as this process's pid namespace has them.
    public func processes(_ id: String) throws -> [Int32] {
        let state = try directory(id).readState()
        if let group = try existingGroup(of: state) { return try group.processes() }
        guard (try? openProcess(state, for: "list the processes of")) != nil else { return [] }
        return try NamespaceMembers(of: state).pids
    }

    /// The container's control group; nil where it has none.
    func existingGroup(of state: RuntimeState) throws(ControlGroupError) -> ControlGroup? {
        if state.controlGroup.isEmpty { return nil }
        let group = try group(of: state)
        return group.exists ? group : nil
    }
}

/// The processes of a container that has no control group: those in its pid namespace, and their descendants (a nested pid
/// namespace's processes are children of one of them).
struct NamespaceMembers {
    /// Each with its start, which tells it from a later process of the same number.
    private let found: [(pid: Int32, start: UInt64)]
    var pids: [Int32] { found.map(\.pid) }

    /// - Throws: ``RuntimeError`` when the container shares the caller's pid namespace: nothing says then which are its own.
    init(of state: RuntimeState) throws(RuntimeError) {
        let own = try attempt("look at", "/proc/self/ns/pid") { () throws(Errno) in
            try Files.status("/proc/self/ns/pid", followLink: true).inode
        }
        let theirs = try attempt("look at", "the container's pid namespace") { () throws(Errno) in
            try Files.status("/proc/\(state.pid)/ns/pid", followLink: true).inode
        }
        guard own != theirs else {
            throw RuntimeError(
                "find the processes of", "container \(state.id)",
                cause: "it has neither a control group nor a pid namespace of its own",
                remedy: "signal its first process without --all")
        }
        let entries = try attempt("list", "/proc") { () throws(Errno) in
            try Files.open("/proc", [.readOnly, .directory]).directoryEntries()
        }
        var parents: [Int32: Int32] = [:]
        var starts: [Int32: UInt64] = [:]
        var members: Set<Int32> = []
        for entry in entries {
            guard let pid = Int32(entry.name.description), let line = ProcessLine(pid) else { continue }
            parents[pid] = line.parent
            starts[pid] = line.start
            let inode = try? Files.status("/proc/\(pid)/ns/pid", followLink: true).inode
            if inode == theirs { members.insert(pid) }
        }
        var grows = true
        while grows {
            grows = false
            for (pid, parent) in parents where members.contains(parent) && members.insert(pid).inserted { grows = true }
        }
        found = members.sorted().map { ($0, starts[$0] ?? 0) }
    }

    /// Signals each; one that has ended is fine.
    func send(_ signal: Int32) {
        for (pid, start) in found {
            guard let process = try? ProcessClone.open(pid: pid), ProcessInformation.startTime(of: pid) == start else {
                continue
            }
            try? ProcessSignal.send(pidfd: process.rawValue, signal)
        }
    }
}

/// Two fields of `/proc/PID/stat`.
private struct ProcessLine {
    let parent: Int32
    let start: UInt64

    init?(_ pid: Int32) {
        guard let line = try? Files.readLine("/proc/\(pid)/stat"), let close = line.lastIndex(of: ")") else {
            return nil
        }
        // The name in parentheses may hold anything: fields are counted after its end.
        let fields = line[line.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let parent = Int32(fields[1]), let start = UInt64(fields[19]) else { return nil }
        self.parent = parent
        self.start = start
    }
}
