import Glibc
import LinuxKernel

extension LayerApplication {
    /// Makes another name of a file. One that only a lower layer has is copied up first under its own name, as overlayfs
    /// would do it: both names then stand for one file.
    func makeHardLink(_ name: [UInt8], _ entry: TarEntry) throws(Errno) {
        let raw = entry.path.bytes
        let target = try relay { () throws(ArchiveError) in try LayerPath.components(entry.linkTarget.bytes, of: raw) }
        guard let last = target.last else { throw fail(.entry(raw, "it is a hard link to the root")) }
        for part in target where part.starts(with: ".wh.".utf8) {
            throw fail(.entry(raw, "it is a hard link to a whiteout"))
        }
        let targetName = PathBytes(last)
        if let parent = try openInLayer(target.dropLast()), let status = try status(parent, targetName) {
            guard !OverlayMark.isWhiteout(status) else { throw fail(missing(entry)) }
            return try link(parent, targetName, status, name, entry)
        }
        summary.dependsOnLower = true
        guard let found = try lowers().lookup(target.map { Array($0) }) else { throw fail(missing(entry)) }
        let here = stack.components.map { $0[...] }
        try enter(target.dropLast(), for: entry)
        try copyUp(found, Array(last))
        guard let handle = stack.top.handle else { throw .badFileDescriptor }
        let parent = try handle.descriptor.duplicated()
        let copy = try Files.status(at: parent.rawValue, targetName)
        try enter(here[...], for: entry)
        try link(parent, targetName, copy, name, entry)
    }

    private func missing(_ entry: TarEntry) -> ArchiveError {
        .entry(
            entry.path.bytes,
            "it is a hard link to \(quoted(entry.linkTarget.bytes)), which neither this layer nor one below it has")
    }

    private func link(
        _ parent: borrowing FileDescriptor, _ target: PathBytes, _ status: FileStatus, _ name: [UInt8],
        _ entry: TarEntry
    ) throws(Errno) {
        guard status.kind != .directory else {
            throw fail(.entry(entry.path.bytes, "it is a hard link to a directory"))
        }
        let from = parent.rawValue
        do throws(Errno) { try Files.link(at: from, target, to: stack.touch(), PathBytes(name)) } catch {
            guard error == .fileExists else { throw error }
            let present = try Files.status(at: stack.number, PathBytes(name))
            // A link to itself, or one that stands already: taking the name away could take the file away.
            if present.inode == status.inode, present.device == status.device { return }
            try Files.removeTree(at: stack.number, PathBytes(name))
            try Files.link(at: from, target, to: stack.touch(), PathBytes(name))
        }
    }

    /// A directory of this layer, links in its path followed inside the root; nil when there is none.
    private func openInLayer(_ path: ArraySlice<ArraySlice<UInt8>>) throws(Errno) -> FileDescriptor? {
        let text = path.isEmpty ? Array(".".utf8) : Array(path.joined(separator: [UInt8(ascii: "/")]))
        do throws(Errno) {
            return try Files.open(
                at: stack.rootNumber, PathBytes(text), [.pathOnly, .directory],
                resolve: [.inRoot, .noMagicLinks, .noMountCrossing])
        } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw error
        }
    }

    private func status(_ parent: borrowing FileDescriptor, _ name: PathBytes) throws(Errno) -> FileStatus? {
        do throws(Errno) { return try Files.status(at: parent.rawValue, name) } catch {
            if error == .noSuchFile { return nil }
            throw error
        }
    }

    /// Copies a file of a lower layer into the directory on top of the stack.
    private func copyUp(_ found: LowerTree.Found, _ name: [UInt8]) throws(Errno) {
        let metadata = try Metadata(found)
        let directory = found.parent.rawValue
        let (major, minor) = found.status.deviceNumber
        switch found.status.kind {
        case .regular:
            let source = try Files.open(at: directory, found.name, [.readOnly, .noFollow, .nonBlocking])
            let file = try createFile(name)
            try file.copyContents(of: source)
            summary.bytes += found.status.size
            try dress(file, metadata)
        case .symbolicLink:
            let text = try Files.readLink(at: directory, found.name)
            try replacing(name) { directory throws(Errno) in
                try Files.symbolicLink(at: directory, PathBytes(name), target: text)
            }
            try dress(name, metadata, isLink: true)
        case .fifo, .characterDevice, .blockDevice, .socket:
            let type = found.status.typeBits
            try replacing(name) { directory throws(Errno) in
                try Files.makeNode(at: directory, PathBytes(name), mode: type | 0o600, major: major, minor: minor)
            }
            try dress(name, metadata, isLink: false)
        case .directory, .unknown: throw .isDirectory
        }
    }
}
