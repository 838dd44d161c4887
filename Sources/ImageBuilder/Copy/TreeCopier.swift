import Glibc
import LinuxKernel

/// Puts what COPY selected into the target, with BuildKit's rules for what meets what.
final class TreeCopier {
    private let tree: SourceTree
    private let target: TargetTree
    /// `--chown`; nil keeps a stage's owners and gives a context's files to root.
    private let owner: Owner?
    private let mode: ModeChange?
    private let excludes: IgnoreRules
    /// All times, where they have to be the same everywhere.
    private let time: FileTime?
    private var links = [UInt64: (directory: SharedDescriptor, name: PathBytes)]()
    /// Directories on the way down, and those whose times are set when all is in them.
    private var open = [(relative: [[UInt8]], directory: SharedDescriptor)]()
    private var finished = [(directory: SharedDescriptor, time: FileTime)]()

    init(
        _ tree: SourceTree, to target: TargetTree, owner: Owner?, mode: ModeChange?, excludes: IgnoreRules,
        time: FileTime?
    ) {
        self.tree = tree
        self.target = target
        self.owner = owner
        self.mode = mode
        self.excludes = excludes
        self.time = time
    }

    /// Copies one selection.
    ///
    /// - Parameters:
    ///   - destination: absolute.
    ///   - intoDirectory: a file goes into the destination, and not under its name.
    func copy(
        _ selection: SourceTree.Selection, to destination: [[UInt8]], intoDirectory: Bool
    ) throws(BuildError) {
        let parentOwner = owner ?? .root
        open = []
        finished = []
        if selection.status.kind == .directory {
            if let there = try target.status(destination), there.kind != .directory {
                throw conflict(destination, "a directory cannot be copied over a file")
            }
            var walk = TreeWalk(tree, excludes: excludes) { [self] (entry) throws(BuildError) in
                if entry.relative.isEmpty {
                    let directory = try target.directory(destination, owner: parentOwner, time: time)
                    // Only what is in the directory is copied: the one at the destination is made like any missing one.
                    open = [([], directory)]
                    return
                }
                try place(entry)
            }
            try walk.run(selection)
        } else {
            let isDirectory = intoDirectory ? true : try target.status(destination)?.kind == .directory
            let names = isDirectory ? destination + [selection.name] : destination
            let (directory, name): (SharedDescriptor, [UInt8])
            if isDirectory {
                (directory, name) = (try target.directory(destination, owner: parentOwner, time: time), selection.name)
            } else {
                (directory, name) = try target.place(names, owner: parentOwner, time: time)
            }
            var walk = TreeWalk(tree, excludes: excludes) { [self] (entry) throws(BuildError) in
                try make(entry, in: directory, PathBytes(name))
            }
            try walk.run(selection)
        }
        try converting("set the time of", SourceTree.text(destination)) { () throws(Errno) in
            for entry in finished.reversed() {
                try Files.open(at: entry.directory.number, ".", [.readOnly, .directory]).setModificationTime(entry.time)
            }
        }
    }

    private func conflict(_ names: [[UInt8]], _ cause: String) -> BuildError {
        BuildError(operation: "copy to", object: quote(SourceTree.text(names)), cause: cause)
    }

    /// Puts an entry below the directory it is in.
    private func place(_ entry: WalkedEntry) throws(BuildError) {
        let above = Array(entry.relative.dropLast())
        while let last = open.last, last.relative != above, !last.relative.isEmpty { open.removeLast() }
        guard let parent = open.last, parent.relative == above else {
            throw BuildError(
                operation: "copy", object: quote(SourceTree.text(entry.path)), cause: "its directory was not copied")
        }
        guard entry.status.kind == .directory else { return try make(entry, in: parent.directory, entry.name) }
        let number = parent.directory.number
        do throws(Errno) { try Files.makeDirectory(at: number, entry.name, mode: 0o700) } catch {
            guard error == .fileExists else { throw .system(error, "make", quote(SourceTree.text(entry.path))) }
            let there = try converting("read", quote(SourceTree.text(entry.path))) { () throws(Errno) in
                try Files.status(at: number, entry.name)
            }
            guard there.kind == .directory else {
                throw conflict(
                    entry.relative,
                    "a directory cannot be copied over \(there.kind == .symbolicLink ? "a symbolic link" : "a file")")
            }
        }
        let directory = try converting("read", quote(SourceTree.text(entry.path))) { () throws(Errno) in
            SharedDescriptor(try Files.open(at: number, entry.name, [.readOnly, .directory, .noFollow]))
        }
        try dress(directory, entry)
        open.append((entry.relative, directory))
    }

    private func owner(of status: FileStatus) -> Owner {
        owner ?? (tree.isContext ? .root : Owner(uid: status.uid, gid: status.gid))
    }

    private func permissions(of status: FileStatus) -> UInt32 {
        mode?.applied(to: status.permissions, isDirectory: status.kind == .directory) ?? status.permissions
    }

    private func dress(_ directory: SharedDescriptor, _ entry: WalkedEntry) throws(BuildError) {
        let owner = owner(of: entry.status)
        try converting("set the owner and mode of", quote(SourceTree.text(entry.path))) { () throws(Errno) in
            let handle = try Files.open(at: directory.number, ".", [.readOnly, .directory])
            try handle.changeOwner(uid: owner.uid, gid: owner.gid)
            try handle.changeMode(permissions(of: entry.status))
            try copyAttributes(entry) { (name, value) throws(Errno) in try handle.setExtendedAttribute(name, value) }
        }
        finished.append((directory, time ?? entry.status.modified))
    }

    private func copyAttributes(
        _ entry: WalkedEntry, _ set: (PathBytes, [UInt8]) throws(Errno) -> Void
    ) throws(Errno) {
        guard !tree.isContext else { return }
        for name in try Files.extendedAttributeNames(at: entry.directory, entry.name)
        where CopiedAttribute.isCopied(name) {
            try set(name, try Files.extendedAttribute(at: entry.directory, entry.name, name))
        }
    }

    /// Makes something that is no directory, in place of what has its name.
    private func make(_ entry: WalkedEntry, in directory: SharedDescriptor, _ name: PathBytes) throws(BuildError) {
        let object = quote(SourceTree.text(entry.path))
        let number = directory.number
        if let there = try? Files.status(at: number, name) {
            guard there.kind != .directory else {
                throw BuildError(operation: "copy", object: object, cause: "a file cannot be copied over a directory")
            }
            try converting("replace", object) { () throws(Errno) in try Files.unlink(at: number, name) }
        }
        let status = entry.status
        if status.linkCount > 1, let first = links[status.inode] {
            return try converting("copy", object) { () throws(Errno) in
                try Files.link(at: first.directory.number, first.name, to: number, name)
            }
        }
        let owner = owner(of: status)
        switch status.kind {
        case .regular: try copyFile(entry, to: number, name, owner, object)
        case .symbolicLink:
            try converting("copy", object) { () throws(Errno) in
                try Files.symbolicLink(at: number, name, target: try Files.readLink(at: entry.directory, entry.name))
                try Files.changeOwner(at: number, name, uid: owner.uid, gid: owner.gid)
                try Files.setModificationTime(at: number, name, time ?? status.modified)
            }
        case .fifo, .characterDevice, .blockDevice:
            guard !tree.isContext || status.kind == .fifo else {
                throw BuildError(operation: "copy", object: object, cause: "it is a device, and a context holds none")
            }
            let device = status.deviceNumber
            guard status.kind != .characterDevice || device != (0, 0) else {
                throw BuildError(operation: "copy", object: object, cause: "it is overlayfs's mark for a deleted file")
            }
            try converting("copy", object) { () throws(Errno) in
                try Files.makeNode(
                    at: number, name, mode: status.typeBits | 0o600, major: device.major, minor: device.minor)
                try Files.changeOwner(at: number, name, uid: owner.uid, gid: owner.gid)
                let node = try Files.open(at: number, name, [.pathOnly, .noFollow])
                try Files.changeMode(at: WorkingDirectory.rawValue, node.procPath, mode: permissions(of: status))
                try Files.setModificationTime(at: number, name, time ?? status.modified)
            }
        case .socket: return
        case .directory, .unknown: throw BuildError(operation: "copy", object: object, cause: "it changed meanwhile")
        }
        if status.linkCount > 1 { links[status.inode] = (directory, name) }
    }

    private func copyFile(
        _ entry: WalkedEntry, to number: Int32, _ name: PathBytes, _ owner: Owner, _ object: String
    ) throws(BuildError) {
        try converting("copy", object) { () throws(Errno) in
            let source = try Files.open(at: entry.directory, entry.name, [.readOnly, .noFollow, .nonBlocking])
            guard try source.status().kind == .regular else { throw .invalidArgument }
            let file = try Files.open(at: number, name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            try file.copyContents(of: source)
            try file.changeOwner(uid: owner.uid, gid: owner.gid)
            try file.changeMode(permissions(of: entry.status))
            try copyAttributes(entry) { (attribute, value) throws(Errno) in
                try file.setExtendedAttribute(attribute, value)
            }
            try file.setModificationTime(time ?? entry.status.modified)
        }
    }
}
