import Archive
import Glibc
import LinuxKernel

/// Makes what a tar holds below a directory, by descriptor. Whatever the archive says, nothing is made outside: names do
/// not climb and no link is followed.
struct TreeUnpacking {
    let target: CopyTarget
    /// Owners of the archive, or nil for the caller's.
    let keepsOwners: Bool
    /// Whether device nodes are made: never on the host, whose devices they would be.
    let makesDevices: Bool

    /// Takes a whole archive.
    ///
    /// - Parameters:
    ///   - place: where it goes.
    ///   - onlyContent: whether the first name is left out where the destination is a directory.
    ///   - isArchive: whether the archive is a user's own (`-`), to go below a directory that must be there.
    static func unpack(
        _ source: any ByteSource, to place: CopyPlace, onlyContent: Bool, keepsOwners: Bool, isArchive: Bool = false
    ) throws {
        let reader = TarReader(source)
        var unpacking: TreeUnpacking?
        var directories = [(path: [PathBytes], entry: TarEntry)]()
        while let entry = try reader.next() {
            if unpacking == nil {
                if isArchive {
                    guard try place.status()?.kind == .directory else {
                        throw EngineError(
                            "destination \(ContainerRegistry.printable(place.path)) must be a directory")
                    }
                }
                unpacking = TreeUnpacking(
                    target: try CopyTarget(
                        place, isDirectory: isArchive || entry.kind == .directory, onlyContent: onlyContent),
                    keepsOwners: keepsOwners, makesDevices: place.root != nil)
            }
            guard let unpacking else { continue }
            let path = try unpacking.names(entry.path)
            if path.isEmpty { continue }
            try unpacking.make(entry, path, reader)
            if entry.kind == .directory { directories.append((path, entry)) }
        }
        // Directories get their mode and time when nothing more is made in them.
        for (path, entry) in directories.reversed() {
            try? unpacking?.finishDirectory(path, entry)
        }
    }

    /// The names of an entry's path below the target, the first as the target wants it.
    func names(_ path: PathBytes) throws(EngineError) -> [PathBytes] {
        var names = path.bytes.split(separator: UInt8(ascii: "/")).map { PathBytes(Array($0)) }.filter { $0 != "." }
        guard !names.contains(where: { $0 == ".." || $0.bytes.contains(0) }) else {
            throw EngineError(
                "the archive holds the name \(ContainerRegistry.printable(path.description)), which leads outside")
        }
        guard let renamed = target.renamed, !names.isEmpty else { return names }
        if renamed.isEmpty { names.removeFirst() } else { names[0] = PathBytes(renamed) }
        return names
    }

    /// The directory of a path's last name, missing ones made.
    private func parent(_ path: [PathBytes]) throws -> SharedDescriptor {
        var directory = target.directory
        for name in path.dropLast() {
            do throws(Errno) { try Files.makeDirectory(at: directory.number, name, mode: 0o755) } catch {
                guard error == .fileExists else { throw error }
            }
            do throws(Errno) {
                directory = SharedDescriptor(
                    try Files.open(at: directory.number, name, [.readOnly, .directory, .noFollow]))
            } catch { throw notDirectory(name, error) }
        }
        return directory
    }

    private func notDirectory(_ name: PathBytes, _ error: Errno) -> EngineError {
        error == .notDirectory || error == .tooManySymbolicLinks
            ? EngineError(
                "cannot overwrite non-directory \"\(ContainerRegistry.printable(name.description))\" with directory")
            : EngineError("open", ContainerRegistry.printable(name.description), error)
    }

    private func make(_ entry: TarEntry, _ path: [PathBytes], _ reader: TarReader) throws {
        guard let name = path.last else { return }
        let shown = ContainerRegistry.printable(path.map(\.description).joined(separator: "/"))
        do {
            let holder = try parent(path)
            defer { withExtendedLifetime(holder) {} }
            let directory = holder.number
            let there = try? Files.status(at: directory, name)
            if entry.kind == .directory {
                if let there {
                    guard there.kind == .directory else { throw notDirectory(name, .notDirectory) }
                } else {
                    try Files.makeDirectory(at: directory, name, mode: 0o700)
                }
                return
            }
            if let there {
                guard there.kind != .directory else {
                    throw EngineError("cannot overwrite directory \"\(shown)\" with non-directory \"\(shown)\"")
                }
                try Files.unlink(at: directory, name)
            }
            switch entry.kind {
            case .regular: return try makeFile(entry, directory, name, reader)
            case .symbolicLink: try Files.symbolicLink(at: directory, name, target: entry.linkTarget)
            case .hardLink:
                let from = try names(entry.linkTarget)
                let source = try parent(from)
                defer { withExtendedLifetime(source) {} }
                if let last = from.last { try Files.link(at: source.number, last, to: directory, name) }
                return
            case .characterDevice where !makesDevices, .blockDevice where !makesDevices:
                throw EngineError("\(shown) is a device node, which is not made on the host")
            case .fifo: try Files.makeNode(at: directory, name, mode: UInt32(S_IFIFO) | 0o600, major: 0, minor: 0)
            case .characterDevice(let major, let minor):
                try Files.makeNode(
                    at: directory, name, mode: UInt32(S_IFCHR) | 0o600, major: major, minor: minor)
            case .blockDevice(let major, let minor):
                try Files.makeNode(
                    at: directory, name, mode: UInt32(S_IFBLK) | 0o600, major: major, minor: minor)
            case .directory: return
            }
            if keepsOwners { try Files.changeOwner(at: directory, name, uid: entry.uid, gid: entry.gid) }
            if entry.kind != .symbolicLink { try Files.changeMode(at: directory, name, mode: entry.mode) }
        } catch let error as Errno {
            throw EngineError("make", shown, error)
        }
    }

    private func makeFile(_ entry: TarEntry, _ directory: Int32, _ name: PathBytes, _ reader: TarReader) throws {
        let file = try Files.open(at: directory, name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        if let segments = entry.segments {
            for segment in segments {
                try write(reader, to: file, at: segment.offset, count: segment.length)
            }
            try file.setSize(entry.size)
        } else {
            try write(reader, to: file, at: 0, count: entry.size)
        }
        // The owner first: changing it takes the setuid bit away.
        if keepsOwners { try file.changeOwner(uid: entry.uid, gid: entry.gid) }
        try file.changeMode(entry.mode & 0o7777)
        try file.setModificationTime(entry.modificationTime)
    }

    private func write(
        _ reader: TarReader, to file: borrowing FileDescriptor, at start: Int64, count: Int64
    ) throws {
        var offset = start
        while offset < start + count {
            let bytes = try reader.nextContent(limit: Int(min(1 << 20, start + count - offset)))
            if bytes.isEmpty { return }
            try file.writeAll(bytes, at: offset)
            offset += Int64(bytes.count)
        }
    }

    private func finishDirectory(_ path: [PathBytes], _ entry: TarEntry) throws {
        guard let name = path.last else { return }
        let parent = try parent(path)
        defer { withExtendedLifetime(parent) {} }
        let directory = try Files.open(at: parent.number, name, [.readOnly, .directory, .noFollow])
        if keepsOwners { try directory.changeOwner(uid: entry.uid, gid: entry.gid) }
        try directory.changeMode(entry.mode & 0o7777)
        try directory.setModificationTime(entry.modificationTime)
    }
}
