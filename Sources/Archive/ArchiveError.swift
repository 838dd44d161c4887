import LinuxKernel
import OCI

/// Why an archive or a layer could not be read, written or applied.
public struct ArchiveError: Error, Sendable, CustomStringConvertible {
    /// What was being done: `read`, `unpack`.
    public var operation: String
    /// On what: an entry's name, or `the archive`.
    public var object: String
    /// Why it failed.
    public var cause: String
    /// What to do about it; empty where the cause says it.
    public var remedy: String
    /// The kernel's error number, where a system call failed.
    public var errno: Errno?

    /// An error about a named thing.
    public init(operation: String, object: String, cause: String, remedy: String = "", errno: Errno? = nil) {
        self.operation = operation
        self.object = object
        self.cause = cause
        self.remedy = remedy
        self.errno = errno
    }

    /// The text form.
    public var description: String { "cannot \(operation) \(object): \(cause)\(remedy.isEmpty ? "" : "; \(remedy)")" }

    /// An error about the archive as a whole.
    static func reading(_ cause: String, remedy: String = "") -> ArchiveError {
        ArchiveError(operation: "read", object: "the archive", cause: cause, remedy: remedy)
    }

    /// An error about one entry.
    static func entry(_ path: [UInt8], _ cause: String, remedy: String = "", operation: String = "unpack")
        -> ArchiveError
    {
        ArchiveError(operation: operation, object: quoted(path), cause: cause, remedy: remedy)
    }

    /// A system call that failed on one entry.
    static func entry(_ path: [UInt8], _ errno: Errno, doing what: String) -> ArchiveError {
        var remedy = ""
        if errno == .noSpace { remedy = "free some space and try again" }
        return ArchiveError(
            operation: "unpack", object: quoted(path), cause: "\(what): \(errno)", remedy: remedy, errno: errno)
    }
}

/// A name from an archive, for a message: in quotes, control characters escaped, not longer than a line.
func quoted(_ bytes: [UInt8]) -> String {
    "\"\(printable(String(decoding: bytes.prefix(1024), as: UTF8.self), limit: 200))\""
}
