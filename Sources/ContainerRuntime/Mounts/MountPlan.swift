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
            switch mount.type {
            case "bind": maker = .bind
            case _ where options.isBind: maker = .bind
            case nil, "none": throw RuntimeError("mount", mount.destination, cause: "the mount has no type and is no bind mount")
            case "cgroup", "cgroup2": maker = .controlGroups
            case "tmpfs" where Self.normalized(mount.destination) == "/dev": maker = .devices
            case .some(let type): maker = .fileSystem(type)
            }
            if maker == .bind, mount.source?.isEmpty ?? true {
                throw RuntimeError("mount", mount.destination, cause: "a bind mount needs a source")
            }
            steps.append(Step(index: index, mount: mount, options: options, maker: maker))
        }
    }

    /// The path without empty and `.` parts.
    static func normalized(_ path: String) -> String {
        "/" + PathText.names(path).joined(separator: "/")
    }
}
