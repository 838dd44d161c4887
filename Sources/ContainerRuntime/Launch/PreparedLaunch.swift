import ControlGroups
import LinuxKernel
import OCI

/// A request checked and turned into what the clone and both sides of it need. Made before the clone, so that the
/// child has it in its copy of the memory.
struct PreparedLaunch {
    var request: LaunchRequest
    var namespaces: NamespacePlan
    var mounts: MountPlan
    var uidMap: [IDMapping]
    var gidMap: [IDMapping]
    var seccomp: SeccompFilter?
    var limits: ProcessLimits
    /// The cgroup v2 directory that the child is born in.
    var birthGroup: Int32?
    /// `tasks` files of v1 hierarchies into which the child writes itself.
    var joinFiles: [Int32]
    /// Hierarchies of the container's group, with the mount option that names each, for the container's own view.
    var controllerMounts: [ControllerMount]

    /// One hierarchy of the container's cgroup view.
    struct ControllerMount {
        /// Directory below `/sys/fs/cgroup`; empty for the v2 mount on it.
        var directory: String
        var options: [String]
        var isUnified: Bool
        /// The container's group on the host.
        var hostDirectory: String
    }

    /// The host's id of the container's root.
    var rootUID: UInt32 { uidMap.outside(of: 0) ?? 0 }
    var rootGID: UInt32 { gidMap.outside(of: 0) ?? 0 }

    init(_ request: LaunchRequest) throws(RuntimeError) {
        self.request = request
        let linux = request.configuration.linux
        guard let process = request.configuration.process else {
            throw RuntimeError("create container", request.id, cause: "the configuration has no process")
        }
        try Self.refuseUnsupported(request.configuration, process)
        namespaces = try NamespacePlan(linux)
        mounts = try MountPlan(request.configuration)
        uidMap = linux.uidMappings.map { IDMapping(inside: $0.containerID, outside: $0.hostID, size: $0.size) }
        gidMap = linux.gidMappings.map { IDMapping(inside: $0.containerID, outside: $0.hostID, size: $0.size) }
        if namespaces.new.contains(.user) {
            // The kernel takes 340 lines; an overflow once let later ones vanish (CVE-2021-43784).
            guard !uidMap.isEmpty, !gidMap.isEmpty, uidMap.count <= 340, gidMap.count <= 340 else {
                throw RuntimeError(
                    "map", "the container's user ids",
                    cause: "a user namespace needs 1 to 340 uid and gid mappings, not \(uidMap.count) and \(gidMap.count)")
            }
        } else if !namespaces.joinsUser, !uidMap.isEmpty || !gidMap.isEmpty {
            throw RuntimeError("map", "the container's user ids", cause: "id mappings need a user namespace")
        }
        if let profile = linux.seccomp {
            seccomp = try SeccompCache.filter(for: SeccompProfile(profile), directory: request.seccompCacheDirectory)
        }
        limits = try ProcessLimits(process)
        joinFiles = []
        controllerMounts = []
        guard let group = request.controlGroup else { return }
        for hierarchy in group.hierarchies {
            let name = hierarchy.mountPoint.split(separator: "/").last.map(String.init) ?? "unified"
            let isWhole = hierarchy.isUnified && group.host.layout == .v2
            controllerMounts.append(
                ControllerMount(
                    directory: isWhole ? "" : name, options: hierarchy.controllers, isUnified: hierarchy.isUnified,
                    hostDirectory: hierarchy.mountPoint + group.path.description))
        }
    }

    private static func refuseUnsupported(
        _ configuration: RuntimeConfiguration, _ process: RuntimeProcess
    ) throws(RuntimeError) {
        func refuse(_ what: String, _ asked: Bool) throws(RuntimeError) {
            if asked { throw RuntimeError("create container", "", cause: "\(what) is not supported yet") }
        }
        let linux = configuration.linux
        try refuse("linux.intelRdt", linux.intelRdt != nil)
        try refuse("linux.memoryPolicy", linux.memoryPolicy != nil)
        try refuse("linux.personality", linux.personality != nil)
        try refuse("linux.timeOffsets", !linux.timeOffsets.isEmpty)
        try refuse("linux.netDevices", !linux.netDevices.isEmpty)
        try refuse("linux.mountLabel", !(linux.mountLabel ?? "").isEmpty)
        try refuse("process.apparmorProfile", !(process.apparmorProfile ?? "").isEmpty)
        try refuse("process.selinuxLabel", !(process.selinuxLabel ?? "").isEmpty)
        try refuse("process.scheduler", process.scheduler != nil)
        try refuse("process.ioPriority", process.ioPriority != nil)
        try refuse("linux.seccomp.flags", !(linux.seccomp?.flags.isEmpty ?? true))
        try refuse("linux.seccomp.listenerPath", !(linux.seccomp?.listenerPath ?? "").isEmpty)
        let hooks = configuration.hooks
        let count = hooks.prestart.count + hooks.createRuntime.count + hooks.createContainer.count
            + hooks.startContainer.count + hooks.poststart.count + hooks.poststop.count
        try refuse("hooks", count > 0)
    }
}

/// Which namespaces are new and which are joined.
struct NamespacePlan {
    var new: NamespaceSet = []
    /// Kind and path, in the order in which they are to be joined (the user namespace first).
    var joined: [(kind: NamespaceSet, path: String)] = []

    var joinsUser: Bool { joined.contains { $0.kind == .user } }

    init(_ linux: RuntimeLinux) throws(RuntimeError) {
        let kinds: [String: NamespaceSet] = [
            "pid": .pid, "network": .network, "mount": .mount, "ipc": .ipc, "uts": .uts, "user": .user,
            "cgroup": .controlGroup, "time": .time,
        ]
        var seen: NamespaceSet = []
        for namespace in linux.namespaces {
            guard let kind = kinds[namespace.type] else {
                throw RuntimeError("make namespace", namespace.type, cause: "there is no such kind")
            }
            guard seen.insert(kind).inserted else {
                throw RuntimeError("make namespace", namespace.type, cause: "it is listed twice")
            }
            if let path = namespace.path {
                guard path.utf8.count < 4096 else {
                    throw RuntimeError("join namespace", namespace.type, cause: "its path is longer than 4095 bytes")
                }
                joined.append((kind, path))
            } else {
                new.insert(kind)
            }
        }
        guard new.contains(.mount) || joined.contains(where: { $0.kind == .mount }) else {
            throw RuntimeError("create container", "", cause: "a container without a mount namespace is not supported")
        }
        guard !joined.contains(where: { $0.kind == .mount }) else {
            throw RuntimeError("create container", "", cause: "joining a mount namespace is not supported")
        }
        joined.sort { ($0.kind == .user ? 0 : 1) < ($1.kind == .user ? 0 : 1) }
    }
}
