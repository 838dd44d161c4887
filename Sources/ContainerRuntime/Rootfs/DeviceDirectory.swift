import Glibc
import LinuxKernel
import OCI

/// The container's `/dev`: a tmpfs made by the host's root, because a user namespace may neither make device nodes
/// nor use those on a file system it mounted itself.
struct DeviceDirectory {
    var nodes: DeviceNodes
    /// Nodes beside the default ones.
    var devices: [RuntimeDevice]

    /// The nodes every container has (config-linux.md, "Default Devices").
    static let defaults: [RuntimeDevice] = [
        RuntimeDevice(type: "c", path: "/dev/null", major: 1, minor: 3),
        RuntimeDevice(type: "c", path: "/dev/zero", major: 1, minor: 5),
        RuntimeDevice(type: "c", path: "/dev/full", major: 1, minor: 7),
        RuntimeDevice(type: "c", path: "/dev/random", major: 1, minor: 8),
        RuntimeDevice(type: "c", path: "/dev/urandom", major: 1, minor: 9),
        RuntimeDevice(type: "c", path: "/dev/tty", major: 5, minor: 0),
    ]

    private static let links = [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
    ]

    /// Makes the directory, with mount points for pts, shm and mqueue in place.
    func directory(options: MountOptions, label: String?) throws(RuntimeError) -> DetachedMount {
        let uid = nodes.hostUID(0) ?? 0, gid = nodes.hostGID(0) ?? 0
        let context = try attempt("open file system", "tmpfs for /dev") { () throws(Errno) in
            try FileSystemContext("tmpfs")
        }
        let mount = try attempt("mount", "/dev") { () throws(Errno) in
            try context.set("source", "tmpfs")
            for (key, value) in options.data where key != "uid" && key != "gid" {
                if let value { try context.set(key, value) } else { try context.setFlag(key) }
            }
            if uid != 0 { try context.set("uid", String(uid)) }
            if gid != 0 { try context.set("gid", String(gid)) }
            if let option = MountLabel.option(label, type: "tmpfs", options: options.data) {
                try context.set(option.key, option.value)
            }
            return try context.mount(options.set.subtracting(.readOnly))
        }
        let directory = mount.root.rawValue
        let oldMask = umask(0)
        defer { umask(oldMask) }
        for name in ["pts", "shm", "mqueue"] {
            try attempt("make", "/dev/\(name)") { () throws(Errno) in
                try Files.makeDirectory(at: directory, name, mode: 0o755)
                try nodes.give(directory, name)
            }
        }
        for (name, target) in Self.links {
            try attempt("make", "/dev/\(name)") { () throws(Errno) in
                try Files.symbolicLink(at: directory, name, target: target)
                try nodes.give(directory, name)
            }
        }
        for device in Self.defaults + devices { try make(device, in: directory) }
        return mount
    }

    private func make(_ device: RuntimeDevice, in directory: Int32) throws(RuntimeError) {
        guard let path = Self.pathBelowDev(device.path) else { return }
        try attempt("make device", device.path) { () throws(Errno) in
            // A tmpfs of our own that nobody else sees yet: plain names are safe here.
            var parent = ""
            for part in PathText.names(path).dropLast() {
                parent += parent.isEmpty ? part : "/\(part)"
                do throws(Errno) {
                    try Files.makeDirectory(at: directory, parent, mode: 0o755)
                    try nodes.give(directory, parent)
                } catch { if error != .fileExists { throw error } }
            }
        }
        // A default device may be listed again, perhaps with another mode.
        try nodes.make(device, at: directory, path, replace: true)
    }

    /// Makes the nodes that no `/dev` of a plan's own holds in the root file system itself, by descriptor: those outside
    /// `/dev`, and the others too where nothing is mounted on `/dev`. An image decides neither where `/dev` lies nor what a
    /// device is.
    func makeOutside(of plan: MountPlan, in root: borrowing DetachedMount) throws(RuntimeError) {
        let hasDev = plan.covers("/dev")
        let wanted = (hasDev ? [] : Self.defaults) + devices.filter { !hasDev || Self.pathBelowDev($0.path) == nil }
        if wanted.isEmpty { return }
        let directory = RootDirectory(descriptor: root.root.rawValue)
        if !hasDev, let status = try? Files.status(at: root.root.rawValue, "dev"), status.kind != .directory {
            throw RuntimeError("make devices", "/dev", cause: "the image has something other than a directory there")
        }
        let oldMask = umask(0)
        defer { umask(oldMask) }
        for device in wanted {
            let names = PathText.names(device.path)
            guard PathText.isAbsolute(device.path), let last = names.last, !names.contains("..") else {
                throw RuntimeError("make device", device.path, cause: "its path must be absolute and without ..")
            }
            let parent = try attempt("make the directory of", device.path) { () throws(Errno) in
                try directory.openMakingDirectory(names.dropLast().joined(separator: "/"))
            }
            try nodes.make(device, at: parent.rawValue, last, replace: false)
        }
        if hasDev { return }
        let dev = try attempt("open", "/dev") { () throws(Errno) in try directory.openMakingDirectory("/dev") }
        for (name, target) in Self.links where !Files.exists(at: dev.rawValue, name) {
            try attempt("make", "/dev/\(name)") { () throws(Errno) in
                try Files.symbolicLink(at: dev.rawValue, name, target: target)
            }
        }
    }

    /// The nodes that the first process must mount the host's over, where nodes could not be made.
    static func boundPaths(_ devices: [RuntimeDevice], plan: MountPlan) -> [String] {
        let covered = plan.steps.contains {
            $0.maker != .devices && MountPlan.normalized($0.mount.destination) == "/dev"
        }
        var paths = [String]()
        for device in defaults + devices where device.type != "p" {
            if covered, pathBelowDev(device.path) != nil { continue }
            if !paths.contains(device.path) { paths.append(device.path) }
        }
        return paths
    }

    /// The path relative to `/dev`, nil for a path elsewhere or one that climbs.
    static func pathBelowDev(_ path: String) -> String? {
        let names = PathText.names(path)
        guard PathText.isAbsolute(path), names.first == "dev", names.count > 1, !names.contains("..") else {
            return nil
        }
        return PathText.joined(Array(names.dropFirst()))
    }
}
