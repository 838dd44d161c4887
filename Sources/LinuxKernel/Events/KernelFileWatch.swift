import CLinux
import Glibc

extension Poll {
    /// Whether what a kernel file shows has changed since it was last read from its beginning through this descriptor, or
    /// does so within the time. Only for files whose changes the kernel announces, such as `cgroup.events` (cgroup-v2,
    /// "[Un]populated Notification").
    public static func changed(_ number: Int32, milliseconds: Int32) throws(Errno) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLPRI), revents: 0)
        let deadline = MonotonicClock.milliseconds() + Int64(milliseconds)
        while true {
            let left = Int32(clamping: max(0, deadline - MonotonicClock.milliseconds()))
            let result = berth_result(Int64(poll(&entry, 1, left)))
            if result == Int64(-EINTR) { continue }
            return try checked(result) > 0
        }
    }
}

extension Files {
    /// The text of a small kernel file through an open descriptor, from its beginning.
    public static func readAgain(_ number: Int32) throws(Errno) -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try checkedUninterrupted { berth_result(Int64(pread(number, &bytes, bytes.count, 0))) }
        return String(decoding: bytes[..<Int(count)], as: UTF8.self)
    }
}
