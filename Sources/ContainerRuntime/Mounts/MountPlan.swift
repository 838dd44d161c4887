import LinuxKernel
import OCI

/// The mounts of a configuration, in order, each with who makes it.
struct MountPlan {
    /// One mount.
    struct Step {
        /// Its number in the configuration.
        var index: Int
        var mount: RuntimeMount
        var options: MountOptions
        var maker: Maker
    }

    /// Who makes a mount.
    enum Maker: Equatable {
        /// The host's root clones a tree of the host (bind mounts).
        case bind
        /// The host's root makes `/dev` with its nodes.
        case devices
        /// The container's first process, with the rights of its own namespaces.
        case fileSystem(String)
        /// The container's first process: the view of its control groups.
        case controlGroups
    }

    var steps: [Step]

    /// Sorts out a configuration.
    init(_ configuration: RuntimeConfiguration) throws(RuntimeError) {
        steps = []
        for (index, mount) in configuration.mounts.enumerated() {
            let options = MountOptions(parsing: mount.options)
            guard PathText.isAbsolute(mount.destination), !mount.destination.utf8.contains(0) else {
                throw RuntimeError("mount", mount.destination, cause: "the destination must be an absolute path")
            }
            guard !PathText.names(mount.destination).isEmpty else {
                throw RuntimeError("mount", mount.destination, cause: "nothing may be mounted over the root")
            }
            let maker: Maker
            let type = mount.type.flatMap { $0.isEmpty ? nil : $0 }
            switch type {
            case "bind": maker = .bind
            case _ where options.isBind: maker = .bind
            case nil, "none": throw RuntimeError("mount", mount.destination, cause: "the mount has no type and is no bind mount")
            case "cgroup", "cgroup2": maker = .controlGroups
            case "tmpfs" where Self.normalized(mount.destination) == "/dev": maker = .devices
            case .some(let type): maker = .fileSystem(type)
            }
            try Self.check(mount, options, maker)
            steps.append(Step(index: index, mount: mount, options: options, maker: maker))
        }
    }

    /// Refuses what the kernel would ignore, or what no file system has.
    private static func check(_ mount: RuntimeMount, _ options: MountOptions, _ maker: Maker) throws(RuntimeError) {
        func refuse(_ cause: String) -> RuntimeError { RuntimeError("mount", mount.destination, cause: cause) }
        for mappings in [mount.uidMappings, mount.gidMappings] where mappings.count > 340 {
            throw refuse("\(mappings.count) id mappings are more than the kernel's 340")
        }
        guard mount.uidMappings.isEmpty == mount.gidMappings.isEmpty else {
            throw refuse("uidMappings and gidMappings must both be given")
        }
        if maker == .bind {
            if mount.source?.isEmpty ?? true { throw refuse("a bind mount needs a source") }
            if let option = options.data.first { throw refuse("a bind mount has no option \(option.key)") }
            if options.copiesUp { throw refuse("tmpcopyup is for tmpfs") }
            return
        }
        guard options.idMap == nil, mount.uidMappings.isEmpty else { throw refuse("only a bind mount can map ids") }
        if options.copiesUp, mount.type != "tmpfs" || maker == .devices { throw refuse("tmpcopyup is for tmpfs outside /dev") }
    }

    /// Whether anything is mounted on a path.
    func covers(_ path: String) -> Bool { steps.contains { Self.normalized($0.mount.destination) == path } }

    /// The path without empty and `.` parts.
    static func normalized(_ path: String) -> String {
        "/" + PathText.names(path).joined(separator: "/")
    }
}
