import LinuxKernel

/// Why something with control groups could not be done.
public struct ControlGroupError: Error, Sendable, Equatable {
    /// What was being done: "set the memory limit", "make the control group".
    public var operation: String
    /// What it was done to: a path below the cgroup mount, a file, a value.
    public var object: String
    /// Why it failed.
    public var cause: String
    /// What the reader can do, as a clause ("use …"); nil when there is nothing to suggest.
    public var remedy: String?
    /// The system call's error, where one was the cause.
    public var errno: Errno?

    /// An error of these parts.
    public init(operation: String, object: String, cause: String, remedy: String? = nil, errno: Errno? = nil) {
        self.operation = operation
        self.object = object
        self.cause = cause
        self.remedy = remedy
        self.errno = errno
    }

    init(_ operation: String, _ object: String, _ errno: Errno, remedy: String? = nil) {
        self.init(operation: operation, object: object, cause: errno.description, remedy: remedy, errno: errno)
    }
}

extension ControlGroupError: CustomStringConvertible {
    /// One sentence for a person.
    public var description: String {
        var text = "cannot \(operation)"
        if !object.isEmpty { text += " \(object)" }
        text += ": \(cause)"
        if let remedy { text += "; \(remedy)" }
        return text
    }
}

extension Errno {
    static let noSuchDevice = Errno(rawValue: 19)
}
