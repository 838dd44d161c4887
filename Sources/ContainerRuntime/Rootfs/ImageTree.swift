import LinuxKernel

/// An image's merged file system, read-only and attached nowhere, for looking at what it holds before a container runs.
public struct ImageTree: ~Copyable {
    private let mount: DetachedMount

    /// Merges layers, bottom first.
    public init(layers: [OverlayRoot.Layer]) throws(RuntimeError) {
        guard let first = layers.first else {
            throw RuntimeError("open image", "", cause: "it has no layers")
        }
        guard layers.count > 1 else {
            // Overlayfs wants two directories; one layer is a tree already (it has nothing below it to white out).
            mount = try attempt("open layer", first.path) { () throws(Errno) in
                try DetachedMount.clone(first.path, recursive: false)
            }
            return
        }
        let context = try attempt("open file system", "overlay") { () throws(Errno) in try FileSystemContext("overlay") }
        mount = try attempt("merge", "the image's layers") { () throws(Errno) in
            do throws(Errno) {
                for layer in layers.reversed() { try context.set("lowerdir+", layer.path) }
            } catch {
                // Before Linux 6.8 all in one option, where a colon separates and a backslash escapes it.
                let escaped = layers.reversed().map { layer in
                    layer.path.map { $0 == ":" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
                }
                try context.set("lowerdir", escaped.joined(separator: ":"))
            }
            return try context.mount([.readOnly])
        }
    }

    /// The root of it all.
    public func openRoot() throws(RuntimeError) -> FileDescriptor {
        do throws(Errno) { return try Files.open(at: mount.root.rawValue, ".", [.readOnly, .directory]) } catch {
            throw RuntimeError("open", "/", error)
        }
    }

    /// Opens a directory of the image, its links followed inside the image; nil when there is none.
    public func openDirectory(_ path: String) throws(RuntimeError) -> FileDescriptor? {
        do throws(Errno) {
            return try RootDirectory(descriptor: mount.root.rawValue).open(path, [.readOnly, .directory])
        } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw RuntimeError("open", path, error)
        }
    }
}
