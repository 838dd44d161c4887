import CLinux
import Glibc

/// A lock on a whole file that belongs to this process alone (`fcntl(2)`, "Advisory record locking").
///
/// Unlike ``FileLock`` a child born by clone does not share it: a container's first process, which waits for its `start`
/// with copies of all descriptors of the process that created it, must not keep the container locked. The kernel gives it
/// back when the process ends, and when the process closes *any* descriptor of the file: take it once at a time.
public struct ProcessLock: ~Copyable, Sendable {
    private let file: FileDescriptor

    private init(file: consuming FileDescriptor) { self.file = file }

    /// Takes the lock on a file, making it when it is missing, and waits for a present holder.
    public init(at directory: Int32 = WorkingDirectory.rawValue, _ path: String) throws(Errno) {
        let file = try Self.open(directory, path)
        try checkedUninterrupted { Self.call(file.rawValue, F_SETLKW) }
        self.file = file
    }

    /// Takes the lock if nobody holds it; nil when somebody does.
    public static func attempt(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: String
    ) throws(Errno) -> ProcessLock? {
        let file = try open(directory, path)
        do throws(Errno) { try checked(call(file.rawValue, F_SETLK)) } catch {
            if error == .wouldBlock || error == .accessDenied { return nil }
            throw error
        }
        return ProcessLock(file: file)
    }

    /// Whether another process holds the lock. Never ask while this process holds it: closing the file gives it back.
    public static func isHeld(at directory: Int32 = WorkingDirectory.rawValue, _ path: String) -> Bool {
        guard let file = try? Files.open(at: directory, path, [.readWrite, .noFollow]) else { return false }
        var request = Self.wholeFile()
        let result = withUnsafeMutablePointer(to: &request) {
            berth_fcntl(file.rawValue, F_GETLK, Int64(Int(bitPattern: $0)))
        }
        return result == 0 && request.l_type != Int16(F_UNLCK)
    }

    /// What `fstat(2)` says of the locked file: whether it is still the one of that name.
    public func status() throws(Errno) -> FileStatus { try file.status() }

    private static func open(_ directory: Int32, _ path: String) throws(Errno) -> FileDescriptor {
        try Files.open(at: directory, path, [.readWrite, .create, .noFollow], mode: 0o600)
    }

    private static func wholeFile() -> flock {
        flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }

    private static func call(_ number: Int32, _ command: Int32) -> Int64 {
        var request = wholeFile()
        return withUnsafeMutablePointer(to: &request) { berth_fcntl(number, command, Int64(Int(bitPattern: $0))) }
    }
}
