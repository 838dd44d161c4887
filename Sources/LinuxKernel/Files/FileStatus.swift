import CLinux
import Glibc

/// What `stat(2)` says of a file.
public struct FileStatus: Sendable {
    /// The kernel's own record.
    public let raw: stat

    /// Wraps a filled-in record.
    public init(_ raw: stat) { self.raw = raw }

    /// What kind of thing a name stands for.
    public enum Kind: Sendable { case regular, directory, symbolicLink, characterDevice, blockDevice, fifo, socket, unknown }

    /// The kind of file.
    public var kind: Kind {
        switch raw.st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .directory
        case S_IFLNK: .symbolicLink
        case S_IFCHR: .characterDevice
        case S_IFBLK: .blockDevice
        case S_IFIFO: .fifo
        case S_IFSOCK: .socket
        default: .unknown
        }
    }

    /// The twelve permission bits, set-id and sticky included.
    public var permissions: UInt32 { UInt32(raw.st_mode) & 0o7777 }
    /// Owner.
    public var uid: UInt32 { raw.st_uid }
    /// Group.
    public var gid: UInt32 { raw.st_gid }
    /// Length in bytes.
    public var size: Int64 { Int64(raw.st_size) }
    /// Bytes on disk.
    public var allocatedSize: Int64 { Int64(raw.st_blocks) * 512 }
    /// Inode number.
    public var inode: UInt64 { UInt64(raw.st_ino) }
    /// The device the file lies on.
    public var device: UInt64 { UInt64(raw.st_dev) }
    /// How many names it has.
    public var linkCount: UInt64 { UInt64(raw.st_nlink) }
    /// The device a device node stands for.
    public var deviceNumber: (major: UInt32, minor: UInt32) { (berth_major(raw.st_rdev), berth_minor(raw.st_rdev)) }
    /// When the content last changed.
    public var modificationTime: timespec { raw.st_mtim }
    /// When the content last changed, in seconds since 1970.
    public var modificationSeconds: Int64 { Int64(raw.st_mtim.tv_sec) }
    /// When the content or the inode last changed.
    public var changeTime: timespec { raw.st_ctim }
}

extension FileDescriptor {
    /// What `fstat(2)` says.
    public func status() throws(Errno) -> FileStatus {
        var raw = stat()
        try checked(berth_result(Int64(fstat(rawValue, &raw))))
        return FileStatus(raw)
    }
}
