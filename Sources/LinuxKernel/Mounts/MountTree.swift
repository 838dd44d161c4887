import CLinux
import Glibc

/// Calls on the mount tree of the calling process.
public enum MountTree {
    /// Sets the propagation of everything mounted at and below a path.
    public static func setPropagation(_ path: String, _ propagation: MountPropagation, recursive: Bool) throws(Errno) {
        let flags = recursive ? BERTH_AT_RECURSIVE : 0
        try checked(berth_mount_setattr(WorkingDirectory.rawValue, path, flags, 0, 0, propagation.flag, 0))
    }

    /// Makes the current directory, a mount, the root and lets the old root go (`pivot_root(2)`, "pivot_root(".", ".")").
    public static func pivotIntoCurrentDirectory() throws(Errno) {
        try checked(berth_pivot_root(".", "."))
        // The old root now lies over the new one at ".": detach it with everything below.
        try checked(berth_umount2(".", Int32(MNT_DETACH)))
        try checked(berth_result(Int64(chdir("/"))))
    }

    /// `mount(2)` in its old form, for kernels and file systems that need it.
    public static func mount(
        source: String, target: String, type: String, flags: UInt = 0, data: String = ""
    ) throws(Errno) {
        try checked(berth_mount(source, target, type, flags, data))
    }

    /// Detaches what is mounted at a path, also when it is busy (`MNT_DETACH`), without following a last link.
    public static func detach(_ path: String) throws(Errno) {
        try checked(berth_umount2(path, Int32(MNT_DETACH) | 8 /* UMOUNT_NOFOLLOW */))
    }
}

/// File system types by `statfs(2)`'s magic number, to be sure of what a descriptor really is.
public enum FileSystemMagic {
    public static let proc: Int64 = 0x9FA0
    public static let sysfs: Int64 = 0x6265_6572
    public static let devpts: Int64 = 0x1CD1
    public static let tmpfs: Int64 = 0x0102_1994
    public static let overlay: Int64 = 0x794C_7630
    public static let cgroup2: Int64 = 0x6367_7270
    public static let cgroup1: Int64 = 0x0027_E0EB
    public static let nsfs: Int64 = 0x6E73_6673

    /// What people call the type with this number.
    public static func name(_ magic: Int64) -> String {
        let names: [Int64: String] = [
            proc: "proc", sysfs: "sysfs", devpts: "devpts", tmpfs: "tmpfs", overlay: "overlayfs", cgroup2: "cgroup2",
            cgroup1: "cgroup", nsfs: "nsfs", 0xEF53: "ext4", 0x5846_5342: "xfs", 0x9123_683E: "btrfs", 0x6969: "NFS",
            0x0102_1997: "9p", 0x6573_5546: "FUSE", 0x4D44: "FAT", 0x5346_544E: "NTFS", 0xFF53_4D42: "CIFS",
            0xFE53_4D42: "SMB", 0x2FC1_2FC1: "ZFS", 0x7371_7368: "squashfs", 0xE0F5_E1E2: "EROFS", 0xF2F5_2010: "F2FS",
            0xF15F: "ecryptfs",
        ]
        return names[magic] ?? "the file system with type number 0x" + String(magic, radix: 16)
    }
}

extension FileDescriptor {
    /// The magic number of the file system this lies on.
    public func fileSystemMagic() throws(Errno) -> Int64 { Int64(try checked(berth_statfs_magic(rawValue))) }
}
