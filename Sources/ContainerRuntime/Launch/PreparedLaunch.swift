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
    var seccomp: PreparedSeccomp?
    var domain: ExecutionDomain
    var scheduling: ProcessScheduling
    var labels: [ProcessLabel]
    var networkDevices: NetworkDevices
    var resourceDirector: ResourceDirector?
    var limits: ProcessLimits
    /// The cgroup v2 directory that the child is born in.
    var birthGroup: Int32?
    /// `tasks` files of v1 hierarchies into which the child writes itself.
    var joinFiles: [Int32]
    /// Whether this process may make no device nodes, and the container gets the host's own as bind mounts: in a user
    /// namespace.
    var bindsDevices: Bool
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

    /// Whether the host has something to do once the mounts are in place.
    var needsLateService: Bool {
        let hooks = request.configuration.hooks
        return !hooks.prestart.isEmpty || !hooks.createRuntime.isEmpty || !scheduling.isEmpty || !networkDevices.isEmpty
            || resourceDirector != nil || request.groupPlaceholder != nil
    }
    /// Whether the first process must know its number on the host.
    var needsHostPID: Bool {
        let hooks = request.configuration.hooks
        return seccomp?.listener != nil || !hooks.createContainer.isEmpty || !hooks.startContainer.isEmpty
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
        namespaces = try NamespacePlan(linux)
        mounts = try MountPlan(request.configuration)
        uidMap = linux.uidMappings.map { IDMapping(inside: $0.containerID, outside: $0.hostID, size: $0.size) }
        gidMap = linux.gidMappings.map { IDMapping(inside: $0.containerID, outside: $0.hostID, size: $0.size) }
        if namespaces.new.contains(.user) {
            // The kernel takes 340 lines; an overflow once let later ones vanish (CVE-2021-43784).
            guard !uidMap.isEmpty, !gidMap.isEmpty, uidMap.count <= 340, gidMap.count <= 340 else {
                throw RuntimeError(
                    "map", "the container's user ids",
                    cause:
                        "a user namespace needs 1 to 340 uid and gid mappings, not \(uidMap.count) and \(gidMap.count)")
            }
        } else if !namespaces.joinsUser, !uidMap.isEmpty || !gidMap.isEmpty {
            throw RuntimeError("map", "the container's user ids", cause: "id mappings need a user namespace")
        }
        if let profile = linux.seccomp {
            seccomp = try PreparedSeccomp(
                profile, cache: request.seccompCacheDirectory, ociVersion: request.configuration.ociVersion,
                state: ListenerState(
                    id: request.id, status: "creating", bundle: request.bundle,
                    annotations: request.configuration.annotations))
        }
        domain = try ExecutionDomain(linux)
        scheduling = try ProcessScheduling(process)
        labels = try ProcessLabel.labels(process)
        try MountLabel.check(linux)
        networkDevices = try NetworkDevices(linux.netDevices)
        guard networkDevices.isEmpty || namespaces.has(.network) else {
            throw RuntimeError("move network devices", "", cause: "the container has no network namespace of its own")
        }
        resourceDirector = try linux.intelRdt.map { configuration throws(RuntimeError) in
            try ResourceDirector(configuration, id: request.id)
        }
        try Self.check(linux, namespaces, request.configuration)
        limits = try ProcessLimits(process)
        joinFiles = []
        bindsDevices = RootlessEntry.isInUserNamespace
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

    /// What makes no sense without a namespace of the container's own: it would change the host's.
    private static func check(
        _ linux: RuntimeLinux, _ namespaces: NamespacePlan, _ configuration: RuntimeConfiguration
    ) throws(RuntimeError) {
        func need(_ kind: NamespaceSet, _ name: String, _ field: String, _ asked: Bool) throws(RuntimeError) {
            if !asked || namespaces.has(kind) { return }
            throw RuntimeError("set", field, cause: "the container has no \(name) namespace of its own")
        }
        let propagations = ["shared", "slave", "private", "unbindable"]
        if let asked = linux.rootfsPropagation, !asked.isEmpty, !propagations.contains(where: { asked == $0 || asked == "r" + $0 }) {
            throw RuntimeError("set", "linux.rootfsPropagation", cause: "\(asked) is none of \(propagations.joined(separator: ", "))")
        }
        try need(.uts, "uts", "hostname", !(configuration.hostname ?? "").isEmpty)
        try need(.uts, "uts", "domainname", !(configuration.domainname ?? "").isEmpty)
        try need(.time, "time", "linux.timeOffsets", !linux.timeOffsets.isEmpty)
        if !linux.timeOffsets.isEmpty, !namespaces.new.contains(.time) {
            throw RuntimeError(
                "set", "linux.timeOffsets", cause: "a time namespace that is joined has its offsets already")
        }
        guard !namespaces.new.contains(.mount) else { return }
        // Another's mounts, or the host's: nothing of the container's may be added to them.
        guard configuration.mounts.isEmpty, linux.maskedPaths.isEmpty, linux.readonlyPaths.isEmpty,
            configuration.root?.readonly != true, configuration.process?.terminal != true, linux.devices.isEmpty
        else {
            throw RuntimeError(
                "create container", "",
                cause:
                    "mounts, devices, masked and read-only paths, a read-only root and a terminal need a new mount namespace"
            )
        }
    }
}

/// Which namespaces are new and which are joined.
struct NamespacePlan {
    var new: NamespaceSet = []
    /// Kind and path, in the order in which they are to be joined (the user namespace first).
    var joined: [(kind: NamespaceSet, path: String)] = []

    /// What the new time namespace's clocks are ahead by, as `/proc/PID/timens_offsets` takes it; empty for none.
    var timeOffsets = ""

    var joinsUser: Bool { joined.contains { $0.kind == .user } }
    /// Whether the container has its own namespace of a kind, new or joined.
    func has(_ kind: NamespaceSet) -> Bool { new.contains(kind) || joined.contains { $0.kind == kind } }
    /// Whether an intermediate process must make or join namespaces before the clone.
    var needsIntermediate: Bool { !joined.isEmpty || !timeOffsets.isEmpty }

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
        // Others first: joining them may take rights that are lost with the entry into the user namespace.
        joined.sort { ($0.kind == .user ? 1 : 0) < ($1.kind == .user ? 1 : 0) }
        timeOffsets = try Self.offsets(linux.timeOffsets)
    }

    private static func offsets(_ offsets: [String: RuntimeTimeOffset]) throws(RuntimeError) -> String {
        var lines = ""
        for (clock, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            guard clock == "monotonic" || clock == "boottime" else {
                throw RuntimeError(
                    "set", "linux.timeOffsets", cause: "clock \(clock) is neither monotonic nor boottime")
            }
            guard offset.nanoseconds < 1_000_000_000 else {
                throw RuntimeError("set", "linux.timeOffsets", cause: "\(offset.nanoseconds) ns are a second or more")
            }
            lines += "\(clock) \(offset.seconds) \(offset.nanoseconds)\n"
        }
        return lines
    }
}
