import CLinux
import Glibc

/// An advisory whole-file lock (`flock(2)`), released when its owner goes out of scope or the process dies.
/// Liveness in Berth is a held lock, never a process id alone.
public struct FileLock: ~Copyable, Sendable {
    private let file: FileDescriptor

    /// Takes the lock on `path`, making the file when it is missing, and waits for a present holder.
    public init(at directory: Int32 = WorkingDirectory.rawValue, _ path: String, shared: Bool = false) throws(Errno) {
        let file = try Files.open(at: directory, path, [.readWrite, .create, .noFollow], mode: 0o600)
        try checkedUninterrupted { berth_result(Int64(flock(file.rawValue, shared ? LOCK_SH : LOCK_EX))) }
        self.file = file
    }

    private init(file: consuming FileDescriptor) { self.file = file }

    /// Takes the lock if nobody holds it; nil when somebody does.
    public static func attempt(at directory: Int32 = WorkingDirectory.rawValue, _ path: String) throws(Errno) -> FileLock? {
        let file = try Files.open(at: directory, path, [.readWrite, .create, .noFollow], mode: 0o600)
        do throws(Errno) {
            try checkedUninterrupted { berth_result(Int64(flock(file.rawValue, LOCK_EX | LOCK_NB))) }
        } catch {
            if error == .wouldBlock { return nil }
            throw error
        }
        return FileLock(file: file)
    }

    /// Whether somebody holds the lock exclusively. Asks with a shared lock, so that several may ask at once.
    public static func isHeld(at directory: Int32 = WorkingDirectory.rawValue, _ path: String) -> Bool {
        guard let file = try? Files.open(at: directory, path, [.readOnly, .noFollow]) else { return false }
        return berth_result(Int64(flock(file.rawValue, LOCK_SH | LOCK_NB))) == Int64(-EWOULDBLOCK)
    }

    /// The descriptor that holds the lock: a forked child that keeps it open shares the lock.
    public var descriptorNumber: Int32 { file.rawValue }
}
