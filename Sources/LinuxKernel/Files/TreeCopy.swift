import CLinux
import Glibc

/// Copies a directory's content with owners, modes, times, links, device nodes and extended attributes, by descriptor:
/// no link is followed and no mount boundary crossed, on either side.
public struct TreeCopy {
    /// Where files with several names were copied to, so that they stay one file.
    private var copied: [UInt64: (directory: Int32, name: PathBytes)] = [:]
    private var keptOpen: [SharedDescriptor] = []

    /// A copy that has copied nothing yet.
    public init() {}

    /// Copies everything inside `source` into `target`, both open directories, and the directory's own owner, mode and
    /// times. What exists in the target already stays (EEXIST).
    public mutating func copyContent(of source: Int32, to target: Int32) throws(Errno) {
        let directory = try Files.open(at: source, ".", [.readOnly, .directory])
        let status = try directory.status()
        for entry in try directory.directoryEntries() {
            let entryStatus = try Files.status(at: source, entry.name)
            guard entryStatus.device == status.device || entryStatus.kind != .directory else { continue }
            try copy(entry.name, entryStatus, from: source, to: target)
        }
        try copyAttributes(from: source, ".", status, to: target, ".")
    }

    private mutating func copy(
        _ name: PathBytes, _ status: FileStatus, from source: Int32, to target: Int32
    ) throws(Errno) {
        if status.linkCount > 1, status.kind != .directory {
            if let first = copied[status.inode] {
                return try Files.link(at: first.directory, first.name, to: target, name)
            }
            let directory = SharedDescriptor(try Files.open(at: target, ".", [.pathOnly, .directory]))
            keptOpen.append(directory)
            copied[status.inode] = (directory.number, name)
        }
        switch status.kind {
        case .directory:
            try Files.makeDirectory(at: target, name, mode: 0o700)
            let from = try Files.open(at: source, name, [.readOnly, .directory, .noFollow])
            let to = try Files.open(at: target, name, [.readOnly, .directory, .noFollow])
            return try copyContent(of: from.rawValue, to: to.rawValue)
        case .regular: try copyFile(name, from: source, to: target)
        case .symbolicLink: try Files.symbolicLink(at: target, name, target: try Files.readLink(at: source, name))
        case .characterDevice, .blockDevice, .fifo:
            let device = status.deviceNumber
            try Files.makeNode(
                at: target, name, mode: UInt32(status.raw.st_mode), major: device.major, minor: device.minor)
        case .socket, .unknown: return
        }
        try copyAttributes(from: source, name, status, to: target, name)
    }

    private func copyFile(_ name: PathBytes, from source: Int32, to target: Int32) throws(Errno) {
        let from = try Files.open(at: source, name, [.readOnly, .noFollow])
        let to = try Files.open(at: target, name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        let input = from.rawValue, output = to.rawValue
        while true {
            let count: Int
            do throws(Errno) {
                count = try checkedUninterrupted { berth_copy_file_range(input, output, 1 << 30) }
            } catch {
                // Between file systems that cannot share: by reading and writing.
                guard error == .crossDevice || error == .invalidArgument || error == .notSupported else { throw error }
                return try copyBytes(from, to)
            }
            if count == 0 { return }
        }
    }

    private func copyBytes(_ from: borrowing FileDescriptor, _ to: borrowing FileDescriptor) throws(Errno) {
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        let input = from.rawValue
        while true {
            let count = try checkedUninterrupted {
                buffer.withUnsafeMutableBytes { berth_result(Int64(read(input, $0.baseAddress, $0.count))) }
            }
            if count == 0 { return }
            try to.writeAll(Array(buffer[..<count]))
        }
    }

    private func copyAttributes(
        from source: Int32, _ sourceName: PathBytes, _ status: FileStatus, to target: Int32, _ targetName: PathBytes
    ) throws(Errno) {
        try Files.changeOwner(at: target, targetName, uid: status.uid, gid: status.gid)
        if status.kind != .symbolicLink { try Files.changeMode(at: target, targetName, mode: status.permissions) }
        try copyExtendedAttributes(from: source, sourceName, to: target, targetName)
        var times = [status.raw.st_atim, status.raw.st_mtim]
        try checked(
            targetName.withPathPointer { berth_result(Int64(utimensat(target, $0, &times, AT_SYMLINK_NOFOLLOW))) })
    }

    /// Overlayfs's own attributes are not content and stay behind.
    private func copyExtendedAttributes(
        from source: Int32, _ sourceName: PathBytes, to target: Int32, _ targetName: PathBytes
    ) throws(Errno) {
        func path(_ directory: Int32, _ name: PathBytes) -> PathBytes {
            PathBytes(Array("/proc/self/fd/\(directory)/".utf8) + name.bytes)
        }
        let from = path(source, sourceName), to = path(target, targetName)
        var list = [CChar](repeating: 0, count: 64 << 10)
        let size = from.withPathPointer { p in list.withUnsafeMutableBufferPointer { berth_llistxattr(p, $0.baseAddress, $0.count) } }
        if size <= 0 { return }
        for bytes in list[..<Int(size)].split(separator: 0) {
            let name = String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if name.hasPrefix("trusted.overlay.") || name.hasPrefix("user.overlay.") { continue }
            var value = [UInt8](repeating: 0, count: 64 << 10)
            let count = from.withPathPointer { p in value.withUnsafeMutableBytes { berth_lgetxattr(p, name, $0.baseAddress, $0.count) } }
            if count < 0 { continue }
            let result = to.withPathPointer { p in value.withUnsafeBytes { berth_lsetxattr(p, name, $0.baseAddress, Int(count)) } }
            // A file system without this kind of attribute keeps the file without it.
            if result < 0, result != Int64(-EOPNOTSUPP) { try checked(result) }
        }
    }
}
