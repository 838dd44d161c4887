import Glibc
import ImageStore
import LinuxKernel

/// The names that a container's mounts had to be made for. They are no part of what a step did and go from its layer.
struct MountStubs {
    static let alwaysMounted = ["/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"]

    /// Paths of which some names may not have been there, outermost first.
    private var missing = [[String]]()
    /// Directories that were there and may have been copied up for a name in them.
    private var touched = [[String]]()
    private let layers: [LayerDirectory]

    init(layers: [LayerDirectory], targets: [String]) {
        self.layers = layers
        for target in targets {
            var path = [String]()
            for name in PathText.names(target) where name != ".." {
                path.append(name)
                if Self.status(path, layers) == nil {
                    if !missing.contains(path) { missing.append(path) }
                } else if !touched.contains(path) {
                    touched.append(path)
                }
            }
        }
    }

    /// What the layers show at a path, the uppermost first; links are not followed.
    private static func status(_ path: [String], _ layers: [LayerDirectory]) -> FileStatus? {
        for layer in layers.reversed() {
            guard let root = try? Files.open(layer.path, [.pathOnly, .directory]) else { continue }
            guard
                let directory = try? Files.open(
                    at: root.rawValue, path.count > 1 ? path.dropLast().joined(separator: "/") : ".",
                    [.pathOnly, .directory],
                    resolve: [.inRoot, .noMagicLinks]), let name = path.last
            else { continue }
            guard let status = try? Files.status(at: directory.rawValue, name) else { continue }
            if status.kind == .characterDevice, status.deviceNumber == (0, 0) { return nil }
            return status
        }
        return nil
    }

    /// Takes them out of a step's changes.
    func remove(from upper: String) throws(Errno) {
        let root = try Files.open(upper, [.readOnly, .directory])
        for path in missing.reversed() {
            guard let (directory, name) = Self.open(root, path),
                let status = try? Files.status(at: directory.number, name)
            else { continue }
            switch status.kind {
            case .directory: try? Files.unlink(at: directory.number, name, directory: true)
            case .regular where status.size == 0: try Files.unlink(at: directory.number, name)
            default: break
            }
        }
        // A directory that came up only to hold such a name goes too, if nothing about it differs from below.
        for path in touched.sorted(by: { $0.count > $1.count }) {
            guard let (directory, name) = Self.open(root, path),
                let status = try? Files.status(at: directory.number, name),
                status.kind == .directory, let below = Self.status(path, layers), below.kind == .directory,
                below.permissions == status.permissions
            else { continue }
            let base = layers.first?.idBase ?? 0
            guard status.uid == below.uid - min(base, below.uid), status.gid == below.gid - min(base, below.gid) else {
                continue
            }
            // An opaque one hides what is below, and stays.
            let attributes =
                (try? Files.extendedAttribute(at: directory.number, PathBytes(name), "trusted.overlay.opaque")) ?? []
            guard attributes.isEmpty else { continue }
            try? Files.unlink(at: directory.number, name, directory: true)
        }
    }

    private static func open(_ root: borrowing FileDescriptor, _ path: [String]) -> (SharedDescriptor, String)? {
        guard let name = path.last else { return nil }
        let parent = path.count > 1 ? path.dropLast().joined(separator: "/") : "."
        guard
            let directory = try? Files.open(
                at: root.rawValue, parent, [.readOnly, .directory], resolve: [.beneath, .noSymbolicLinks])
        else { return nil }
        return (SharedDescriptor(directory), name)
    }
}
