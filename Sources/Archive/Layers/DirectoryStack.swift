import Glibc
import LinuxKernel

/// The directories on the way from the layer's root to where the present entry goes, open. Every step down is one
/// component, opened relative to the one before without following a link; a link's text is walked here, with `..`
/// ending at the root. So nothing outside the root can be reached, whatever names and links the layer holds.
///
/// Entries of one directory follow each other in archives: the stack makes them cost no walk at all. It also keeps
/// modification times right: making a file changes its directory's, which is set back when the directory is left.
final class DirectoryStack {
    /// An open directory in a place that may be empty.
    final class Handle {
        let descriptor: FileDescriptor
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }

    /// One directory on the way.
    final class Level {
        let name: [UInt8]
        fileprivate(set) var handle: Handle?
        /// What the modification time is to be when this directory is left.
        var time: FileTime
        /// New files take over the directory's group (set-group-id bit).
        var passesGroup: Bool
        /// Lower layers do not show through, here or in an ancestor.
        var isOpaque: Bool
        fileprivate var isTouched = false

        init(name: [UInt8], descriptor: consuming FileDescriptor, status: FileStatus, isOpaque: Bool) {
            self.name = name
            self.handle = Handle(descriptor)
            self.time = status.modified
            self.passesGroup = status.permissions & 0o2000 != 0
            self.isOpaque = isOpaque
        }
    }

    /// What became of a step down.
    enum Step {
        case entered
        /// Nothing is there.
        case missing
        /// A link, a whiteout or a file is there.
        case notDirectory
    }

    private(set) var levels: [Level]
    private var pathLength = 0
    /// Whether the layer has made anything opaque yet; as long as not, nothing needs to be asked.
    var hasOpaque = false

    /// More levels than this are not kept open at once; those between are opened again when they are needed.
    private static let maximumOpen = 128

    /// Starts at the layer's root.
    init(root: consuming FileDescriptor) throws(Errno) {
        let status = try root.status()
        levels = [Level(name: [], descriptor: root, status: status, isOpaque: false)]
    }

    /// The directory the stack ends in.
    var top: Level { levels[levels.count - 1] }

    /// Its components below the root.
    var components: [[UInt8]] { levels.dropFirst().map(\.name) }

    /// The descriptor number of the directory the stack ends in. Whoever asks is about to change the directory.
    func touch() -> Int32 {
        top.isTouched = true
        return number
    }

    /// The descriptor number of the directory the stack ends in, for looking only.
    var number: Int32 { top.handle?.descriptor.rawValue ?? -1 }

    /// The descriptor number of the root, always open.
    var rootNumber: Int32 { levels[0].handle?.descriptor.rawValue ?? -1 }

    /// How many leading components are already on the stack.
    func commonPrefix(_ path: [ArraySlice<UInt8>]) -> Int {
        var count = 0
        while count < path.count, count + 1 < levels.count, levels[count + 1].name.elementsEqual(path[count]) {
            count += 1
        }
        return count
    }

    /// Leaves directories until only `count` components below the root remain.
    func shrink(to count: Int) throws(Errno) {
        while levels.count - 1 > count {
            try settle(levels.count - 1)
            pathLength -= top.name.count + 1
            levels.removeLast()
        }
        if top.handle == nil { try reopen() }
    }

    /// Steps into a directory of the present one, if that is what stands there.
    func push(_ name: [UInt8], entry: [UInt8]) throws(ArchiveError) -> Step {
        guard pathLength + name.count + 1 <= LayerPath.maximumLength else {
            throw .entry(entry, "its path is longer than \(LayerPath.maximumLength) bytes")
        }
        do throws(Errno) {
            let child = try Files.open(
                at: number, PathBytes(name), [.readOnly, .directory, .noFollow],
                resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
            let status = try child.status()
            var opaque = top.isOpaque
            if hasOpaque, !opaque { opaque = try child.isMarkedOpaque() }
            levels.append(Level(name: name, descriptor: child, status: status, isOpaque: opaque))
            pathLength += name.count + 1
            if levels.count > Self.maximumOpen { try settleAndClose(levels.count - Self.maximumOpen) }
            return .entered
        } catch {
            switch error {
            case .noSuchFile: return .missing
            // O_NOFOLLOW with O_DIRECTORY gives the one or the other for a link, depending on the file system.
            case .notDirectory, .tooManySymbolicLinks: return .notDirectory
            default: throw .entry(entry, error, doing: "its directory cannot be entered")
            }
        }
    }

    /// Leaves every directory, the root last.
    func finish() throws(Errno) {
        try shrink(to: 0)
        try settle(0)
    }

    private func settle(_ index: Int) throws(Errno) {
        let level = levels[index]
        if level.isTouched { try level.handle?.descriptor.setModificationTime(level.time) }
        level.isTouched = false
    }

    private func settleAndClose(_ index: Int) throws(Errno) {
        guard index > 0 else { return }
        try settle(index)
        levels[index].handle = nil
    }

    private func reopen() throws(Errno) {
        let path = PathBytes(components.joined(separator: [UInt8(ascii: "/")]))
        top.handle = Handle(
            try Files.open(
                at: rootNumber, path, [.readOnly, .directory, .noFollow],
                resolve: [.beneath, .noSymbolicLinks, .noMountCrossing]))
    }
}

extension FileDescriptor {
    /// Whether overlayfs hides what lower layers have under this directory.
    func isMarkedOpaque() throws(Errno) -> Bool {
        do throws(Errno) { return try extendedAttribute(OverlayMark.opaque) == OverlayMark.yes } catch {
            if error == .noData || error == .notSupported { return false }
            throw error
        }
    }
}

/// Overlayfs's own marks (kernel documentation `filesystems/overlayfs.rst`).
enum OverlayMark {
    static let opaque: PathBytes = "trusted.overlay.opaque"
    static let yes = Array("y".utf8)

    /// Whether a file is a whiteout: a character device 0:0.
    static func isWhiteout(_ status: FileStatus) -> Bool {
        status.kind == .characterDevice && status.deviceNumber == (0, 0)
    }

    /// Whether an attribute is overlayfs's, which an image must not set.
    static func owns(_ name: PathBytes) -> Bool {
        name.bytes.starts(with: "trusted.overlay.".utf8) || name.bytes.starts(with: "user.overlay.".utf8)
    }
}
