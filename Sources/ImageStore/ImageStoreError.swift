import Archive
import JSON
import LinuxKernel
import OCI

/// Why something could not be done with images.
public struct ImageStoreError: Error, Sendable, CustomStringConvertible {
    /// What sort of failure it is, for callers that act on it.
    public enum Kind: Sendable, Equatable {
        /// No image of that name or ID is there.
        case noSuchImage
        /// The image is there, but not for the platform that is wanted.
        case otherPlatform
        /// A name or an option that breaks its grammar.
        case invalidName
        /// Something uses the image, or more than one image is meant.
        case conflict
        /// An archive or a blob is not what it should be.
        case invalidContent
        /// The system said no.
        case system(Errno)
        /// The store's own files are not what they should be.
        case damagedStore
    }

    /// What sort of failure it is.
    public var kind: Kind
    /// What was being done: `load`.
    public var operation: String
    /// On what.
    public var object: String
    /// Why it failed.
    public var cause: String
    /// What to do about it; empty where the cause says it.
    public var remedy: String

    /// An error; texts from outside are to be made printable first.
    public init(_ kind: Kind, operation: String, object: String, cause: String, remedy: String = "") {
        self.kind = kind
        self.operation = operation
        self.object = object
        self.cause = cause
        self.remedy = remedy
    }

    /// The text form.
    public var description: String {
        switch kind {
        // These are Docker's words, which scripts look for.
        case .noSuchImage: "No such image: \(object)"
        case .conflict: "conflict: \(cause)"
        case .otherPlatform: cause
        default: "cannot \(operation) \(object): \(cause)\(remedy.isEmpty ? "" : "; \(remedy)")"
        }
    }

    static func noSuchImage(_ name: String) -> ImageStoreError {
        ImageStoreError(.noSuchImage, operation: "find", object: printable(name), cause: "it is not there")
    }

    static func conflict(_ cause: String) -> ImageStoreError {
        ImageStoreError(.conflict, operation: "remove", object: "the image", cause: cause)
    }

    static func system(_ errno: Errno, _ operation: String, _ object: String) -> ImageStoreError {
        ImageStoreError(
            .system(errno), operation: operation, object: object, cause: "\(errno)",
            remedy: errno == .noSpace ? "free some space and try again" : "")
    }

    static func invalid(_ operation: String, _ object: String, _ cause: String, remedy: String = "") -> ImageStoreError
    {
        ImageStoreError(.invalidContent, operation: operation, object: object, cause: cause, remedy: remedy)
    }

    static func damaged(_ object: String, _ cause: String) -> ImageStoreError {
        ImageStoreError(
            .damagedStore, operation: "read", object: object, cause: cause, remedy: "remove the image and load it again"
        )
    }

    /// An archive's error, as part of an operation on images.
    init(_ error: ArchiveError, operation: String, object: String) {
        let kind: Kind = error.errno.map { .system($0) } ?? .invalidContent
        let cause = error.object == "the archive" ? error.cause : "\(error.object): \(error.cause)"
        self.init(kind, operation: operation, object: object, cause: cause, remedy: error.remedy)
    }

    /// A name's error keeps its own sentence.
    init(_ error: OCIError) {
        self.init(
            .invalidName, operation: error.operation, object: error.object, cause: error.cause, remedy: error.remedy)
    }
}

/// Runs system calls whose error number becomes a sentence about one operation on one object.
func converting<T: ~Copyable>(
    _ operation: String, _ object: String, _ body: () throws(Errno) -> T
) throws(ImageStoreError) -> T {
    do throws(Errno) { return try body() } catch { throw .system(error, operation, object) }
}
