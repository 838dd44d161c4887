import LinuxKernel
import OCI

/// `linux.mountLabel`: the SELinux context of what the container's own file systems hold, as a mount option.
enum MountLabel {
    /// File systems that take `context=` (SELinux labels the others by its policy).
    private static let types: Set<String> = ["tmpfs", "devpts", "mqueue", "ramfs", "hugetlbfs", "overlay"]

    /// Checks that the kernel has SELinux where a label is asked for.
    static func check(_ linux: RuntimeLinux) throws(RuntimeError) {
        guard let label = linux.mountLabel, !label.isEmpty, !SecurityModules.hasSELinux else { return }
        throw RuntimeError(
            "use mount label", label, cause: "SELinux is not enabled on this machine",
            remedy: "leave linux.mountLabel out")
    }

    /// The option for a new file system of a type; nil where it has none, or says its own.
    static func option(
        _ label: String?, type: String, options: [(key: String, value: String?)]
    ) -> (key: String, value: String)? {
        guard let label, !label.isEmpty, types.contains(type),
            !options.contains(where: { ["context", "fscontext", "defcontext", "rootcontext"].contains($0.key) })
        else { return nil }
        return ("context", label)
    }
}
