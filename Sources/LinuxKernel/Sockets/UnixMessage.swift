import CLinux

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

/// The number of a process as the procfs mounted at `/proc` counts: in a new pid namespace, but still in the host's mount
/// namespace, the host's number.
public enum HostProcessNumber {
    /// The calling process's; 0 when procfs does not say.
    public static func read() -> Int32 {
        (try? Files.readLink("/proc/self")).flatMap { Int32($0.description) } ?? 0
    }
}
