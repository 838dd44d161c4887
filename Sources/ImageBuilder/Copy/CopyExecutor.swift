import Archive
import Glibc
import LinuxKernel
import OCI

/// Carries out one COPY or ADD.
struct CopyExecutor {
    let environment: BuildEnvironment
    let trees: SourceTrees
    let step: CopyStep
    let target: TargetTree
    /// A directory of the step's own.
    let scratch: String

    func execute() throws(BuildError) {
        let owner = try step.chown.map { (text: String) throws(BuildError) in try target.owner(text) }
        var mode: ModeChange?
        if let text = step.chmod {
            do throws(PatternError) { mode = try ModeChange(text) } catch { throw BuildError(cause: error.cause) }
        }
        let names = step.destination.utf8.split(separator: 47).map { Array($0) }
        let endsWithSlash = step.destination.utf8.last == 47
        var files = 0
        var local: SourceTree?
        for source in step.sources {
            let tree: SourceTree
            var text = source
            if step.isAdd, RemoteSource.isRemote(source) {
                let fetched = try environment.fetched(source, step)
                tree = try open(fetched)
                text = "/"
                if let name = fetched.name { text += name }
            } else if let opened = local {
                tree = opened
            } else {
                tree = try trees.open(step.source)
                local = tree
            }
            let isRemote = text != source || tree !== local
            let copier = TreeCopier(
                tree, to: target, owner: owner, mode: mode, excludes: try IgnoreRules(patterns: step.excludes),
                time: environment.fileTime)
            let pivot = isRemote ? (whole: text, skipped: 0) : Self.pivot(source)
            for selection in try isRemote ? tree.selectExactly(text) : tree.select(pivot.whole) {
                if selection.status.kind != .directory { files += 1 }
                if files > 1, !endsWithSlash, try target.status(names)?.kind != .directory, !step.parents {
                    throw BuildError(
                        operation: "copy to", object: quote(step.destination),
                        cause: "several files cannot go to one that is no directory",
                        remedy: "end the destination with a slash")
                }
                // What comes from the net is unpacked only where the Dockerfile says so.
                if !isRemote || step.unpacks == true, try unpack(selection, tree, names, owner) { continue }
                var place = names
                if step.parents, !isRemote {
                    // What stands before /./ is not made again.
                    place += selection.written.dropFirst(pivot.skipped).dropLast()
                    if selection.status.kind == .directory, let last = selection.written.last { place.append(last) }
                }
                try copier.copy(selection, to: place, intoDirectory: endsWithSlash || step.parents)
            }
        }
        for document in step.documents { try write(document, names, endsWithSlash, owner ?? .root, mode) }
    }

    private func open(_ fetched: RemoteSources.Fetched) throws(BuildError) -> SourceTree {
        let root = try converting("open", fetched.path) { () throws(Errno) in
            SharedDescriptor(try Files.open(fetched.path, [.readOnly, .directory]))
        }
        return SourceTree(root, name: "what was fetched", isContext: true)
    }

    /// `a/./b`: with `--parents` only what is behind the dot is made at the destination.
    private static func pivot(_ source: String) -> (whole: String, skipped: Int) {
        let parts = source.utf8.split(separator: 47)
        guard let dot = parts.firstIndex(where: { $0.elementsEqual([46]) }), dot > 0, dot < parts.count - 1 else {
            return (source, 0)
        }
        return (source, dot)
    }

    private func write(
        _ document: RunStep.Document, _ names: [[UInt8]], _ endsWithSlash: Bool, _ owner: Owner, _ mode: ModeChange?
    ) throws(BuildError) {
        let isDirectory = endsWithSlash ? true : try target.status(names)?.kind == .directory
        let name = Array(document.name.utf8)
        guard !name.contains(47), !name.elementsEqual([46, 46]), !name.elementsEqual([46]) else {
            throw BuildError(operation: "copy", object: quote(document.name), cause: "it is no file name")
        }
        let (directory, last): (SharedDescriptor, [UInt8])
        if isDirectory {
            (directory, last) = (try target.directory(names, owner: owner, time: environment.fileTime), name)
        } else {
            (directory, last) = try target.place(names, owner: owner, time: environment.fileTime)
        }
        try converting("write", quote(document.name)) { () throws(Errno) in
            if let there = try? Files.status(at: directory.number, PathBytes(last)) {
                guard there.kind != .directory else { throw .isDirectory }
                try Files.unlink(at: directory.number, PathBytes(last))
            }
            let file = try Files.open(
                at: directory.number, PathBytes(last), [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            try file.writeAll(Array(document.content.utf8))
            try file.changeOwner(uid: owner.uid, gid: owner.gid)
            try file.changeMode(mode?.applied(to: 0o644, isDirectory: false) ?? 0o644)
            if let time = environment.fileTime { try file.setModificationTime(time) }
        }
    }

    // MARK: Archives

    /// Unpacks a local archive that ADD names.
    ///
    /// - Returns: false when it is no archive, or not to be unpacked.
    private func unpack(
        _ selection: SourceTree.Selection, _ tree: SourceTree, _ names: [[UInt8]], _ owner: Owner?
    ) throws(BuildError) -> Bool {
        guard step.isAdd, step.unpacks ?? true, selection.status.kind == .regular else { return false }
        let object = quote(SourceTree.text(selection.path))
        let file = try converting("read", object) { () throws(Errno) in
            try tree.open(selection.path, [.readOnly, .noFollow])
        }
        guard try Self.isArchive(file, object) else { return false }
        let place = "\(scratch)/archive"
        try? Files.removeTree(place)
        try converting("unpack", object) { () throws(Errno) in
            _ = lseek(file.rawValue, 0, SEEK_SET)
            try Files.makeDirectory(place, mode: 0o755)
        }
        do throws(ArchiveError) {
            let directory: FileDescriptor
            do throws(Errno) { directory = try Files.open(place, [.readOnly, .directory]) } catch {
                throw ArchiveError(operation: "make", object: place, cause: "\(error)", errno: error)
            }
            let content = InputBuffer(try Self.decompressed(file))
            _ = try LayerApplier.apply(TarReader(content, endMarker: .optional), to: directory)
        } catch {
            throw BuildError(
                operation: "unpack", object: object, cause: "\(error.object): \(error.cause)", remedy: error.remedy)
        }
        let root = try converting("read", place) { () throws(Errno) in
            SharedDescriptor(try Files.open(place, [.readOnly, .directory]))
        }
        let unpacked = SourceTree(root, name: "the archive", isContext: false)
        // Owners and modes are the archive's own, as BuildKit has it: --chown tells whose the destination is.
        _ = try target.directory(names, owner: owner ?? .root, time: environment.fileTime)
        let copier = TreeCopier(
            unpacked, to: target, owner: nil, mode: nil, excludes: IgnoreRules(), time: environment.fileTime)
        for whole in try unpacked.select("/") { try copier.copy(whole, to: names, intoDirectory: true) }
        return true
    }

    /// Whether a file is a tar, plain or compressed.
    private static func isArchive(_ file: borrowing FileDescriptor, _ object: String) throws(BuildError) -> Bool {
        do throws(ArchiveError) {
            let content = InputBuffer(try decompressed(file))
            guard try content.peek(512).count == 512 else { return false }
            return try TarReader(content, endMarker: .optional).next() != nil
        } catch {
            if error.cause.hasSuffix("is not installed") {
                throw BuildError(
                    operation: error.operation, object: object, cause: error.cause, remedy: error.remedy)
            }
            // What cannot be read as an archive is a file like any other.
            return false
        }
    }

    /// The bytes of a file, whichever way they are compressed, from its start.
    private static func decompressed(_ file: borrowing FileDescriptor) throws(ArchiveError) -> any ByteSource {
        let stored: InputBuffer
        do throws(Errno) {
            _ = lseek(file.rawValue, 0, SEEK_SET)
            stored = InputBuffer(FileSource(try file.duplicated()))
        } catch {
            throw ArchiveError(operation: "read", object: "the archive", cause: "\(error)", errno: error)
        }
        if let helped = try HelperDecompression(try stored.compression(), file) { return helped }
        return try stored.decompressed()
    }
}
