import CLinux
import Glibc

/// One name in a directory, as `getdents64(2)` gives it.
public struct DirectoryEntry: Sendable {
    /// The name, without a slash.
    public let name: PathBytes
    /// Inode number.
    public let inode: UInt64
    /// `DT_DIR`, `DT_REG`…; `DT_UNKNOWN` where the file system does not say.
    public let type: UInt8
}

extension FileDescriptor {
    /// All names in this open directory but `.` and `..`, in the file system's order, from the start.
    public func directoryEntries() throws(Errno) -> [DirectoryEntry] {
        try checked(berth_result(Int64(lseek(rawValue, 0, SEEK_SET))))
        var entries = [DirectoryEntry]()
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        while true {
            let count = try checked(buffer.withUnsafeMutableBytes { berth_getdents64(rawValue, $0.baseAddress, $0.count) })
            if count == 0 { return entries }
            buffer.withUnsafeBytes { bytes in
                // struct linux_dirent64: ino u64, off s64, reclen u16, type u8, name.
                var offset = 0
                while offset + 19 <= count {
                    let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
                    let name = bytes[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
                    if !(name.elementsEqual([46]) || name.elementsEqual([46, 46])) {
                        entries.append(
                            DirectoryEntry(
                                name: PathBytes(name),
                                inode: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                                type: bytes[offset + 18]))
                    }
                    offset += length
                }
            }
        }
    }
}

extension Files {
    /// Removes a tree by descriptor: never follows a link, never crosses into another mount (EXDEV), and takes
    /// any depth. A name that is not there is fine.
    public static func removeTree(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible
    ) throws(Errno) {
        do {
            try unlink(at: directory, path)
            return
        } catch {
            if error == .noSuchFile { return }
            guard error == .isDirectory || error == .notPermitted else { throw error }
        }
        let device = try status(at: directory, path).device
        let tree = try open(at: directory, path, [.readOnly, .directory, .noFollow])
        guard try tree.status().device == device else { throw .crossDevice }
        try tree.removeContents(device: device)
        try unlink(at: directory, path, directory: true)
    }
}

extension FileDescriptor {
    fileprivate func removeContents(device: UInt64) throws(Errno) {
        for entry in try directoryEntries() {
            if entry.type != 4 /* DT_DIR */ {
                do throws(Errno) {
                    try Files.unlink(at: rawValue, entry.name)
                    continue
                } catch {
                    if error == .noSuchFile { continue }
                    guard error == .isDirectory || error == .notPermitted else { throw error }
                }
            }
            let child = try Files.open(
                at: rawValue, entry.name, [.readOnly, .directory, .noFollow],
                resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
            try child.removeContents(device: device)
            try Files.unlink(at: rawValue, entry.name, directory: true)
        }
    }
}
