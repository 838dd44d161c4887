import LinuxKernel
import Netlink

/// What went wrong with a container's network, for a person.
public struct NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was to be done: "publish the port".
    public var operation: String
    /// To what: "0.0.0.0:8080/tcp".
    public var object: String
    /// Why it failed.
    public var cause: String
    /// What to do about it, or empty.
    public var remedy: String

    /// An error with these parts.
    public init(operation: String, object: String, cause: String, remedy: String = "") {
        self.operation = operation
        self.object = object
        self.cause = cause
        self.remedy = remedy
    }

    /// A failed system call.
    init(_ operation: String, _ object: String, _ cause: Errno, remedy: String = "") {
        self.init(operation: operation, object: object, cause: "\(cause)", remedy: remedy)
    }

    /// A refused netlink request.
    init(_ error: NetlinkError) {
        let said = error.kernelText.isEmpty ? "" : " (the kernel says: \(error.kernelText))"
        self.init(
            operation: error.operation, object: error.object, cause: "\(error.cause)\(said)", remedy: error.remedy)
    }

    public var description: String {
        let subject = object.isEmpty ? "" : " \(object)"
        return "cannot \(operation)\(subject): \(cause)\(remedy.isEmpty ? "" : "; \(remedy)")"
    }
}

/// Something that will not work as a person expects, though nothing failed.
public struct NetworkWarning: Sendable, Equatable, CustomStringConvertible {
    /// One sentence: what stands in the way, where, and what to do.
    public var description: String

    /// A warning with this sentence.
    public init(_ description: String) { self.description = description }
}
