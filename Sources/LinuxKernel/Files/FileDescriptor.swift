import CLinux
import Glibc

/// An owned file descriptor, closed when its owner goes out of scope. Always close-on-exec unless said otherwise.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number, valid while this value lives.
    public let rawValue: Int32

    /// Takes ownership of an open descriptor.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { _ = Glibc.close(rawValue) }

    /// Hands the number over without closing it.
    public consuming func release() -> Int32 {
        let value = rawValue
        discard self
        return value
    }

    /// Closes now and reports what `close(2)` says, for writers that must know (a full disk over NFS).
    public consuming func close() throws(Errno) {
        let value = rawValue
        discard self
        if Glibc.close(value) != 0 { throw Errno(rawValue: errno) }
    }

    /// A second descriptor for the same open file, close-on-exec (`fcntl(F_DUPFD_CLOEXEC)`), not below `minimum`.
    public func duplicated(minimum: Int32 = 3) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: Int32(try checked(berth_fcntl(rawValue, F_DUPFD_CLOEXEC, Int64(minimum)))))
    }

    /// Sets or clears close-on-exec.
    public func setCloseOnExec(_ on: Bool) throws(Errno) {
        try checked(berth_fcntl(rawValue, F_SETFD, on ? Int64(FD_CLOEXEC) : 0))
    }

    /// Sets or clears `O_NONBLOCK` on the open file (shared by all descriptors of it).
    public func setNonBlocking(_ on: Bool) throws(Errno) {
        let flags = try checked(berth_fcntl(rawValue, F_GETFL, 0))
        let bit = Int(O_NONBLOCK)
        try checked(berth_fcntl(rawValue, F_SETFL, Int64(on ? flags | bit : flags & ~bit)))
    }

    /// The path that reaches this descriptor's object through procfs. Only for calls that have no descriptor form.
    public var procPath: String { "/proc/self/fd/\(rawValue)" }
}

/// Which of the well-known directories a relative path starts from, where no owned descriptor is at hand.
public enum WorkingDirectory {
    /// `AT_FDCWD`.
    public static let rawValue: Int32 = AT_FDCWD
}

/// `open(2)` flags as a typed set. Every open here adds `O_CLOEXEC`.
public struct OpenFlags: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let readOnly = OpenFlags(rawValue: O_RDONLY)
    public static let writeOnly = OpenFlags(rawValue: O_WRONLY)
    public static let readWrite = OpenFlags(rawValue: O_RDWR)
    public static let create = OpenFlags(rawValue: O_CREAT)
    public static let exclusive = OpenFlags(rawValue: O_EXCL)
    public static let truncate = OpenFlags(rawValue: O_TRUNC)
    public static let append = OpenFlags(rawValue: O_APPEND)
    public static let directory = OpenFlags(rawValue: 0o200000)
    public static let noFollow = OpenFlags(rawValue: 0o400000)
    public static let pathOnly = OpenFlags(rawValue: 0o10000000)
    public static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    public static let noControllingTerminal = OpenFlags(rawValue: O_NOCTTY)
}

/// How `openat2(2)` may walk a path that somebody else controls.
public struct ResolveFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The starting directory is the root: `..` and absolute links stay inside (`RESOLVE_IN_ROOT`).
    public static let inRoot = ResolveFlags(rawValue: BERTH_RESOLVE_IN_ROOT)
    /// Leaving the starting directory is an error (`RESOLVE_BENEATH`).
    public static let beneath = ResolveFlags(rawValue: BERTH_RESOLVE_BENEATH)
    /// No symbolic link at all (`RESOLVE_NO_SYMLINKS`).
    public static let noSymbolicLinks = ResolveFlags(rawValue: BERTH_RESOLVE_NO_SYMLINKS)
    /// No link of procfs's kind (`RESOLVE_NO_MAGICLINKS`).
    public static let noMagicLinks = ResolveFlags(rawValue: BERTH_RESOLVE_NO_MAGICLINKS)
    /// No crossing into another mount (`RESOLVE_NO_XDEV`).
    public static let noMountCrossing = ResolveFlags(rawValue: BERTH_RESOLVE_NO_XDEV)
}
