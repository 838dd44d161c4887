import CLinux
import Glibc

/// A system call's error number (`errno(3)`).
public struct Errno: Error, Hashable, Sendable {
    /// The number as the kernel gives it, positive.
    public let rawValue: Int32

    /// Wraps a positive error number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let notPermitted = Errno(rawValue: EPERM)
    public static let noSuchFile = Errno(rawValue: ENOENT)
    public static let noSuchProcess = Errno(rawValue: ESRCH)
    public static let interrupted = Errno(rawValue: EINTR)
    public static let ioError = Errno(rawValue: EIO)
    public static let badFileDescriptor = Errno(rawValue: EBADF)
    public static let wouldBlock = Errno(rawValue: EAGAIN)
    public static let noMemory = Errno(rawValue: ENOMEM)
    public static let accessDenied = Errno(rawValue: EACCES)
    public static let busy = Errno(rawValue: EBUSY)
    public static let fileExists = Errno(rawValue: EEXIST)
    public static let crossDevice = Errno(rawValue: EXDEV)
    public static let notDirectory = Errno(rawValue: ENOTDIR)
    public static let isDirectory = Errno(rawValue: EISDIR)
    public static let invalidArgument = Errno(rawValue: EINVAL)
    public static let noSpace = Errno(rawValue: ENOSPC)
    public static let brokenPipe = Errno(rawValue: EPIPE)
    public static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    public static let noSuchSystemCall = Errno(rawValue: ENOSYS)
    public static let directoryNotEmpty = Errno(rawValue: ENOTEMPTY)
    public static let tooManySymbolicLinks = Errno(rawValue: ELOOP)
    public static let notSupported = Errno(rawValue: EOPNOTSUPP)
    public static let addressInUse = Errno(rawValue: EADDRINUSE)
    public static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
    public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    public static let connectionReset = Errno(rawValue: ECONNRESET)
    public static let noData = Errno(rawValue: ENODATA)
    public static let valueTooLarge = Errno(rawValue: EOVERFLOW)
    public static let readOnlyFileSystem = Errno(rawValue: EROFS)
    public static let execFormat = Errno(rawValue: ENOEXEC)
    public static let noChild = Errno(rawValue: ECHILD)
    public static let timedOut = Errno(rawValue: ETIMEDOUT)
    public static let tooManyLinks = Errno(rawValue: EMLINK)
}

extension Errno: CustomStringConvertible {
    /// The C library's sentence, with a lower-case first letter so that it fits behind a colon.
    public var description: String {
        let text = String(cString: strerror(rawValue))
        guard let first = text.first, text.count > 1 else { return "error \(rawValue)" }
        // Acronyms such as "RFS specific error" keep their capitals.
        let second = text[text.index(after: text.startIndex)]
        return second.isUppercase ? text : first.lowercased() + text.dropFirst()
    }
}

/// Turns the result of a `berth_` function (`CLinux`) into a value or a thrown ``Errno``.
@inlinable @discardableResult
public func checked(_ result: Int64) throws(Errno) -> Int {
    if result < 0 { throw Errno(rawValue: Int32(truncatingIfNeeded: -result)) }
    return Int(result)
}

/// Like ``checked(_:)``, calling again as long as a signal interrupts the call.
@inlinable @discardableResult
public func checkedUninterrupted(_ call: () -> Int64) throws(Errno) -> Int {
    while true {
        let result = call()
        if result == Int64(-EINTR) { continue }
        return try checked(result)
    }
}
