import LinuxKernel

/// Why the runtime could not do what was asked.
public struct RuntimeError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, as far as an exit code can say it.
    public enum Kind: String, Sendable {
        /// The runtime or the kernel failed, or the request makes no sense (Docker's 125).
        case failure
        /// The program cannot be executed (Docker's 126).
        case notExecutable
        /// The program is not there (Docker's 127).
        case notFound
    }

    public var kind: Kind
    /// What was being done (`mount`, `set hostname`).
    public var operation: String
    /// To what (`/proc`, `container web`).
    public var object: String
    /// Why it failed.
    public var cause: String
    /// What to do about it, when that is known.
    public var remedy: String?

    /// An error with its four parts.
    public init(
        _ operation: String, _ object: String, cause: String, remedy: String? = nil, kind: Kind = .failure
    ) {
        self.kind = kind
        self.operation = operation
        self.object = object
        self.cause = cause
        self.remedy = remedy
    }

    /// An error from a system call.
    public init(_ operation: String, _ object: String, _ errno: Errno, remedy: String? = nil) {
        self.init(operation, object, cause: errno.description, remedy: remedy)
    }

    public var description: String {
        let subject = [operation, object].filter { !$0.isEmpty }.joined(separator: " ")
        let text = subject.isEmpty ? cause : "\(subject): \(cause)"
        return remedy.map { "\(text); \($0)" } ?? text
    }
}

extension RuntimeError {
    /// The exit status of a first process that ended with this error instead of a program's.
    var exitStatus: Int32 {
        switch kind {
        case .failure: 125
        case .notExecutable: 126
        case .notFound: 127
        }
    }
}

/// Runs a system call and names what it was for when it fails.
@discardableResult
func attempt<Value: ~Copyable>(
    _ operation: String, _ object: String = "", _ body: () throws(Errno) -> Value
) throws(RuntimeError) -> Value {
    do throws(Errno) { return try body() } catch { throw RuntimeError(operation, object, error) }
}
