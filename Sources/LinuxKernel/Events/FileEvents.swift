import CLinux
import Glibc

/// Changes in a directory as readable events (`inotify(7)`).
public enum FileEvents {
    /// A descriptor that is readable after a file in the directory was written, made or renamed.
    public static func watch(directory: String) throws(Errno) -> FileDescriptor {
        let number = try checked(berth_result(Int64(inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)))))
        let result = FileDescriptor(owning: Int32(number))
        let mask = UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF)
        try checked(berth_result(Int64(inotify_add_watch(result.rawValue, directory, mask))))
        return result
    }

    /// Takes all waiting events.
    public static func drain(_ descriptor: borrowing FileDescriptor) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while buffer.withUnsafeMutableBytes({ read(descriptor.rawValue, $0.baseAddress, $0.count) }) > 0 {}
    }
}
