import LinuxKernel

/// Why the engine could not do what a user asked for.
public struct EngineError: Error, Sendable, CustomStringConvertible {
    /// The exit status that Docker's command line gives for it.
    public var exitCode: Int32
    /// One sentence for a person.
    public var description: String

    /// An error with its sentence; 1 is Docker's status for a failed command, 125 that of a failed `run`.
    public init(_ description: String, exitCode: Int32 = 1) {
        self.description = description
        self.exitCode = exitCode
    }

    /// An error from a system call.
    init(_ operation: String, _ object: String, _ errno: Errno) {
        self.init("\(operation) \(object): \(errno)")
    }
}

/// Runs a system call and names what it was for when it fails.
@discardableResult
func attempt<Value: ~Copyable>(
    _ operation: String, _ object: String, _ body: () throws(Errno) -> Value
) throws(EngineError) -> Value {
    do throws(Errno) { return try body() } catch { throw EngineError(operation, object, error) }
}
