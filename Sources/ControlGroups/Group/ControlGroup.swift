import LinuxKernel

/// The control group of one container: the same path in each hierarchy that it needs.
///
/// Which hierarchies: version 2 has one. On version 1, and on hybrid machines, those of `memory`, `cpu`, `cpuacct`,
/// `pids` and `devices`, and any other that a limit asks for; every other one costs a directory, a join and a removal
/// for nothing. A hybrid machine's version 2 hierarchy is always used too, though it carries next to no controllers:
/// its `cgroup.kill`, `cgroup.freeze` and `cgroup.events` do in one write what the version 1 freezer does in a loop, and
/// joining it is free (`CLONE_INTO_CGROUP`). The freezer hierarchy is used only where there is no version 2 one.
///
/// The value is a name, not a resource: the groups stay until ``remove(emptyParents:)``.
public struct ControlGroup: Sendable {
    /// Where the group is, in each of its hierarchies.
    public let path: GroupPath
    /// The machine's hierarchies.
    public let host: HostControlGroups
    /// The hierarchies in which the group exists.
    public internal(set) var hierarchies: [Hierarchy]

    init(path: GroupPath, host: HostControlGroups, hierarchies: [Hierarchy]) {
        self.path = path
        self.host = host
        self.hierarchies = hierarchies
    }

    /// The group at `path`, in whichever hierarchies it exists; in none, ``exists`` is false.
    public static func open(host: HostControlGroups, path: String) throws(ControlGroupError) -> ControlGroup {
        let path = try GroupPath(path)
        var present: [Hierarchy] = []
        for hierarchy in host.hierarchies where (try? hierarchy.open(path)) != nil { present.append(hierarchy) }
        return ControlGroup(path: path, host: host, hierarchies: present)
    }

    /// Whether the group exists in any hierarchy.
    public var exists: Bool { !hierarchies.isEmpty }

    /// The version 2 hierarchy, if the group is in it.
    var unified: Hierarchy? { hierarchies.first { $0.isUnified } }

    /// The hierarchy that carries a controller for this group: version 1 where it is mounted there, else version 2.
    func home(of controller: String) -> Hierarchy? {
        if host.version1(controller) != nil { return hierarchies.first { $0.controllers.contains(controller) } }
        return unified
    }

    /// The directories, for people (`berth explain`).
    public var directories: [String] { hierarchies.map { $0.mountPoint + path.description } }

    /// The path in the version 1 hierarchy of a controller, or in version 2, as a person would open it.
    public func directory(of controller: String) -> String? {
        home(of: controller).map { $0.mountPoint + path.description }
    }

    func failure(_ operation: String, _ errno: Errno, _ remedy: String? = nil) -> ControlGroupError {
        ControlGroupError(operation, path.description, errno, remedy: remedy)
    }
}

extension Hierarchy {
    /// The mount's root directory (`O_PATH`).
    func openRoot() throws(Errno) -> FileDescriptor {
        try Files.open(mountPoint, [.pathOnly, .directory])
    }

    /// A group's directory, walked so that nothing mounted or linked in the way can lead elsewhere.
    func open(_ path: GroupPath, _ flags: OpenFlags = .pathOnly) throws(Errno) -> FileDescriptor {
        let root = try openRoot()
        return try open(path, in: root, flags)
    }

    /// A file of a group for writing, walked the same way in one call.
    func openFile(_ name: String, of path: GroupPath) throws(Errno) -> FileDescriptor {
        let root = try openRoot()
        return try Files.open(
            at: root.rawValue, "\(path.relative)/\(name)", [.writeOnly, .noFollow],
            resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
    }

    func open(
        _ path: GroupPath, in root: borrowing FileDescriptor, _ flags: OpenFlags = .pathOnly
    ) throws(Errno) -> FileDescriptor {
        try Files.open(
            at: root.rawValue, path.relative, flags.union([.directory, .noFollow]),
            resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
    }
}

/// Small control files by directory descriptor.
enum ControlFile {
    /// The whole text, white space at its end removed.
    static func read(_ directory: borrowing FileDescriptor, _ name: String) throws(Errno) -> String {
        try Files.readLine(at: directory.rawValue, name)
    }

    /// One write of the whole value.
    static func write(_ directory: borrowing FileDescriptor, _ name: String, _ value: String) throws(Errno) {
        try Files.writeKernelFile(at: directory.rawValue, name, value)
    }

    /// The words of a one-line list such as `cgroup.controllers`.
    static func words(_ directory: borrowing FileDescriptor, _ name: String) throws(Errno) -> Set<String> {
        Set(try read(directory, name).split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init))
    }
}
