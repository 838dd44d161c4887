import CLinux
import Glibc

extension UnixSocket {
    /// Takes the next connection of a listening socket given by its number; it is close-on-exec.
    public static func accept(number: Int32) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: Int32(try checkedUninterrupted { berth_accept(number) }))
    }
}
