import Glibc
import LinuxKernel
import OCI

/// The container's `/dev`: a tmpfs made by the host's root, because a user namespace may neither make device nodes
/// nor use those on a file system it mounted itself.
struct DeviceDirectory {
    /// Host ids of the container's root.
    var uid: UInt32
    var gid: UInt32
    /// Nodes beside the default ones, with paths below `/dev`.
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
    func mount(options: MountOptions) throws(RuntimeError) -> DetachedMount {
        let context = try attempt("open file system", "tmpfs for /dev") { () throws(Errno) in try FileSystemContext("tmpfs") }
        let mount = try attempt("mount", "/dev") { () throws(Errno) in
            try context.set("source", "tmpfs")
            for (key, value) in options.data where key != "uid" && key != "gid" {
                if let value { try context.set(key, value) } else { try context.setFlag(key) }
            }
            if uid != 0 { try context.set("uid", String(uid)) }
            if gid != 0 { try context.set("gid", String(gid)) }
            return try context.mount(options.set.subtracting(.readOnly))
        }
        let directory = mount.root.rawValue
        let oldMask = umask(0)
        defer { umask(oldMask) }
        for name in ["pts", "shm", "mqueue"] {
            try attempt("make", "/dev/\(name)") { () throws(Errno) in
                try Files.makeDirectory(at: directory, name, mode: 0o755)
                try give(directory, name)
            }
        }
        for (name, target) in Self.links {
            try attempt("make", "/dev/\(name)") { () throws(Errno) in
                try Files.symbolicLink(at: directory, name, target: target)
                try give(directory, name)
            }
        }
        for device in Self.defaults + devices { try make(device, in: directory) }
        return mount
    }

    private func give(_ directory: Int32, _ name: String, uid: UInt32? = nil, gid: UInt32? = nil) throws(Errno) {
        let owner = uid ?? self.uid, group = gid ?? self.gid
        if owner != 0 || group != 0 { try Files.changeOwner(at: directory, name, uid: owner, gid: group) }
    }

    private func make(_ device: RuntimeDevice, in directory: Int32) throws(RuntimeError) {
        guard let path = Self.pathBelowDev(device.path) else { return }
        let type: UInt32
        switch device.type {
        case "c", "u": type = UInt32(S_IFCHR)
        case "b": type = UInt32(S_IFBLK)
        case "p": type = UInt32(S_IFIFO)
        default: throw RuntimeError("make device", device.path, cause: "type \(device.type) is none of c, u, b, p")
        }
        guard let major = UInt32(exactly: device.major), let minor = UInt32(exactly: device.minor) else {
            throw RuntimeError("make device", device.path, cause: "\(device.major):\(device.minor) is no device number")
        }
        try attempt("make device", device.path) { () throws(Errno) in
            // A tmpfs of our own that nobody else sees yet: plain names are safe here.
            var parent = ""
            for part in PathText.names(path).dropLast() {
                parent += parent.isEmpty ? part : "/\(part)"
                do throws(Errno) {
                    try Files.makeDirectory(at: directory, parent, mode: 0o755)
                    try give(directory, parent)
                } catch { if error != .fileExists { throw error } }
            }
            let mode = type | ((device.fileMode ?? 0o666) & 0o7777)
            do throws(Errno) { try Files.makeNode(at: directory, path, mode: mode, major: major, minor: minor) } catch {
                guard error == .fileExists else { throw error }
                // A default device that the configuration lists again, perhaps with another mode.
                try Files.unlink(at: directory, path)
                try Files.makeNode(at: directory, path, mode: mode, major: major, minor: minor)
            }
            try give(directory, path, uid: device.uid.map { $0 &+ uid }, gid: device.gid.map { $0 &+ gid })
        }
    }

    /// The path relative to `/dev`, nil for a path elsewhere or one that climbs.
    static func pathBelowDev(_ path: String) -> String? {
        let names = PathText.names(path)
        guard PathText.isAbsolute(path), names.first == "dev", names.count > 1, !names.contains("..") else { return nil }
        return names.dropFirst().joined(separator: "/")
    }
}
