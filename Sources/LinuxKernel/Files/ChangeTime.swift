import CLinux
import Glibc

extension FileStatus {
    /// When the content or the inode last changed; nobody can set it.
    public var changed: FileTime {
        FileTime(seconds: Int64(raw.st_ctim.tv_sec), nanoseconds: Int32(raw.st_ctim.tv_nsec))
    }
}
