import Glibc
import LinuxKernel

/// What became of a layer that was applied.
public struct LayerSummary: Equatable, Sendable {
    /// Entries of the archive.
    public var entries: Int64 = 0
    /// Bytes of regular files' content that were written; holes do not count.
    public var bytes: Int64 = 0
    /// Highest owner id of a file, 0 at least.
    public var highestUID: UInt32 = 0
    /// Highest group id of a file, 0 at least.
    public var highestGID: UInt32 = 0
    /// The tree is right only above the lower layers it was applied with: it took something over from them, or would
    /// have, had they had it.
    public var dependsOnLower = false
    /// The root hides all lower layers: they are not part of an image's view. Overlayfs knows no such mark for a
    /// root, so whoever mounts the layers leaves the lower ones out.
    public var hidesLower = false
    /// The layer says itself what owner, mode and attributes the root directory has.
    public var definesRoot = false
}

/// Unpacks a layer (image-spec `layer.md`) into a directory, in overlayfs's own form: `.wh.NAME` becomes a character
/// device 0:0, `.wh..wh..opq` the attribute `trusted.overlay.opaque` of its directory. Everything goes by descriptor
/// (see ``DirectoryStack``); memory is bounded whatever the layer holds.
public enum LayerApplier {
    /// Applies all entries of `tar` below `directory`, which must be empty and nobody else's.
    ///
    /// - Parameters:
    ///   - tar: the uncompressed layer; read to the end of its archive, not of its stream.
    ///   - directory: an open directory, the root of the layer.
    ///   - lowers: the applied layers below this one, bottom first.
    /// - Throws: ``ArchiveError`` naming the entry. What was made so far stays: the caller removes the directory.
    public static func apply(
        _ tar: TarReader, to directory: consuming FileDescriptor, above lowers: [LowerDirectory] = []
    ) throws(ArchiveError) -> LayerSummary {
        try apply(tar, to: directory, aboveWhenNeeded: ReadyLowers(lowers))
    }

    /// The same, above layers that may still be on their way: most layers are applied without a look at them, so those of
    /// one image can be applied at the same time.
    ///
    /// - Parameter lowers: asked when the first thing has to be taken over from below, once at most.
    public static func apply(
        _ tar: TarReader, to directory: consuming FileDescriptor, aboveWhenNeeded lowers: any LowerLayers
    ) throws(ArchiveError) -> LayerSummary {
        let application = try LayerApplication(directory, lowers: lowers)
        while let entry = try tar.next() { try application.place(entry, content: tar) }
        return try application.finish()
    }
}

/// A layer on its way into a directory.
final class LayerApplication {
    let stack: DirectoryStack
    private let lowerLayers: any LowerLayers
    private var lowerTree: LowerTree?
    var summary = LayerSummary()
    var hasWhiteouts = false
    /// New files belong to 0:0 without being told.
    let makesRootFiles = geteuid() == 0 && getegid() == 0
    var uncheckedBytes = 0

    init(_ directory: consuming FileDescriptor, lowers: any LowerLayers) throws(ArchiveError) {
        lowerLayers = lowers
        do throws(Errno) { stack = try DirectoryStack(root: directory) } catch {
            throw .entry(Array("/".utf8), error, doing: "the layer's directory cannot be read")
        }
    }

    func finish() throws(ArchiveError) -> LayerSummary {
        do throws(Errno) { try stack.finish() } catch {
            throw .entry(Array("/".utf8), error, doing: "a directory's time cannot be set")
        }
        return summary
    }

    /// The layers below, which may have to be waited for.
    func lowers() throws(Errno) -> LowerTree {
        if let lowerTree { return lowerTree }
        let tree = LowerTree(try relay { () throws(ArchiveError) in try lowerLayers.directories() })
        lowerTree = tree
        return tree
    }

    /// Puts one entry where it belongs.
    func place(_ entry: TarEntry, content: TarReader) throws(ArchiveError) {
        summary.entries += 1
        action = "it cannot be made"
        let raw = entry.path.bytes
        let path = try LayerPath.components(raw, of: raw)
        for attribute in entry.attributes where OverlayMark.owns(attribute.name) {
            throw .entry(
                raw, "it sets the attribute \(quoted(attribute.name.bytes)), which is overlayfs's own",
                remedy: "do not trust this image")
        }
        if entry.kind == .characterDevice(major: 0, minor: 0) {
            throw .entry(
                raw, "it is a character device 0:0, overlayfs's mark for a deleted file",
                remedy: "do not trust this image")
        }
        for part in path.dropLast() where part.starts(with: ".wh.".utf8) {
            // AUFS's book-keeping directories mean nothing here; anything else has no meaning anywhere.
            if part.starts(with: ".wh..wh.".utf8) { return }
            throw .entry(raw, "a directory on its path is named like a whiteout", remedy: "do not trust this image")
        }
        guard let last = path.last else { return try placeRoot(entry) }
        let name = Array(last)
        let whiteout = try Whiteout(name: last, of: raw)
        if whiteout == .ignored { return }
        do throws(Errno) {
            try enter(path.dropLast(), for: entry)
            switch whiteout {
            case .none, .ignored: try make(name, entry, content)
            case .opaque: try markOpaque()
            case .hides(let hidden): try hide(hidden)
            }
        } catch {
            throw takeFailure() ?? .entry(raw, error, doing: action)
        }
    }

    // Most steps fail with an error number and what was being done. Where there is more to say, the sentence is left
    // here and any number thrown.

    private var failure: ArchiveError?
    /// What is being done with the present entry, for a message.
    var action = "it cannot be made"

    func takeFailure() -> ArchiveError? {
        defer { failure = nil }
        return failure
    }

    func fail(_ error: ArchiveError) -> Errno {
        failure = error
        return error.errno ?? .invalidArgument
    }

    /// Runs a step that has its own sentences inside one that throws error numbers.
    func relay<T>(_ body: () throws(ArchiveError) -> T) throws(Errno) -> T {
        do throws(ArchiveError) { return try body() } catch { throw fail(error) }
    }

    // MARK: Kinds

    private func placeRoot(_ entry: TarEntry) throws(ArchiveError) {
        guard entry.kind == .directory else {
            throw .entry(entry.path.bytes, "it would replace the layer's root", remedy: "do not trust this image")
        }
        do throws(Errno) {
            try stack.shrink(to: 0)
            try dressTop(Metadata(entry), clearing: true)
            summary.definesRoot = true
        } catch {
            throw .entry(entry.path.bytes, error, doing: "its owner, mode or attributes cannot be set")
        }
    }

    private func make(_ name: [UInt8], _ entry: TarEntry, _ content: TarReader) throws(Errno) {
        switch entry.kind {
        case .directory: try makeDirectory(name, entry)
        case .regular: try makeFile(name, entry, content)
        case .hardLink: try makeHardLink(name, entry)
        case .symbolicLink:
            try replacing(name) { directory throws(Errno) in
                try Files.symbolicLink(at: directory, PathBytes(name), target: entry.linkTarget)
            }
            try dress(name, Metadata(entry), isLink: true)
        case .fifo: try makeNode(name, entry, UInt32(S_IFIFO), 0, 0)
        case .characterDevice(let major, let minor): try makeNode(name, entry, UInt32(S_IFCHR), major, minor)
        case .blockDevice(let major, let minor): try makeNode(name, entry, UInt32(S_IFBLK), major, minor)
        }
    }

    private func makeDirectory(_ name: [UInt8], _ entry: TarEntry) throws(Errno) {
        var merged = false
        var hidesLower = false
        do throws(Errno) { try Files.makeDirectory(at: stack.touch(), PathBytes(name), mode: 0o700) } catch {
            guard error == .fileExists else { throw error }
            merged = try Files.status(at: stack.number, PathBytes(name)).kind == .directory
            if !merged {
                // A whiteout or a file of this layer hid what lower layers have here, and so must the directory.
                try Files.unlink(at: stack.number, PathBytes(name))
                try Files.makeDirectory(at: stack.touch(), PathBytes(name), mode: 0o700)
                hidesLower = true
            }
        }
        try stepIn(name, entry)
        try dressTop(Metadata(entry), clearing: merged)
        if hidesLower { try markOpaque() }
    }

    private func makeNode(
        _ name: [UInt8], _ entry: TarEntry, _ type: UInt32, _ major: UInt32, _ minor: UInt32
    ) throws(Errno) {
        try replacing(name) { directory throws(Errno) in
            try Files.makeNode(at: directory, PathBytes(name), mode: type | 0o600, major: major, minor: minor)
        }
        try dress(name, Metadata(entry), isLink: false)
    }

    private func makeFile(_ name: [UInt8], _ entry: TarEntry, _ content: TarReader) throws(Errno) {
        let file = try createFile(name)
        if let segments = entry.segments {
            for segment in segments { try fill(file, segment, content) }
            try file.setSize(entry.size)
        } else {
            while true {
                let bytes = try relay { () throws(ArchiveError) in try content.nextContent() }
                if bytes.isEmpty { break }
                try file.writeAll(bytes)
                try count(bytes.count, in: file)
            }
            // The end of a pull or load waits until all is on disk: large files are on their way then.
            if entry.size >= Self.largeFile { Files.beginWriteback(file.rawValue, from: 0, length: entry.size) }
        }
        try dress(file, Metadata(entry))
    }

    private static let largeFile: Int64 = 1 << 20

    private func fill(_ file: borrowing FileDescriptor, _ segment: TarEntry.Segment, _ content: TarReader) throws(Errno)
    {
        var done: Int64 = 0
        while done < segment.length {
            let limit = Int(min(segment.length - done, Int64(InputBuffer.capacity)))
            let bytes = try relay { () throws(ArchiveError) in try content.nextContent(limit: limit) }
            try file.writeAll(bytes, at: segment.offset + done)
            done += Int64(bytes.count)
            try count(bytes.count, in: file)
        }
    }

    /// Counts written bytes, and stops before the file system is quite full.
    private func count(_ bytes: Int, in file: borrowing FileDescriptor) throws(Errno) {
        summary.bytes += Int64(bytes)
        uncheckedBytes += bytes
        if uncheckedBytes >= SpaceReserve.interval {
            uncheckedBytes = 0
            if try file.availableBytes() < SpaceReserve.bytes { throw .noSpace }
        }
    }

    // MARK: Making names

    /// Makes a new file, taking away what this layer had put there before.
    func createFile(_ name: [UInt8]) throws(Errno) -> FileDescriptor {
        let flags: OpenFlags = [.writeOnly, .create, .exclusive, .noFollow]
        do throws(Errno) { return try Files.open(at: stack.touch(), PathBytes(name), flags, mode: 0o600) } catch {
            guard error == .fileExists else { throw error }
            try Files.removeTree(at: stack.number, PathBytes(name))
            return try Files.open(at: stack.touch(), PathBytes(name), flags, mode: 0o600)
        }
    }

    /// Makes a new name, taking away what this layer had put there before.
    func replacing(_ name: [UInt8], _ make: (Int32) throws(Errno) -> Void) throws(Errno) {
        do throws(Errno) { try make(stack.touch()) } catch {
            guard error == .fileExists else { throw error }
            try Files.removeTree(at: stack.number, PathBytes(name))
            try make(stack.touch())
        }
    }

    /// Steps into a directory that was just made.
    func stepIn(_ name: [UInt8], _ entry: TarEntry) throws(Errno) {
        let step = try relay { () throws(ArchiveError) in try stack.push(name, entry: entry.path.bytes) }
        guard case .entered = step else { throw .notDirectory }
    }
}
