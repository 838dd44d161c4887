import Glibc
import LinuxKernel

/// Gives what a container wrote in its own range of ids the ids that it saw, so that a layer of it is like any other.
enum OwnerShift {
    static func apply(to path: String, range: IDRange) throws(Errno) {
        let root = try Files.open(path, [.readOnly, .directory])
        try shift(root, try root.status(), range)
        try walk(root, range, depth: 0)
    }

    private static func walk(_ directory: borrowing FileDescriptor, _ range: IDRange, depth: Int) throws(Errno) {
        guard depth < 2000 else { throw .nameTooLong }
        for entry in try directory.directoryEntries() {
            let status = try Files.status(at: directory.rawValue, entry.name)
            switch status.kind {
            case .directory:
                let child = try Files.open(at: directory.rawValue, entry.name, [.readOnly, .directory, .noFollow])
                try shift(child, status, range)
                try walk(child, range, depth: depth + 1)
            case .regular where status.permissions & 0o6000 != 0 || status.permissions & 0o111 != 0:
                // A change of owner takes set-id bits and capabilities away.
                let file = try Files.open(at: directory.rawValue, entry.name, [.readOnly, .noFollow, .nonBlocking])
                try shift(file, status, range)
            case .characterDevice where status.deviceNumber == (0, 0): continue
            default:
                let (uid, gid) = ids(status, range)
                guard uid != status.uid || gid != status.gid else { continue }
                try Files.changeOwner(at: directory.rawValue, entry.name, uid: uid, gid: gid)
            }
        }
    }

    private static func ids(_ status: FileStatus, _ range: IDRange) -> (UInt32, UInt32) {
        func shifted(_ id: UInt32) -> UInt32 {
            id >= range.base && id - range.base < range.size ? id - range.base : id
        }
        return (shifted(status.uid), shifted(status.gid))
    }

    private static func shift(_ file: borrowing FileDescriptor, _ status: FileStatus, _ range: IDRange) throws(Errno) {
        let (uid, gid) = ids(status, range)
        guard uid != status.uid || gid != status.gid else { return }
        var capability: [UInt8]?
        if status.kind == .regular { capability = try? file.extendedAttribute("security.capability") }
        try file.changeOwner(uid: uid, gid: gid)
        if status.permissions & 0o6000 != 0 { try file.changeMode(status.permissions) }
        guard var value = capability, value.count >= 20 else { return }
        if value.count == 24 {
            // Written in a user namespace it names that one's root (struct vfs_ns_cap_data, revision 3); without it is
            // the image's own (revision 2).
            value = Array(value[..<20])
            value[3] = 2
        }
        try file.setExtendedAttribute("security.capability", value)
    }
}
