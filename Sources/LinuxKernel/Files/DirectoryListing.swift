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
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while try appendEntries(to: &entries, using: buffer) {}
        return entries
    }

    /// The first names in this open directory, as many as fit some kilobytes; empty only when it is empty.
    func firstDirectoryEntries() throws(Errno) -> [DirectoryEntry] {
        try checked(berth_result(Int64(lseek(rawValue, 0, SEEK_SET))))
        var entries = [DirectoryEntry]()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while entries.isEmpty {
            if try !appendEntries(to: &entries, using: buffer) { break }
        }
        return entries
    }

    /// One `getdents64(2)`; false at the end.
    private func appendEntries(
        to entries: inout [DirectoryEntry], using buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Bool {
        let count = Int(try checked(berth_getdents64(rawValue, buffer.baseAddress, buffer.count)))
        if count == 0 { return false }
        // struct linux_dirent64: ino u64, off s64, reclen u16, type u8, name.
        var offset = 0
        while offset + 19 <= count {
            let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
            let name = buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
            if !(name.elementsEqual([46]) || name.elementsEqual([46, 46])) {
                entries.append(
                    DirectoryEntry(
                        name: PathBytes(name), inode: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                        type: buffer[offset + 18]))
            }
            offset += length
        }
        return true
    }
}
