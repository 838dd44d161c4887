import Glibc
import LinuxKernel
import OCI

/// Makes single device nodes in directories that nobody else changes, with owners in the container's ids.
struct DeviceNodes {
    var uids: [IDMapping]
    var gids: [IDMapping]
    /// Make an empty file in each node's place, over which the first process mounts the host's node.
    var binds: Bool

    /// The host's id of an id in the container; without mappings the same.
    func hostUID(_ id: UInt32) -> UInt32? { uids.isEmpty ? id : uids.outside(of: id) }
    func hostGID(_ id: UInt32) -> UInt32? { gids.isEmpty ? id : gids.outside(of: id) }

    /// Gives a name to the container's root.
    func give(_ directory: Int32, _ name: String) throws(Errno) {
        let owner = hostUID(0) ?? 0, group = hostGID(0) ?? 0
        if owner != 0 || group != 0 { try Files.changeOwner(at: directory, name, uid: owner, gid: group) }
    }

    /// Makes a node. One that is there already, and is the same device, is taken as it is.
    func make(_ device: RuntimeDevice, at directory: Int32, _ name: String, replace: Bool) throws(RuntimeError) {
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
        guard let uid = hostUID(device.uid ?? 0), let gid = hostGID(device.gid ?? 0) else {
            throw RuntimeError("make device", device.path, cause: "its owner has no id in the container's mappings")
        }
        let bindsThis = binds && type != UInt32(S_IFIFO)
        let mode = bindsThis ? UInt32(S_IFREG) | 0o644 : type | ((device.fileMode ?? 0o666) & 0o7777)
        do throws(Errno) {
            try Files.makeNode(
                at: directory, name, mode: mode, major: bindsThis ? 0 : major, minor: bindsThis ? 0 : minor)
        } catch {
            guard error == .fileExists else { throw RuntimeError("make device", device.path, error) }
            if replace {
                try attempt("make device", device.path) { () throws(Errno) in
                    try Files.unlink(at: directory, name)
                    try Files.makeNode(
                        at: directory, name, mode: mode, major: bindsThis ? 0 : major, minor: bindsThis ? 0 : minor)
                }
            } else {
                let found = try attempt("look at", device.path) { () throws(Errno) in
                    try Files.status(at: directory, name)
                }
                let kinds = [UInt32(S_IFCHR): FileStatus.Kind.characterDevice, UInt32(S_IFBLK): .blockDevice]
                let isSame =
                    found.kind == kinds[type] ?? .fifo
                    && (type == UInt32(S_IFIFO)
                        || (found.deviceNumber.major == major && found.deviceNumber.minor == minor))
                // An earlier container's place for a bind mount also serves.
                guard isSame || (binds && found.kind == .regular) else {
                    throw RuntimeError("make device", device.path, cause: "something else is there already")
                }
                return
            }
        }
        if bindsThis { return }
        try attempt("give device", device.path) { () throws(Errno) in
            if uid != 0 || gid != 0 { try Files.changeOwner(at: directory, name, uid: uid, gid: gid) }
        }
    }
}
