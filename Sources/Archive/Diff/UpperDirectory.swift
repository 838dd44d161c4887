import Glibc
import LinuxKernel

/// Turns overlayfs's upper directory into the layer it stands for (image-spec `layer.md`): whiteouts and opaque
/// directories become `.wh.` names, overlayfs's own attributes stay behind, ids are the image's. The lower layers are
/// not looked at, and no file's content is read: that happens when the tar is streamed from the record.
public enum UpperDirectory {
    /// Where the root's owner and mode differ from these, the layer says what they are.
    public struct Root: Equatable, Sendable {
        /// Owner in the image.
        public var uid: UInt32
        /// Group in the image.
        public var gid: UInt32
        /// The twelve permission bits.
        public var mode: UInt32

        /// What a root has where no layer says otherwise.
        public init(uid: UInt32 = 0, gid: UInt32 = 0, mode: UInt32 = 0o755) {
            self.uid = uid
            self.gid = gid
            self.mode = mode
        }
    }

    /// What a directory is.
    public enum Content: Sendable {
        /// The changes to layers below it, in overlayfs's form.
        case changes
        /// All there is.
        case wholeTree
    }

    /// Writes the record of the tar.
    ///
    /// - Parameters:
    ///   - directory: the upper directory, open.
    ///   - content: whether names stand for changes or for themselves.
    ///   - idBases: ids on disk are higher than the image's by the highest of these that they reach.
    ///   - root: what the layers below say of the root directory; nil: this layer is to say it in any case.
    ///   - sink: gets the record's bytes.
    /// - Returns: how long the tar is and what is in it.
    /// - Throws: ``ArchiveError`` naming the file.
    public static func record(
        _ directory: consuming FileDescriptor, content: Content = .changes, idBases: [UInt32], root: Root? = Root(),
        to sink: any ByteSink
    ) throws(ArchiveError) -> (tarSize: Int64, summary: LayerSummary) {
        let writer = try TarRecordWriter(sink)
        let walk = UpperWalk(writer, content: content, idBases: idBases)
        try walk.root(directory.rawValue, differsFrom: root)
        try walk.visit(directory.rawValue, [])
        try writer.finish()
        return (writer.tarSize, walk.summary)
    }
}

/// The walk over an upper directory, names in the order of their bytes: the same tree gives the same tar.
private final class UpperWalk {
    private let writer: TarRecordWriter
    private let content: UpperDirectory.Content
    private let idBases: [UInt32]
    private var links = [FileIdentity: [UInt8]]()
    private(set) var summary = LayerSummary()

    private struct FileIdentity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    init(_ writer: TarRecordWriter, content: UpperDirectory.Content, idBases: [UInt32]) {
        self.writer = writer
        self.content = content
        self.idBases = idBases.sorted(by: >)
    }

    /// An id of the image. What is below every base was made by the host itself and stays.
    private func inside(_ id: UInt32) -> UInt32 { id - (idBases.first { $0 <= id } ?? 0) }

    func root(_ number: Int32, differsFrom known: UpperDirectory.Root?) throws(ArchiveError) {
        do throws(Errno) {
            let status = try Files.status(at: number, ".")
            let root = UpperDirectory.Root(
                uid: inside(status.uid), gid: inside(status.gid), mode: status.permissions)
            if root == known { return }
            var entry = entry(Array("./".utf8), .directory, status)
            entry.attributes = try attributes(number, ".")
            summary.definesRoot = true
            try add(entry)
        } catch {
            throw failure ?? .entry(Array("/".utf8), error, doing: "it cannot be read")
        }
    }

    private var failure: ArchiveError?

    func visit(_ directory: Int32, _ path: [UInt8]) throws(ArchiveError) {
        var current = path
        do throws(Errno) {
            let opened = try Files.open(at: directory, ".", [.readOnly, .directory])
            let names = try opened.directoryEntries().map(\.name.bytes).sorted { $0.lexicographicallyPrecedes($1) }
            for name in names {
                current = path + name
                guard current.count <= LayerPath.maximumLength else {
                    throw fail(
                        .entry(current, "its path is longer than \(LayerPath.maximumLength) bytes", operation: "record")
                    )
                }
                try place(directory, PathBytes(name), path: current, parent: path)
            }
        } catch {
            throw failure ?? .entry(current, error, doing: "it cannot be read")
        }
    }

    private func fail(_ error: ArchiveError) -> Errno {
        failure = failure ?? error
        return error.errno ?? .invalidArgument
    }

    private func place(_ directory: Int32, _ name: PathBytes, path: [UInt8], parent: [UInt8]) throws(Errno) {
        let status: FileStatus
        do throws(Errno) { status = try Files.status(at: directory, name) } catch {
            // A running container's files come and go.
            if error == .noSuchFile { return }
            throw error
        }
        if content == .changes, OverlayMark.isWhiteout(status) {
            let whiteout = TarEntry(path: PathBytes(parent + Array(".wh.".utf8) + name.bytes), kind: .regular, mode: 0)
            return try add(whiteout)
        }
        if content == .changes, name.bytes.starts(with: ".wh.".utf8) {
            throw fail(
                .entry(
                    path, "a name that starts with .wh. would delete a file when the image is unpacked",
                    operation: "record"))
        }
        guard let kind = kind(status) else { return }
        if status.linkCount > 1, status.kind != .directory {
            let identity = FileIdentity(device: status.device, inode: status.inode)
            if let first = links[identity] {
                var entry = entry(path, .hardLink, status)
                entry.linkTarget = PathBytes(first)
                return try add(entry)
            }
            links[identity] = path
        }
        var entry = entry(path + (kind == .directory ? [UInt8(ascii: "/")] : []), kind, status)
        entry.attributes = try attributes(directory, name)
        if kind == .symbolicLink { entry.linkTarget = try Files.readLink(at: directory, name) }
        if kind == .regular {
            entry.size = status.size
            summary.bytes += status.size
        }
        try add(entry, content: path)
        guard kind == .directory else { return }
        let child = try Files.open(at: directory, name, [.readOnly, .directory, .noFollow])
        let below = path + [UInt8(ascii: "/")]
        if content == .changes, try isOpaque(child) {
            try add(TarEntry(path: PathBytes(below + Array(".wh..wh..opq".utf8)), kind: .regular, mode: 0))
        }
        do throws(ArchiveError) { try visit(child.rawValue, below) } catch { throw fail(error) }
    }

    /// `y` in its classic form; `x`, which newer kernels set, says only that there may be whiteouts of another form.
    private func isOpaque(_ directory: borrowing FileDescriptor) throws(Errno) -> Bool {
        if try directory.isMarkedOpaque() { return true }
        do throws(Errno) {
            return try directory.extendedAttribute("user.overlay.opaque" as PathBytes) == OverlayMark.yes
        } catch {
            if error == .noData || error == .notSupported { return false }
            throw error
        }
    }

    private func kind(_ status: FileStatus) -> TarEntry.Kind? {
        let device = status.deviceNumber
        return switch status.kind {
        case .regular: .regular
        case .directory: .directory
        case .symbolicLink: .symbolicLink
        case .fifo: .fifo
        case .characterDevice: .characterDevice(major: device.major, minor: device.minor)
        case .blockDevice: .blockDevice(major: device.major, minor: device.minor)
        // A socket is nothing without the process that listens.
        case .socket, .unknown: nil
        }
    }

    /// Times in whole seconds, as Docker's layers have them: anything finer needs a further header for each file.
    private func entry(_ path: [UInt8], _ kind: TarEntry.Kind, _ status: FileStatus) -> TarEntry {
        TarEntry(
            path: PathBytes(path), kind: kind, mode: kind == .symbolicLink ? 0o777 : status.permissions,
            uid: inside(status.uid), gid: inside(status.gid),
            modificationTime: FileTime(seconds: status.modified.seconds))
    }

    private func attributes(_ directory: Int32, _ name: PathBytes) throws(Errno) -> [TarEntry.Attribute] {
        var result = [TarEntry.Attribute]()
        for attribute in try Files.extendedAttributeNames(at: directory, name) {
            if attribute == "trusted.overlay.redirect" || attribute == "trusted.overlay.metacopy" {
                throw fail(
                    .entry(
                        name.bytes, "overlayfs keeps a part of it in a lower layer (\(attribute))", operation: "record")
                )
            }
            guard !OverlayMark.owns(attribute) else { continue }
            let isCapability = attribute == "security.capability"
            guard isCapability || attribute.bytes.starts(with: "user.".utf8) else { continue }
            let value: [UInt8]
            do throws(Errno) { value = try Files.extendedAttribute(at: directory, name, attribute) } catch {
                if error == .noData { continue }
                throw error
            }
            result.append(.init(name: attribute, value: isCapability ? Self.plainCapability(value) : value))
        }
        return result.sorted { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) }
    }

    /// File capabilities without the user namespace they were set in: revision 3 of `struct vfs_ns_cap_data`, which
    /// names its root, becomes revision 2 (capabilities(7), "File capability extended attribute versioning").
    static func plainCapability(_ value: [UInt8]) -> [UInt8] {
        guard value.count == 24, value[3] == 3 else { return value }
        return Array(value[..<3]) + [2] + value[4..<20]
    }

    private func add(_ entry: TarEntry, content path: [UInt8] = []) throws(Errno) {
        summary.entries += 1
        summary.highestUID = max(summary.highestUID, entry.uid)
        summary.highestGID = max(summary.highestGID, entry.gid)
        do throws(ArchiveError) {
            let item = TarRecord.Item(
                header: try TarWriter.header(of: entry), path: entry.size > 0 ? path : [], size: entry.size)
            try writer.add(item)
        } catch {
            throw fail(error)
        }
    }
}

extension TarWriter {
    /// The bytes that stand before an entry's content.
    static func header(of entry: TarEntry) throws(ArchiveError) -> [UInt8] {
        let sink = MemorySink()
        try TarWriter(sink).begin(entry)
        return sink.bytes
    }
}
