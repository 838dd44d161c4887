import CLinux
import Glibc

extension UnixSocket {
    /// Sends one message with descriptors on a socket that somebody else owns (`SCM_RIGHTS`).
    public static func send(_ socket: Int32, _ bytes: [UInt8], descriptors: [Int32]) throws(Errno) {
        let count = try checkedUninterrupted {
            bytes.withUnsafeBytes { data in
                descriptors.withUnsafeBufferPointer { numbers in
                    berth_send_fds(socket, data.baseAddress, data.count, numbers.baseAddress, numbers.count)
                }
            }
        }
        // The descriptors have gone with the first part; the rest of a long text follows.
        if count < bytes.count { try send(socket, Array(bytes[count...]), descriptors: []) }
    }
}

extension StreamSocket {
    /// Receives what is there, at most `limit` bytes; nothing is the end.
    public static func receive(_ number: Int32, limit: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = try checkedUninterrupted {
            bytes.withUnsafeMutableBytes { berth_result(Int64(read(number, $0.baseAddress, $0.count))) }
        }
        return Array(bytes[..<count])
    }
}

/// The number of a process as the procfs mounted at `/proc` counts: in a new pid namespace, but still in the host's mount
/// namespace, the host's number.
public enum HostProcessNumber {
    /// The calling process's; 0 when procfs does not say.
    public static func read() -> Int32 {
        (try? Files.readLink("/proc/self")).flatMap { Int32($0.description) } ?? 0
    }
}
