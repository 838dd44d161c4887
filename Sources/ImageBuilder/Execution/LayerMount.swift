import Glibc
import LinuxKernel

/// A view of layers as one tree, mounted nowhere: it is gone with its descriptor.
struct LayerMount: ~Copyable {
    /// The root of the view.
    let root: SharedDescriptor

    /// Makes a view.
    ///
    /// - Parameters:
    ///   - layers: directories, bottom first.
    ///   - upper: takes all changes, with an empty directory beside it for the kernel's own use; nil for a view that
    ///     nobody writes to.
    init(layers: [String], upper: (directory: String, work: String)?) throws(BuildError) {
        if let upper, layers.isEmpty {
            // Nothing below: the upper directory is the tree.
            root = try converting("open", upper.directory) { () throws(Errno) in
                SharedDescriptor(try Files.open(upper.directory, [.readOnly, .directory]))
            }
            return
        }
        if upper == nil, layers.count == 1, let only = layers.first {
            root = try converting("open", only) { () throws(Errno) in
                SharedDescriptor(try Files.open(only, [.readOnly, .directory]))
            }
            return
        }
        guard layers.count <= 500 else {
            throw BuildError(
                operation: "mount", object: "the layers", cause: "\(layers.count) are more than the kernel's 500")
        }
        let context = try converting("mount", "the layers") { () throws(Errno) in try FileSystemContext("overlay") }
        var words = ""
        do throws(Errno) {
            try Self.configure(context, layers, upper)
            root = SharedDescriptor(try context.mount().intoRoot())
            return
        } catch {
            words = context.message()
            if words.isEmpty { words = error.description }
        }
        // Before Linux 6.13 layers go by path, and fsconfig's values are short: the old call in a namespace of our own.
        do throws(Errno) {
            root = SharedDescriptor(try Self.mountByPath(layers, upper))
        } catch {
            throw BuildError(operation: "mount", object: "the layers", cause: words)
        }
    }

    private static func configure(
        _ context: borrowing FileSystemContext, _ layers: [String], _ upper: (directory: String, work: String)?
    ) throws(Errno) {
        for layer in layers.reversed() {
            let directory = try Files.open(layer, [.pathOnly, .directory])
            try context.set("lowerdir+", descriptor: directory.rawValue)
        }
        guard let upper else { return }
        let directory = try Files.open(upper.directory, [.pathOnly, .directory])
        let work = try Files.open(upper.work, [.pathOnly, .directory])
        try context.set("upperdir", descriptor: directory.rawValue)
        try context.set("workdir", descriptor: work.rawValue)
        // What a crash leaves is thrown away: nothing needs to reach the disk before the layer is done.
        try context.setFlag("volatile")
    }

    private static func mountByPath(
        _ layers: [String], _ upper: (directory: String, work: String)?
    ) throws(Errno) -> FileDescriptor {
        try ProcessControl.unshare(.mount)
        try MountTree.setPropagation("/", .private, recursive: true)
        var opened = [SharedDescriptor]()
        for layer in layers { opened.append(SharedDescriptor(try Files.open(layer, [.pathOnly, .directory]))) }
        let lower = opened.reversed().map { "/proc/self/fd/\($0.number)" }.joined(separator: ":")
        var options = "lowerdir=\(lower)"
        if let upper { options += ",upperdir=\(upper.directory),workdir=\(upper.work)" }
        try MountTree.mount(source: "overlay", target: "/mnt", type: "overlay", data: options)
        let result = try DetachedMount.clone("/mnt", recursive: false)
        try MountTree.detach("/mnt")
        return result.intoRoot()
    }
}
