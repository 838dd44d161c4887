import LinuxKernel

/// The container's `/sys/fs/cgroup`: its own groups as roots, through its cgroup namespace or, without one, as binds.
struct ControlGroupView {
    let prepared: PreparedLaunch

    func mount(at destination: String, root: Int32, options: MountOptions) throws(RuntimeError) {
        var attributes = options.set
        attributes.formUnion([.noSetID, .noDevices, .noExecute])
        let directory = RootDirectory(descriptor: root)
        let place = try attempt("make mount point", destination) { () throws(Errno) in
            try directory.openMakingDirectory(destination)
        }
        if let whole = prepared.controllerMounts.first(where: { $0.directory.isEmpty }) {
            return try mountOne(whole, attributes, destination, place.rawValue)
        }
        if prepared.controllerMounts.isEmpty {
            // A container without groups of its own (rootless) sees the host's, and can write none (CVE-2023-25809).
            return try attempt("bind", "/sys/fs/cgroup") { () throws(Errno) in
                let clone = try DetachedMount.clone("/sys/fs/cgroup", recursive: true)
                try clone.setAttributes(set: attributes.union(.readOnly), recursive: true)
                try clone.attach(to: place.rawValue)
            }
        }
        let holder = try attempt("mount tmpfs on", destination) { () throws(Errno) in
            let context = try FileSystemContext("tmpfs")
            try context.set("mode", "755")
            let mount = try context.mount([.noSetID, .noDevices, .noExecute])
            try mount.attach(to: place.rawValue)
            return mount.intoRoot()
        }
        for controller in prepared.controllerMounts {
            let path = "\(destination)/\(controller.directory)"
            try attempt("make mount point", path) { () throws(Errno) in
                try Files.makeDirectory(at: holder.rawValue, controller.directory)
            }
            // The tmpfs is ours and new: its names lead nowhere else.
            try mountOne(controller, attributes, path, holder.rawValue, controller.directory)
        }
        if attributes.contains(.readOnly) {
            try attempt("make read-only", destination) { () throws(Errno) in
                try DetachedMount(root: holder.duplicated()).setAttributes(set: .readOnly)
            }
        }
    }

    private func mountOne(
        _ controller: PreparedLaunch.ControllerMount, _ attributes: MountAttributes, _ path: String, _ place: Int32,
        _ name: String = ""
    ) throws(RuntimeError) {
        guard prepared.namespaces.new.contains(.controlGroup) else {
            // In a namespace shared with the host a new mount would show the host's groups: bind the container's own.
            return try attempt("bind", controller.hostDirectory) { () throws(Errno) in
                let clone = try DetachedMount.clone(controller.hostDirectory, recursive: false)
                try clone.setAttributes(set: attributes, propagation: .private)
                try clone.attach(to: place, name)
            }
        }
        let type = controller.isUnified ? "cgroup2" : "cgroup"
        let context = try attempt("mount \(type) on", path) { () throws(Errno) in try FileSystemContext(type) }
        do throws(Errno) {
            for option in controller.options where !controller.isUnified {
                if option.hasPrefix("name=") {
                    try context.setFlag("none")
                    try context.set("name", String(option.dropFirst(5)))
                } else {
                    try context.setFlag(option)
                }
            }
            try context.mount(attributes).attach(to: place, name)
        } catch {
            let words = context.message()
            throw RuntimeError("mount \(type) on", path, cause: words.isEmpty ? error.description : words)
        }
    }
}
