import CLinux
import Glibc

// Transfers by position on descriptors that several owners share.

extension Files {
    /// Reads at a position (`pread(2)`); 0 is the end.
    public static func read(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer, at position: Int64
    ) throws(Errno) -> Int {
        try checkedUninterrupted { berth_result(Int64(pread(number, buffer.baseAddress, buffer.count, Int(position)))) }
    }

    /// Writes everything at a position, however many `pwrite(2)` calls it takes.
    public static func writeAll(_ number: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int64) throws(Errno) {
        var rest = bytes[...]
        var position = position
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let count = try checkedUninterrupted {
                berth_result(Int64(pwrite(number, part.baseAddress, part.count, Int(position))))
            }
            rest = rest.dropFirst(count)
            position += Int64(count)
        }
    }

    /// A file without a name in a directory (`O_TMPFILE`), gone with its last descriptor. File systems that have none get
    /// a name for a moment.
    public static func openUnnamed(in directory: String) throws(Errno) -> FileDescriptor {
        do throws(Errno) {
            return try open(directory, [.readWrite, OpenFlags(rawValue: 0o20200000)], mode: 0o600)
        } catch {
            guard error == .notSupported || error == .isDirectory else { throw error }
            var random = SystemRandomNumberGenerator()
            let path = "\(directory)/.\(String(random.next() as UInt64, radix: 36))"
            let file = try open(path, [.readWrite, .create, .exclusive, .noFollow], mode: 0o600)
            try unlink(path)
            return file
        }
    }

    /// Refuses (ENOSPC) when the file system has less room for unprivileged users than that.
    public static func requireSpace(_ number: Int32, atLeast bytes: UInt64) throws(Errno) {
        var status = statvfs()
        try checked(berth_result(Int64(fstatvfs(number, &status))))
        if UInt64(status.f_bavail) * UInt64(status.f_frsize) < bytes { throw .noSpace }
    }
}

extension FileDescriptor {
    /// Locks the file for its owner alone (`flock(2)`), waiting for a present holder; ends with the last descriptor.
    public func lock() throws(Errno) {
        try checkedUninterrupted { berth_result(Int64(flock(rawValue, LOCK_EX))) }
    }
}
