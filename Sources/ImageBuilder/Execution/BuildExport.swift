import Archive
import Glibc
import ImageStore
import LinuxKernel
import OCI

/// Gives a build's files out instead of making an image of them.
public enum BuildExport {
    /// Copies the files into a directory, which is made where it is missing.
    public static func directory(_ product: BuildSession.Product, _ path: String) throws(BuildError) {
        let tree = try open(product)
        let root = try converting("make", quote(path)) { () throws(Errno) in
            try Files.makeDirectories(path)
            return SharedDescriptor(try Files.open(path, [.readOnly, .directory]))
        }
        guard let tree else { return }
        let copier = TreeCopier(tree, to: TargetTree(root), owner: nil, mode: nil, excludes: IgnoreRules(), time: nil)
        for whole in try tree.select("/") { try copier.copy(whole, to: [], intoDirectory: true) }
    }

    /// Writes the files as a tar; nil is standard output.
    public static func tar(_ product: BuildSession.Product, to path: String?) throws(BuildError) {
        let file: FileDescriptor
        do throws(Errno) {
            if let path {
                file = try Files.open(path, [.writeOnly, .create, .truncate], mode: 0o644)
            } else {
                file = FileDescriptor(owning: try ProcessControl.duplicate(1, minimum: 3))
            }
        } catch {
            throw .system(error, "write", path.map { quote($0) } ?? "standard output")
        }
        let writer = TarWriter(FileSink(file))
        guard let tree = try open(product) else {
            return try finishing { () throws(ArchiveError) in try writer.finish() }
        }
        var links = [UInt64: [UInt8]]()
        var walk = TreeWalk(tree, excludes: IgnoreRules()) { (entry) throws(BuildError) in
            if entry.relative.isEmpty { return }
            let name = Array(entry.relative.joined(separator: [47]))
            let status = entry.status
            var kind: TarEntry.Kind
            switch status.kind {
            case .regular: kind = .regular
            case .directory: kind = .directory
            case .symbolicLink: kind = .symbolicLink
            case .fifo: kind = .fifo
            case .characterDevice:
                kind = .characterDevice(major: status.deviceNumber.major, minor: status.deviceNumber.minor)
            case .blockDevice: kind = .blockDevice(major: status.deviceNumber.major, minor: status.deviceNumber.minor)
            case .socket, .unknown: return
            }
            let first = status.linkCount > 1 && status.kind != .directory ? links[status.inode] : nil
            if first != nil { kind = .hardLink }
            var item = TarEntry(
                path: PathBytes(name + (kind == .directory ? [47] : [])), kind: kind,
                size: kind == .regular ? status.size : 0)
            item.mode = status.permissions
            item.uid = status.uid
            item.gid = status.gid
            item.modificationTime = status.modified
            if let first { item.linkTarget = PathBytes(first) }
            if kind == .symbolicLink {
                item.linkTarget = try converting("read", "a link") { () throws(Errno) in
                    try Files.readLink(at: entry.directory, entry.name)
                }
            }
            if status.linkCount > 1, first == nil { links[status.inode] = name }
            let ready = item
            try finishing { () throws(ArchiveError) in try writer.begin(ready) }
            guard kind == .regular else { return }
            let content = try converting("read", quote(SourceTree.text(entry.path))) { () throws(Errno) in
                FileSource(try Files.open(at: entry.directory, entry.name, [.readOnly, .noFollow, .nonBlocking]))
            }
            try finishing { () throws(ArchiveError) in
                let source = InputBuffer(content)
                while true {
                    let bytes = try source.available(limit: InputBuffer.capacity)
                    if bytes.isEmpty { return }
                    try writer.writeContent(bytes)
                    source.consume(bytes.count)
                }
            }
        }
        for whole in try tree.select("/") { try walk.run(whole) }
        try finishing { () throws(ArchiveError) in try writer.finish() }
    }

    private static func finishing(_ body: () throws(ArchiveError) -> Void) throws(BuildError) {
        do throws(ArchiveError) { try body() } catch {
            throw BuildError(operation: error.operation, object: error.object, cause: error.cause, remedy: error.remedy)
        }
    }

    /// The files; nil when there are none.
    private static func open(_ product: BuildSession.Product) throws(BuildError) -> SourceTree? {
        guard !product.directories.isEmpty else { return nil }
        let mount = try LayerMount(layers: product.directories.map(\.path), upper: nil)
        return SourceTree(mount.root, name: "the result", isContext: false)
    }
}
