/// Why a process cannot be explained: one sentence.
public struct ExplainError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was being done: "read".
    public var operation: String
    /// To what: "process 12".
    public var object: String
    /// Why it failed, as a clause.
    public var cause: String
    /// What to do about it; empty when there is nothing.
    public var remedy: String

    /// An error.
    public init(_ operation: String, _ object: String, cause: String, remedy: String = "") {
        self.operation = operation
        self.object = object
        self.cause = cause
        self.remedy = remedy
    }

    public var description: String {
        "cannot \(operation) \(object): \(cause)" + (remedy.isEmpty ? "" : "; \(remedy)")
    }
}
