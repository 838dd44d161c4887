import CLinux

/// What an open file of nsfs stands for (`ioctl_ns(2)`).
public enum NamespaceFile {
    /// The kind of namespace (`NS_GET_NSTYPE`).
    public static func kind(of file: borrowing FileDescriptor) throws(Errno) -> NamespaceSet {
        NamespaceSet(rawValue: UInt64(try checked(berth_ioctl_int(file.rawValue, 0xB703, 0))))
    }

    /// Whether the calling thread is in it.
    public static func isOwn(_ file: borrowing FileDescriptor, kind: NamespaceSet) throws(Errno) -> Bool {
        guard let name = NamespaceSet.fileNames.first(where: { $0.0 == kind })?.1 else { return false }
        let own = try Files.status("/proc/thread-self/ns/\(name)", followLink: true)
        let other = try file.status()
        return own.inode == other.inode && own.device == other.device
    }
}
