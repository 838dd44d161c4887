import CLinux
import Glibc

// Every call takes a directory descriptor's number and a relative (or absolute) path. Lower modules pass a
// descriptor they hold; `WorkingDirectory.rawValue` is for paths the user typed.

/// File system calls by directory descriptor and name.
public enum Files {
    /// Opens `path` (`openat(2)`), close-on-exec.
    public static func open(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, _ flags: OpenFlags,
        mode: UInt32 = 0o600
    ) throws(Errno) -> FileDescriptor {
        let number = try checkedUninterrupted {
            path.withPathPointer { berth_openat(directory, $0, flags.rawValue | O_CLOEXEC, mode_t(mode)) }
        }
        return FileDescriptor(owning: Int32(number))
    }

    /// Opens a path that somebody else controls (`openat2(2)`), close-on-exec. Calls again on EAGAIN, which the
    /// kernel gives when a rename raced with the walk.
    public static func open(
        at directory: Int32, _ path: some PathConvertible, _ flags: OpenFlags, resolve: ResolveFlags,
        mode: UInt32 = 0
    ) throws(Errno) -> FileDescriptor {
        let all = UInt64(UInt32(bitPattern: flags.rawValue | O_CLOEXEC))
        while true {
            let result = path.withPathPointer {
                berth_openat2(directory, $0, all, flags.contains(.create) ? UInt64(mode) : 0, resolve.rawValue)
            }
            if result == Int64(-EINTR) || result == Int64(-EAGAIN) { continue }
            return FileDescriptor(owning: Int32(try checked(result)))
        }
    }

    /// Makes a directory (`mkdirat(2)`).
    public static func makeDirectory(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, mode: UInt32 = 0o755
    ) throws(Errno) {
        try checked(path.withPathPointer { berth_result(Int64(mkdirat(directory, $0, mode_t(mode)))) })
    }

    /// Makes a directory and its missing parents. An existing directory is fine.
    public static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(Errno) {
        do {
            try makeDirectory(path, mode: mode)
        } catch {
            switch error {
            case .fileExists: return
            case .noSuchFile:
                guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { throw error }
                try makeDirectories(String(path[..<slash]), mode: mode)
                do { try makeDirectory(path, mode: mode) } catch { if error != .fileExists { throw error } }
            default: throw error
            }
        }
    }

    /// Removes a name that is not a directory, or with `directory: true` an empty directory (`unlinkat(2)`).
    public static func unlink(
        at parent: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, directory: Bool = false
    ) throws(Errno) {
        try checked(path.withPathPointer { berth_result(Int64(unlinkat(parent, $0, directory ? AT_REMOVEDIR : 0))) })
    }

    /// Renames, replacing what stands there (`renameat2(2)`); `exclusive` refuses to replace (EEXIST).
    public static func rename(
        at oldDirectory: Int32 = WorkingDirectory.rawValue, _ old: some PathConvertible,
        to newDirectory: Int32 = WorkingDirectory.rawValue, _ new: some PathConvertible, exclusive: Bool = false
    ) throws(Errno) {
        try checked(
            old.withPathPointer { o in
                new.withPathPointer { n in berth_renameat2(oldDirectory, o, newDirectory, n, exclusive ? 1 : 0) }
            })
    }

    /// Makes a hard link; a symbolic link at `old` is linked itself (`linkat(2)`).
    public static func link(
        at oldDirectory: Int32 = WorkingDirectory.rawValue, _ old: some PathConvertible,
        to newDirectory: Int32 = WorkingDirectory.rawValue, _ new: some PathConvertible
    ) throws(Errno) {
        try checked(
            old.withPathPointer { o in
                new.withPathPointer { n in berth_result(Int64(linkat(oldDirectory, o, newDirectory, n, 0))) }
            })
    }

    /// Makes a symbolic link at `path` with the text `target` (`symlinkat(2)`).
    public static func symbolicLink(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, target: some PathConvertible
    ) throws(Errno) {
        try checked(
            target.withPathPointer { t in path.withPathPointer { p in berth_result(Int64(symlinkat(t, directory, p))) } })
    }

    /// Makes a device node, fifo, socket or regular file (`mknodat(2)`); `mode` holds the type.
    public static func makeNode(
        at directory: Int32, _ path: some PathConvertible, mode: UInt32, major: UInt32 = 0, minor: UInt32 = 0
    ) throws(Errno) {
        try checked(
            path.withPathPointer {
                berth_result(Int64(mknodat(directory, $0, mode_t(mode), berth_makedev(major, minor))))
            })
    }

    /// Reads a symbolic link's text (`readlinkat(2)`), at most 4,095 bytes.
    public static func readLink(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible
    ) throws(Errno) -> PathBytes {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try checked(
            path.withPathPointer { p in
                buffer.withUnsafeMutableBytes { berth_readlinkat(directory, p, $0.baseAddress, $0.count) }
            })
        return PathBytes(buffer[..<count])
    }

    /// Changes owner and group of a name without following a link (`fchownat(2)`).
    public static func changeOwner(
        at directory: Int32, _ path: some PathConvertible, uid: UInt32, gid: UInt32
    ) throws(Errno) {
        try checked(
            path.withPathPointer { berth_result(Int64(fchownat(directory, $0, uid, gid, AT_SYMLINK_NOFOLLOW))) })
    }

    /// Changes mode bits of a name, following a link in the last place (`fchmodat(2)`): never on foreign paths.
    public static func changeMode(at directory: Int32, _ path: some PathConvertible, mode: UInt32) throws(Errno) {
        try checked(path.withPathPointer { berth_result(Int64(fchmodat(directory, $0, mode_t(mode), 0))) })
    }

    /// What `fstatat(2)` says of a name, without following a link unless asked to.
    public static func status(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, followLink: Bool = false
    ) throws(Errno) -> FileStatus {
        var raw = stat()
        try checked(
            path.withPathPointer {
                berth_result(Int64(fstatat(directory, $0, &raw, followLink ? 0 : AT_SYMLINK_NOFOLLOW)))
            })
        return FileStatus(raw)
    }

    /// Whether a name exists (a dangling link does). Any error counts as absent.
    public static func exists(at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible) -> Bool {
        (try? status(at: directory, path)) != nil
    }

    /// A whole file, refusing (EFBIG) one longer than `limit` bytes.
    public static func read(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, limit: Int = 16 << 20
    ) throws(Errno) -> [UInt8] {
        let file = try open(at: directory, path, .readOnly)
        return try file.readAll(limit: limit)
    }

    /// A whole small file as text with white space at the end removed: for procfs, sysfs and cgroup files.
    public static func readLine(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible
    ) throws(Errno) -> String {
        var bytes = try read(at: directory, path)
        while let last = bytes.last, last == 10 || last == 32 || last == 0 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes an existing kernel file (procfs, sysfs, cgroup) in one `write(2)`.
    public static func writeKernelFile(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, _ text: String
    ) throws(Errno) {
        let file = try open(at: directory, path, .writeOnly)
        try file.writeOnce(Array(text.utf8))
    }

    /// Replaces a file's content so that a reader, and a machine that stops, see either the old or the new:
    /// temporary name, write, optional `fdatasync`, rename.
    public static func replace(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: String, with bytes: [UInt8], mode: UInt32 = 0o644,
        synchronize: Bool = false
    ) throws(Errno) {
        let temporary = "\(path).\(getpid()).tmp"
        do {
            let file = try open(at: directory, temporary, [.writeOnly, .create, .truncate, .noFollow], mode: mode)
            try file.writeAll(bytes)
            if synchronize { try checked(berth_result(Int64(fdatasync(file.rawValue)))) }
            try file.close()
            try rename(at: directory, temporary, to: directory, path)
        } catch {
            try? unlink(at: directory, temporary)
            throw error
        }
    }
}
