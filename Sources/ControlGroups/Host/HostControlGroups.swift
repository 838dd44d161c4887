import LinuxKernel

/// One mounted cgroup hierarchy.
public struct Hierarchy: Sendable, Hashable {
    /// Whether it is of version 2 (`cgroup2`).
    public var isUnified: Bool
    /// Where it is mounted.
    public var mountPoint: String
    /// Version 1: the controllers it carries, or "name=…". Version 2: empty; its controllers are listed per group in
    /// `cgroup.controllers`.
    public var controllers: [String]
    /// Where this process is in it, relative to the mount's root ("/" is the root).
    public var ownPath: String
}

/// What a machine offers of control groups: version 1, version 2, or both side by side.
public struct HostControlGroups: Sendable, Equatable {
    /// The three kinds of machine.
    public enum Layout: String, Sendable {
        /// Only version 1 hierarchies.
        case v1
        /// One version 2 hierarchy with every controller.
        case v2
        /// Version 1 controllers, and a version 2 hierarchy with the rest (or none).
        case hybrid
    }

    /// Every hierarchy that can be reached, version 1 first.
    public var hierarchies: [Hierarchy]

    /// The layout.
    public var layout: Layout {
        let old = hierarchies.contains { !$0.isUnified && $0.controllers.contains { !$0.hasPrefix("name=") } }
        let new = unified != nil
        return old ? (new ? .hybrid : .v1) : (new ? .v2 : .v1)
    }

    /// The version 2 hierarchy.
    public var unified: Hierarchy? { hierarchies.first { $0.isUnified } }

    /// The version 1 hierarchy that carries a controller.
    public func version1(_ controller: String) -> Hierarchy? {
        hierarchies.first { !$0.isUnified && $0.controllers.contains(controller) }
    }

    /// A host made of these hierarchies.
    public init(hierarchies: [Hierarchy]) { self.hierarchies = hierarchies }

    /// Reads `/proc/self/mountinfo` and `/proc/self/cgroup`: two file reads.
    public static func detect() throws(ControlGroupError) -> HostControlGroups {
        let host: HostControlGroups
        do throws(Errno) {
            host = HostControlGroups(
                mountInfo: try Files.read("/proc/self/mountinfo", limit: 64 << 20),
                ownGroups: try Files.read("/proc/self/cgroup", limit: 1 << 20))
        } catch {
            throw ControlGroupError("read", "the control groups of this machine", error, remedy: "is /proc mounted?")
        }
        guard !host.hierarchies.isEmpty else {
            throw ControlGroupError(
                operation: "find", object: "the control groups of this machine",
                cause: "no cgroup file system is mounted",
                remedy: "mount one with: mount -t cgroup2 none /sys/fs/cgroup")
        }
        return host
    }

    /// What the two files' texts say.
    public init(mountInfo: [UInt8], ownGroups: [UInt8]) {
        let own = OwnGroups(parsing: ownGroups)
        var found: [Hierarchy] = []
        var unified: Hierarchy?
        for mount in MountTable(parsing: mountInfo).visibleControlGroupMounts {
            if mount.isUnified {
                // The same hierarchy may be mounted several times; the usual place is best, else the first.
                if unified == nil || mount.mountPoint == "/sys/fs/cgroup" {
                    unified = Hierarchy(
                        isUnified: true, mountPoint: mount.mountPoint, controllers: [],
                        ownPath: Self.relative(own.unified, to: mount.root))
                }
                continue
            }
            let controllers = mount.superOptions.filter { own.paths[$0] != nil }
            guard !controllers.isEmpty, !found.contains(where: { $0.controllers == controllers }) else { continue }
            found.append(
                Hierarchy(
                    isUnified: false, mountPoint: mount.mountPoint, controllers: controllers,
                    ownPath: Self.relative(own.paths[controllers[0]], to: mount.root)))
        }
        if let unified { found.append(unified) }
        hierarchies = found
    }

    /// The part of `path` below a mount that begins at `root`.
    private static func relative(_ path: String?, to root: String) -> String {
        guard let path else { return "/" }
        if root == "/" || root.isEmpty { return path }
        if path == root { return "/" }
        guard path.utf8.starts(with: (root + "/").utf8) else { return path }
        return String(decoding: path.utf8.dropFirst(root.utf8.count), as: UTF8.self)
    }
}

/// The text of `/proc/PID/cgroup` (cgroups(7)): `number:controllers:path` a line.
struct OwnGroups: Sendable {
    /// Version 1: each controller's (or `name=…`) path. The keys tell controllers from other mount options.
    var paths: [String: String] = [:]
    /// Version 2: the line `0::/path`.
    var unified: String?
    init(parsing text: [UInt8]) {
        for line in text.split(separator: 10) {
            let fields = line.split(separator: 58, maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path = String(decoding: fields[2], as: UTF8.self)
            if fields[0].elementsEqual([48]), fields[1].isEmpty {
                unified = path
            } else {
                for name in fields[1].split(separator: 44) { paths[String(decoding: name, as: UTF8.self)] = path }
            }
        }
    }
}
