import ContainerRuntime
import Glibc
import LinuxKernel

/// One difference between a container's files and its image's.
public struct FileDifference: Sendable, Equatable {
    /// Docker's letters.
    public enum Kind: String, Sendable { case added = "A", changed = "C", deleted = "D" }
    public let kind: Kind
    /// Absolute; any bytes.
    public let path: PathBytes
}

extension Engine {
    /// `diff`: what differs from the image, in the order of the names.
    public func differences(_ text: String) throws -> [FileDifference] {
        let (record, _, directory) = try inspect(text)
        let tree = try ImageTree(layers: record.layers.map { .init(path: $0.path, idBase: $0.idBase) })
        let upper = try attempt("open", directory.upperDirectory) { () throws(Errno) in
            try Files.open(directory.upperDirectory, [.readOnly, .directory])
        }
        let walk = DifferenceWalk(lower: SharedDescriptor(try tree.openRoot()), mounted: Self.mountPoints(record))
        try walk.visit(SharedDescriptor(upper), [])
        withExtendedLifetime(tree) {}
        return walk.found
    }

    /// What the engine itself makes for its mounts is no change of the container's.
    private static func mountPoints(_ record: ContainerRecord) -> Set<String> {
        var result: Set<String> = [
            "/dev", "/proc", "/sys", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console", "/sys/fs", "/sys/fs/cgroup",
            "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
        ]
        for mount in record.mounts { result.insert(mount.destination) }
        return result
    }
}

private final class DifferenceWalk {
    let lower: SharedDescriptor
    /// Where empty files and directories were made to mount something on.
    let mounted: Set<String>
    var found = [FileDifference]()

    init(lower: SharedDescriptor, mounted: Set<String>) {
        self.lower = lower
        self.mounted = mounted
    }

    private func below(_ path: [UInt8]) -> FileStatus? {
        try? Files.open(
            at: lower.number, PathBytes(path), [.pathOnly, .noFollow],
            resolve: [.beneath, .noSymbolicLinks, .noMagicLinks]
        ).status()
    }

    func visit(_ directory: SharedDescriptor, _ path: [UInt8]) throws {
        let opened = try Files.open(at: directory.number, ".", [.readOnly, .directory])
        for name in try opened.directoryEntries().map(\.name.bytes).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let status = try? Files.status(at: directory.number, PathBytes(name)) else { continue }
            let full = path + (path.isEmpty ? [] : [UInt8(ascii: "/")]) + name
            let shown = PathBytes([UInt8(ascii: "/")] + full)
            let isWhiteout = status.kind == .characterDevice && status.deviceNumber == (0, 0)
            if isWhiteout {
                found.append(FileDifference(kind: .deleted, path: shown))
                continue
            }
            let below = below(full)
            let place = found.count
            if status.kind == .directory {
                try visit(
                    SharedDescriptor(
                        try Files.open(at: directory.number, PathBytes(name), [.readOnly, .directory, .noFollow])), full
                )
            }
            let isStub = status.kind == .directory || status.kind == .regular && status.size == 0
            if isStub, found.count == place, mounted.contains(shown.description) { continue }
            if let below, status.kind == .directory, below.kind == .directory, found.count == place,
                below.permissions == status.permissions, below.modificationSeconds == status.modificationSeconds
            {
                continue
            }
            // A directory that came up only for mount points in it.
            if status.kind == .directory, found.count == place, holdsOnlyMountPoints(shown.description) { continue }
            found.insert(FileDifference(kind: below == nil ? .added : .changed, path: shown), at: place)
        }
    }

    private func holdsOnlyMountPoints(_ path: String) -> Bool {
        mounted.contains { PathText.begins($0, with: path + "/") }
    }
}
