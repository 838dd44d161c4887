import CLinux
import Glibc

/// A moment as files and archives hold it.
public struct FileTime: Hashable, Sendable {
    /// Seconds since 1970, negative before.
    public var seconds: Int64
    /// Nanoseconds after ``seconds``, 0 to 999,999,999.
    public var nanoseconds: Int32

    /// A moment.
    public init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    fileprivate var raw: timespec { timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds)) }
}

extension FileStatus {
    /// When the content last changed.
    public var modified: FileTime {
        FileTime(seconds: Int64(raw.st_mtim.tv_sec), nanoseconds: Int32(raw.st_mtim.tv_nsec))
    }

    /// The kind of file as `mknod(2)` takes it (`S_IFREG`…).
    public var typeBits: UInt32 { UInt32(raw.st_mode & S_IFMT) }
}

extension FileDescriptor {
    /// Changes owner and group (`fchown(2)`). Clears set-id bits and file capabilities: set those afterwards.
    public func changeOwner(uid: UInt32, gid: UInt32) throws(Errno) {
        try checked(berth_result(Int64(fchown(rawValue, uid, gid))))
    }

    /// Changes the twelve permission bits (`fchmod(2)`).
    public func changeMode(_ mode: UInt32) throws(Errno) {
        try checked(berth_result(Int64(fchmod(rawValue, mode_t(mode)))))
    }

    /// Sets access and modification time (`futimens(2)`).
    public func setModificationTime(_ time: FileTime) throws(Errno) {
        let both = [time.raw, time.raw]
        try checked(berth_result(Int64(futimens(rawValue, both))))
    }

    /// Sets the length; new bytes are a hole (`ftruncate(2)`).
    public func setSize(_ size: Int64) throws(Errno) {
        try checkedUninterrupted { berth_result(Int64(ftruncate(rawValue, off_t(size)))) }
    }

    /// Writes everything at a place in the file, leaving the position alone (`pwrite(2)`).
    public func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
        var done = 0
        while done < bytes.count {
            let part = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try checkedUninterrupted {
                berth_result(Int64(pwrite(rawValue, part.baseAddress, part.count, off_t(offset + Int64(done)))))
            }
        }
    }

    /// Waits until all written data of the file system that holds this file is on disk (`syncfs(2)`).
    public func synchronizeFileSystem() throws(Errno) { try checked(berth_result(Int64(syncfs(rawValue)))) }

    /// Bytes an unprivileged process may still write to this file system: what is kept for root is not counted.
    public func availableBytes() throws(Errno) -> UInt64 {
        var raw = statfs()
        try checked(berth_result(Int64(fstatfs(rawValue, &raw))))
        return UInt64(raw.f_bavail).multipliedReportingOverflow(by: UInt64(raw.f_bsize)).partialValue
    }

    /// Copies `source`'s whole content to the end of this file, in the kernel where it can (`copy_file_range(2)`,
    /// which shares blocks on file systems that are able to).
    public func copyContents(of source: borrowing FileDescriptor) throws(Errno) {
        let number = source.rawValue
        while true {
            let count: Int
            do throws(Errno) {
                count = try checkedUninterrupted {
                    berth_result(Int64(copy_file_range(number, nil, rawValue, nil, 1 << 30, 0)))
                }
            } catch {
                // Different file systems before 5.19, or one that has no such call.
                guard error == .crossDevice || error == .invalidArgument || error == .notSupported else { throw error }
                return try copyByReading(source)
            }
            if count == 0 { return }
        }
    }

    private func copyByReading(_ source: borrowing FileDescriptor) throws(Errno) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { return }
            try writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

extension Files {
    /// Sets access and modification time of a name without following a link (`utimensat(2)`).
    public static func setModificationTime(
        at directory: Int32, _ path: some PathConvertible, _ time: FileTime
    ) throws(Errno) {
        let both = [time.raw, time.raw]
        try checked(path.withPathPointer { berth_result(Int64(utimensat(directory, $0, both, AT_SYMLINK_NOFOLLOW))) })
    }
}
