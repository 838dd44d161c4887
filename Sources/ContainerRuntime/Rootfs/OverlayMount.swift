import Glibc
import LinuxKernel

extension OverlayRoot {
    /// Makes the overlay as a detached mount.
    ///
    /// Read-only layers are stored at their own id base and shown through the container's user namespace by an idmapped
    /// clone each (kernel 5.19+); the upper directory holds the container's own ids and is used as it is.
    ///
    /// - Parameter userNamespace: the container's, nil when it has none.
    func mount(userNamespace: Int32?, rangeBase: UInt32) throws(RuntimeError) -> DetachedMount {
        guard !layers.isEmpty else {
            throw RuntimeError("mount overlay", "root file system", cause: "the image has no layers")
        }
        guard layers.count <= 500 else {
            throw RuntimeError(
                "mount overlay", "root file system", cause: "\(layers.count) layers are more than the kernel's 500")
        }
        var clones = [Int32]()
        defer { for number in clones { close(number) } }
        for layer in layers {
            let clone = try attempt("open layer", layer.path) { () throws(Errno) in
                try DetachedMount.clone(layer.path, recursive: false)
            }
            if let userNamespace, layer.idBase != rangeBase {
                guard layer.idBase == 0 else {
                    throw RuntimeError("map the ids of layer", layer.path, cause: "it is stored at id base \(layer.idBase)")
                }
                try clone.mapIDs(userNamespace: userNamespace, of: layer.path)
            }
            clones.append(clone.intoRoot().release())
        }
        if let mount = try mountByDescriptors(clones) { return mount }
        return try mountByPaths(clones)
    }

    private var stateOptions: [String] { volatile ? ["volatile"] : [] }

    /// The way of kernel 6.13 and later: layers by descriptor. Nil where the kernel knows no such option.
    private func mountByDescriptors(_ clones: [Int32]) throws(RuntimeError) -> DetachedMount? {
        let context = try attempt("open file system", "overlay") { () throws(Errno) in try FileSystemContext("overlay") }
        let upper = try attempt("open upper directory", upperDirectory) { () throws(Errno) in
            try Files.open(upperDirectory, [.pathOnly, .directory])
        }
        let work = try attempt("open work directory", workDirectory) { () throws(Errno) in
            try Files.open(workDirectory, [.pathOnly, .directory])
        }
        do throws(Errno) {
            // Overlayfs wants the topmost layer first.
            for clone in clones.reversed() { try context.set("lowerdir+", descriptor: clone) }
            try context.set("upperdir", descriptor: upper.rawValue)
            try context.set("workdir", descriptor: work.rawValue)
        } catch {
            return nil
        }
        do throws(Errno) {
            for option in stateOptions { try context.setFlag(option) }
            return try context.mount()
        } catch {
            let words = context.message()
            throw RuntimeError("mount overlay on", upperDirectory, cause: words.isEmpty ? error.description : words)
        }
    }

    /// Older kernels take layers by path only, and only mounts of the caller's own namespace: attach the clones to a
    /// scratch tmpfs in a private mount namespace of this process, mount by short relative names, clone the result.
    private func mountByPaths(_ clones: [Int32]) throws(RuntimeError) -> DetachedMount {
        do throws(Errno) {
            try ProcessControl.unshare(.mount)
            try MountTree.setPropagation("/", .private, recursive: true)
            let scratch = try FileSystemContext("tmpfs").mount()
            // Any directory serves: the namespace is ours alone and ends with this process.
            try scratch.attach("/proc")
            let root = scratch.root.rawValue
            let before = try Files.open(".", [.pathOnly, .directory])
            try ProcessControl.changeDirectory(root)
            defer { fchdir(before.rawValue) }
            for (index, clone) in clones.enumerated() {
                try Files.makeDirectory(at: root, "\(index)")
                let mount = DetachedMount(root: FileDescriptor(owning: try ProcessControl.duplicate(clone, minimum: 3)))
                try mount.attach("\(index)", at: root)
            }
            try Files.makeDirectory(at: root, "m")
            let lower = clones.indices.reversed().map(String.init).joined(separator: ":")
            let options = (["lowerdir=\(lower)", "upperdir=\(upperDirectory)", "workdir=\(workDirectory)"] + stateOptions)
            try MountTree.mount(source: "overlay", target: "m", type: "overlay", data: options.joined(separator: ","))
            let result = try DetachedMount.clone(at: root, "m", recursive: false)
            try? MountTree.detach("m")
            fchdir(before.rawValue)
            try? MountTree.detach("/proc")
            return result
        } catch {
            throw RuntimeError(
                "mount overlay on", upperDirectory, error,
                remedy: error == .invalidArgument
                    ? "overlays of idmapped layers need Linux 5.19; start the container with --userns=host on older kernels"
                    : nil)
        }
    }
}

extension DetachedMount {
    /// Shows ids through a user namespace, or says which file system refuses.
    func mapIDs(userNamespace: Int32, of path: String, recursive: Bool = false) throws(RuntimeError) {
        do throws(Errno) {
            try setIDMap(userNamespace: userNamespace, recursive: recursive)
        } catch {
            let type = (try? root.fileSystemMagic()).map { FileSystemMagic.name($0) } ?? "its file system"
            throw RuntimeError(
                "map the ids of", path,
                cause: error == .invalidArgument || error == .notSupported
                    ? "\(type) does not support idmapped mounts" : error.description,
                remedy: "start the container with --userns=host")
        }
    }
}
