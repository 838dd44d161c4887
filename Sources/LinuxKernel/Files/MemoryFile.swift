import CLinux
import Glibc

/// A file that only lives in memory, as long as a descriptor of it does (`memfd_create(2)`).
public enum MemoryFile {
    /// Makes an empty one, close-on-exec; the name is only for `/proc/PID/fd`.
    public static func make(_ name: String) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: Int32(try checked(berth_memfd_create(name, UInt32(MFD_CLOEXEC)))))
    }
}

/// This process's environment.
public enum ProcessEnvironment {
    /// Every `NAME=value`, in order.
    public static func all() -> [String] {
        var result = [String]()
        let list = berth_environment()
        var index = 0
        while let entry = list?[index] {
            result.append(String(cString: entry))
            index += 1
        }
        return result
    }
}
