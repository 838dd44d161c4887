import Archive
import ImageStore
import LinuxKernel
import OCI

/// Why something could not be done with a registry.
public struct RegistryError: Error, Sendable, CustomStringConvertible {
    /// What sort of failure it is, for callers that act on it.
    public enum Kind: Sendable, Equatable {
        /// The registry has no such thing.
        case notFound
        /// The registry wants other credentials, or none will do.
        case denied
        /// The registry could not be reached, or did not answer as it should; the next endpoint may do.
        case unavailable
        /// What it answered is not what it should be: another digest, another size, no manifest.
        case invalidContent
        /// Names or settings that are wrong.
        case invalidName
        /// The image store said no.
        case store
        /// The registry or this program has no such operation.
        case unsupported
    }

    /// What sort of failure it is.
    public var kind: Kind
    /// What was being done: `pull`.
    public var operation: String
    /// On what.
    public var object: String
    /// Why it failed.
    public var cause: String
    /// What to do about it; empty where the cause says it.
    public var remedy: String

    /// An error; texts from outside are made printable here.
    public init(_ kind: Kind, operation: String, object: String, cause: String, remedy: String = "") {
        self.kind = kind
        self.operation = operation
        self.object = printable(object)
        self.cause = printable(cause, limit: 600)
        self.remedy = remedy
    }

    /// The text form.
    public var description: String { "cannot \(operation) \(object): \(cause)\(remedy.isEmpty ? "" : "; \(remedy)")" }

    /// The image store's error keeps its own sentence.
    init(_ error: ImageStoreError) {
        self.init(
            error.kind == .noSuchImage ? .notFound : .store, operation: error.operation, object: error.object,
            cause: error.cause, remedy: error.remedy)
    }

    init(_ error: OCIError) {
        self.init(
            .invalidName, operation: error.operation, object: error.object, cause: error.cause, remedy: error.remedy)
    }

    /// The same failure as part of something larger.
    func during(_ operation: String, _ object: String) -> RegistryError {
        RegistryError(
            kind, operation: operation, object: object, cause: kind == .store ? description : cause, remedy: remedy)
    }
}
