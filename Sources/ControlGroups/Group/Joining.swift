import LinuxKernel

/// Descriptors with which a new process gets into a group, opened by the creator before it clones and inherited by the
/// child, which may have no right to open them itself.
///
/// Version 1: the child writes "0" to each `tasks` file, which moves the calling thread alone and takes some 10 µs a
/// hierarchy; writing a process id to `cgroup.procs` takes a lock of the whole machine (up to 11 ms here). So the child
/// must still be single-threaded. The kernel checks the rights of who opened the file (cgroup1_tasks_write), so a child
/// in a new user namespace may write.
///
/// Version 2: the directory, for `CLONE_INTO_CGROUP` (Linux 5.7).
public struct JoinDescriptors: ~Copyable, Sendable {
    /// The version 2 directory to give to clone3; nil when there is none, or when it is joined by ``joinCurrentTask()``.
    public let cloneInto: Int32?
    private let files: [Int32]

    fileprivate init(cloneInto: consuming FileDescriptor?, files: [Int32]) {
        self.cloneInto = cloneInto?.release()
        self.files = files
    }

    deinit {
        if let cloneInto { _ = FileDescriptor(owning: cloneInto) }
        for file in files { _ = FileDescriptor(owning: file) }
    }

    /// Every open number, for code that closes all others.
    public var numbers: [Int32] { files + (cloneInto.map { [$0] } ?? []) }

    /// Moves the calling, only thread into the group, as far as clone3 has not done it. For the child.
    public func joinCurrentTask() throws(Errno) {
        for file in files {
            try checkedUninterrupted { writeZero(to: file) }
        }
    }
}

extension ControlGroup {
    /// Opens what a child needs to join.
    ///
    /// - Parameter cloneInto: whether the caller will use `CLONE_INTO_CGROUP`; if not (clone3 is forbidden), version 2 is
    ///   joined by ``JoinDescriptors/joinCurrentTask()`` too.
    public func openJoinDescriptors(cloneInto: Bool = true) throws(ControlGroupError) -> JoinDescriptors {
        var target: FileDescriptor?
        var files: [Int32] = []
        do throws(Errno) {
            for hierarchy in hierarchies {
                if hierarchy.isUnified && cloneInto {
                    target = try hierarchy.open(path)
                } else {
                    let name = hierarchy.isUnified ? "cgroup.procs" : "tasks"
                    files.append(try hierarchy.openFile(name, of: path).release())
                }
            }
        } catch {
            for file in files { _ = FileDescriptor(owning: file) }
            throw failure("join the control group", error, "was it removed meanwhile?")
        }
        return JoinDescriptors(cloneInto: target, files: files)
    }

    /// Moves a whole process into the group (`cgroup.procs`). Slower than ``JoinDescriptors``, for processes that run.
    public func add(pid: Int32) throws(ControlGroupError) {
        for hierarchy in hierarchies {
            do throws(Errno) {
                try ControlFile.write(try hierarchy.open(path), "cgroup.procs", "\(pid)")
            } catch {
                throw ControlGroupError("move process \(pid) into", hierarchy.mountPoint + path.description, error)
            }
        }
    }
}

extension HostControlGroups {
    /// Moves the calling, single-threaded process out of its caller's groups into a leaf of its own, so that it neither
    /// dies with the caller's session nor counts against a container.
    ///
    /// Only hierarchies in which the process is not at the root are joined: the root is nobody's session. On version 2 the
    /// root of a container's cgroup namespace is not the machine's root and is left too, since a group with processes
    /// cannot hand controllers down.
    ///
    /// - Returns: the group, which is in no hierarchy when nothing had to be left.
    @discardableResult
    public func leaveCallerGroups(to path: String) throws(ControlGroupError) -> ControlGroup {
        let path = try GroupPath(path)
        var joined: [Hierarchy] = []
        for hierarchy in hierarchies {
            do throws(Errno) {
                let root = try hierarchy.openRoot()
                if hierarchy.ownPath == "/" {
                    guard hierarchy.isUnified, layout == .v2, Files.exists(at: root.rawValue, "cgroup.type") else {
                        continue
                    }
                }
                if hierarchy.ownPath == path.description { continue }
                for level in path.chain {
                    do throws(Errno) {
                        try Files.makeDirectory(at: root.rawValue, level.relative)
                    } catch {
                        if error != .fileExists { throw error }
                    }
                    if hierarchy.controllers.contains("cpuset") {
                        try GroupBuilder.inheritProcessors(level, hierarchy, root)
                    }
                }
                let leaf = try hierarchy.open(path, in: root)
                try ControlFile.write(leaf, hierarchy.isUnified ? "cgroup.procs" : "tasks", "0")
                joined.append(hierarchy)
            } catch {
                // A named hierarchy has no controller: being left in it costs nothing but a session's end, and some
                // hosts do not let a container write there.
                throw ControlGroupError.creation(hierarchy.mountPoint + path.description, error)
            }
        }
        return ControlGroup(path: path, host: self, hierarchies: joined)
    }
}

extension ControlGroup {
    /// Moves the calling, single-threaded process from this group to the root of each hierarchy, so that the group can be
    /// removed. Where the root does not take it (a version 2 root of a nested machine) the process stays.
    public func leaveToRoot() {
        for hierarchy in hierarchies {
            guard let root = try? hierarchy.openRoot() else { continue }
            try? ControlFile.write(root, hierarchy.isUnified ? "cgroup.procs" : "tasks", "0")
        }
    }
}
