import Glibc
import LinuxKernel
import OCI

/// Makes, with the host's rights, the mounts that the container's first process may not make itself, all detached.
struct MountProvider {
    let request: LaunchRequest
    let prepared: PreparedLaunch
    /// The container's user namespace, nil without one.
    let userNamespace: Int32?

    /// The root file system.
    func root() throws(RuntimeError) -> DetachedMount {
        switch request.root {
        case .directory(let path):
            let mount = try attempt("open root file system", path) { () throws(Errno) in
                try DetachedMount.clone(path, recursive: true)
            }
            guard let kind = try? mount.root.status().kind, kind == .directory else {
                throw RuntimeError("open root file system", path, .notDirectory)
            }
            // As a slave it goes on receiving what the host mounts below it (config-linux.md, "Rootfs Mount Propagation").
            let asked = request.configuration.linux.rootfsPropagation
            try attempt("set the propagation of", path) { () throws(Errno) in
                try mount.setAttributes(
                    propagation: asked == "slave" || asked == "rslave" ? .slave : .private, recursive: true)
            }
            return mount
        case .overlay(let overlay):
            return try overlay.mount(userNamespace: userNamespace, rangeBase: prepared.rootUID)
        }
    }

    /// Whom the program runs as, looked up in the root file system where a name was given.
    func user(in root: borrowing DetachedMount) throws(RuntimeError) -> ResolvedUser {
        try ContainerUser.resolve(
            root: root.root.rawValue, specification: request.userSpecification,
            numeric: request.configuration.process?.user ?? RuntimeUser(), additionalGroups: request.additionalGroups)
    }

    /// The mount of a step that is the host's to make, nil for others.
    func mount(for step: MountPlan.Step, user: ResolvedUser) throws(RuntimeError) -> FileDescriptor? {
        switch step.maker {
        case .bind: return try bind(step, user: user).intoRoot()
        case .devices:
            return try devices.directory(options: step.options, label: request.configuration.linux.mountLabel).intoRoot()
        case .fileSystem, .controlGroups: return nil
        }
    }

    /// The container's device nodes.
    private var devices: DeviceDirectory {
        DeviceDirectory(
            nodes: DeviceNodes(uids: prepared.uidMap, gids: prepared.gidMap, binds: prepared.bindsDevices),
            devices: request.configuration.linux.devices)
    }

    /// Makes in the root file system itself the nodes that no `/dev` of the plan's own will hold.
    func makeDevicesInRoot(_ root: borrowing DetachedMount) throws(RuntimeError) {
        try devices.makeOutside(of: prepared.mounts, in: root)
    }

    private func bind(_ step: MountPlan.Step, user: ResolvedUser) throws(RuntimeError) -> DetachedMount {
        let source = step.mount.source ?? ""
        let options = step.options
        let mount = try attempt("bind", source) { () throws(Errno) in
            try DetachedMount.clone(source, recursive: options.isRecursiveBind)
        }
        try attempt("set the options of", source) { () throws(Errno) in
            try mount.setAttributes(
                propagation: options.propagation ?? .private,
                recursive: options.isRecursiveBind && (options.propagation == nil || options.propagationIsRecursive))
        }
        // The id map comes before read-only: it is refused on a mount that is already in use, not on a read-only one.
        if prepared.request.ownerMappedMounts.contains(step.index), userNamespace != nil {
            try mapToOwner(mount, source: source, user: user, recursive: options.isRecursiveBind)
        } else if options.idMap != nil || !step.mount.uidMappings.isEmpty {
            try mapExplicitly(mount, step)
        }
        try attempt("set the options of", source) { () throws(Errno) in
            if !options.set.isEmpty || !options.clear.isEmpty {
                try mount.setAttributes(set: options.set, clear: options.clear)
            }
            if !options.recursiveSet.isEmpty || !options.recursiveClear.isEmpty {
                try mount.setAttributes(set: options.recursiveSet, clear: options.recursiveClear, recursive: true)
            }
        }
        return mount
    }

    private func mapToOwner(
        _ mount: borrowing DetachedMount, source: String, user: ResolvedUser, recursive: Bool
    ) throws(RuntimeError) {
        let status = try attempt("look at", source) { () throws(Errno) in try mount.root.status() }
        let uids = OwnerMapping.lines(owner: status.uid, user: user.uid, container: prepared.uidMap)
        let gids = OwnerMapping.lines(owner: status.gid, user: user.gid, container: prepared.gidMap)
        if let userNamespace, uids == prepared.uidMap, gids == prepared.gidMap {
            return try mount.mapIDs(userNamespace: userNamespace, of: source, recursive: recursive)
        }
        try map(mount, source, uids, gids, recursive: recursive)
    }

    private func mapExplicitly(_ mount: borrowing DetachedMount, _ step: MountPlan.Step) throws(RuntimeError) {
        let recursive = step.options.idMap == .recursive
        let source = step.mount.source ?? ""
        if step.mount.uidMappings.isEmpty && step.mount.gidMappings.isEmpty {
            guard let userNamespace else {
                throw RuntimeError("map the ids of", source, cause: "the container has no user namespace to map to")
            }
            return try mount.mapIDs(userNamespace: userNamespace, of: source, recursive: recursive)
        }
        func lines(_ mappings: [RuntimeIDMapping]) -> [IDMapping] {
            mappings.map { IDMapping(inside: $0.containerID, outside: $0.hostID, size: $0.size) }
        }
        try map(mount, source, lines(step.mount.uidMappings), lines(step.mount.gidMappings), recursive: recursive)
    }

    private func map(
        _ mount: borrowing DetachedMount, _ source: String, _ uids: [IDMapping], _ gids: [IDMapping], recursive: Bool
    ) throws(RuntimeError) {
        let namespace = try attempt("make the id map of", source) { () throws(Errno) in
            try UserNamespace.make(uids: uids, gids: gids)
        }
        try mount.mapIDs(userNamespace: namespace.rawValue, of: source, recursive: recursive)
    }

    /// Makes the user the owner of the pipes that are its standard streams, so that it can open `/dev/stdout`.
    func give(streams: (input: Int32, output: Int32, error: Int32), to user: ResolvedUser) {
        guard let uid = prepared.uidMap.isEmpty ? user.uid : prepared.uidMap.outside(of: user.uid),
            let gid = prepared.gidMap.isEmpty ? user.gid : prepared.gidMap.outside(of: user.gid)
        else { return }
        // Only pipes: another stream is the host's (/dev/null, a file), and its owner nobody's to change.
        for number in Set([streams.input, streams.output, streams.error]) where PipeEnds.isPipe(number) {
            try? ProcessControl.changeOwner(number, uid: uid, gid: gid)
        }
    }
}
