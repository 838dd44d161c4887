import Glibc
import LinuxKernel

/// The file system of a container that does not run, for those who put files in or take them out.
public enum ContainerTree {
    /// A volume in it.
    public struct Volume: Sendable {
        public var source: String
        public var destination: String
        /// A volume at a place.
        public init(source: String, destination: String) {
            self.source = source
            self.destination = destination
        }
    }

    /// Mounts it in a mount namespace that this process gets for itself, so that nothing of it outlives the process.
    ///
    /// - Parameters:
    ///   - range: the container's ids on the host, nil for the host's own.
    ///   - place: an empty directory.
    /// - Returns: its root and, with a range, a user namespace of that range.
    public static func mount(
        _ overlay: OverlayRoot, range: IDMapping?, volumes: [Volume], at place: String
    ) throws(RuntimeError) -> (root: SharedDescriptor, users: SharedDescriptor?) {
        var users: SharedDescriptor?
        if let range {
            users = try attempt("make", "a user namespace") { () throws(Errno) in
                SharedDescriptor(try UserNamespace.make(uids: [range], gids: [range]))
            }
        }
        try attempt("make", "a mount namespace") { () throws(Errno) in
            try ProcessControl.unshare(.mount)
            try MountTree.setPropagation("/", .private, recursive: true)
        }
        let mount = try overlay.mount(userNamespace: users?.number, rangeBase: range?.outside ?? 0)
        let root = try attempt("mount on", place) { () throws(Errno) in
            try mount.attach(place)
            return SharedDescriptor(try Files.open(place, [.pathOnly, .directory]))
        }
        for volume in volumes {
            let clone = try attempt("open volume", volume.source) { () throws(Errno) in
                try DetachedMount.clone(volume.source, recursive: false)
            }
            if let users { try clone.mapIDs(userNamespace: users.number, of: volume.source) }
            try attempt("mount volume on", volume.destination) { () throws(Errno) in
                let target = try openMaking(volume.destination, root.number, owner: range?.outside ?? 0)
                try clone.attach(to: target.rawValue)
            }
        }
        return (root, users)
    }

    /// Opens a mount point, making what of it is missing as the container's root would.
    private static func openMaking(_ path: String, _ root: Int32, owner: UInt32) throws(Errno) -> FileDescriptor {
        let directory = RootDirectory(descriptor: root)
        do throws(Errno) { return try directory.open(path, [.pathOnly, .directory]) } catch {
            guard error == .noSuchFile else { throw error }
        }
        let names = PathText.names(path)
        guard let last = names.last, last != ".." else { throw .invalidArgument }
        let parent = try openMaking(names.dropLast().joined(separator: "/"), root, owner: owner)
        try Files.makeDirectory(at: parent.rawValue, last, mode: 0o755)
        try Files.changeOwner(at: parent.rawValue, last, uid: owner, gid: owner)
        return try directory.open(path, [.pathOnly, .directory])
    }
}
