import LinuxKernel

/// A directory that holds an applied layer, to look things up in while a layer above it is applied.
public struct LowerDirectory: Sendable {
    /// Absolute path of the layer's tree.
    public var path: String
    /// Owner ids stored in the tree are this much higher than the image's.
    public var idBase: UInt32

    /// A layer's tree at a path.
    public init(path: String, idBase: UInt32 = 0) {
        self.path = path
        self.idBase = idBase
    }
}

/// What a container would see of a stack of applied layers, looked up name by name. Used for the few things a layer
/// does not say itself: directories it only implies, and hard links to files of lower layers.
final class LowerTree {
    private let directories: [LowerDirectory]

    /// Layers bottom first.
    init(_ directories: [LowerDirectory]) { self.directories = directories }

    /// One thing that was found.
    final class Found {
        /// The directory it stands in.
        let parent: FileDescriptor
        let name: PathBytes
        let status: FileStatus
        let idBase: UInt32

        init(parent: consuming FileDescriptor, name: PathBytes, status: FileStatus, idBase: UInt32) {
            self.parent = parent
            self.name = name
            self.status = status
            self.idBase = idBase
        }

        /// Owner in the image.
        var uid: UInt32 { status.uid >= idBase ? status.uid - idBase : status.uid }
        /// Group in the image.
        var gid: UInt32 { status.gid >= idBase ? status.gid - idBase : status.gid }

        /// Its extended attributes, overlayfs's own left out.
        func attributes() throws(Errno) -> [TarEntry.Attribute] {
            var result = [TarEntry.Attribute]()
            for attribute in try Files.extendedAttributeNames(at: parent.rawValue, name)
            where !OverlayMark.owns(attribute) {
                let value = try Files.extendedAttribute(at: parent.rawValue, name, attribute)
                result.append(TarEntry.Attribute(name: attribute, value: value))
            }
            return result
        }
    }

    /// What stands at a path of the merged view; nil when nothing does. Links on the way are not followed: builders
    /// write real paths.
    func lookup(_ path: [[UInt8]]) throws(Errno) -> Found? {
        guard let last = path.last else { return nil }
        // The layers that take part in the directory reached so far, top first.
        var candidates = Array(directories.indices.reversed())
        for depth in 0..<path.count - 1 {
            var next = [Int]()
            search: for index in candidates {
                switch try kind(index, Array(path[...depth])) {
                case .missing: continue
                case .other: break search
                case .directory(let opaque):
                    next.append(index)
                    if opaque { break search }
                }
            }
            candidates = next
        }
        for index in candidates {
            guard let parent = try openDirectory(index, path.dropLast()) else { continue }
            do throws(Errno) {
                let status = try Files.status(at: parent.rawValue, PathBytes(last))
                if OverlayMark.isWhiteout(status) { return nil }
                return Found(
                    parent: parent, name: PathBytes(last), status: status, idBase: directories[index].idBase)
            } catch {
                guard error == .noSuchFile else { throw error }
            }
        }
        return nil
    }

    private enum Kind {
        case missing
        case directory(opaque: Bool)
        case other
    }

    private func kind(_ index: Int, _ path: [[UInt8]]) throws(Errno) -> Kind {
        guard let last = path.last, let parent = try openDirectory(index, path.dropLast()) else { return .missing }
        do throws(Errno) {
            let status = try Files.status(at: parent.rawValue, PathBytes(last))
            guard status.kind == .directory else { return .other }
            let directory = try Files.open(at: parent.rawValue, PathBytes(last), [.readOnly, .directory, .noFollow])
            return .directory(opaque: try directory.isMarkedOpaque())
        } catch {
            if error == .noSuchFile { return .missing }
            throw error
        }
    }

    private func openDirectory(_ index: Int, _ path: ArraySlice<[UInt8]>) throws(Errno) -> FileDescriptor? {
        let root = try Files.open(directories[index].path, [.readOnly, .directory])
        if path.isEmpty { return root }
        do throws(Errno) {
            return try Files.open(
                at: root.rawValue, PathBytes(path.joined(separator: [UInt8(ascii: "/")])),
                [.readOnly, .directory, .noFollow], resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
        } catch {
            if error == .noSuchFile || error == .notDirectory || error == .tooManySymbolicLinks { return nil }
            throw error
        }
    }
}
