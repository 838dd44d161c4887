/// Why a text is not the JSON that was expected.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where in the document, from the outermost member inwards (`linux.resources.memory.limit`); empty at the top.
    public var path: [String]
    /// What is wrong there.
    public var problem: String

    /// An error at a place in a document.
    public init(path: [String] = [], problem: String) {
        self.path = path
        self.problem = problem
    }

    public var description: String { path.isEmpty ? problem : "\(path.joined(separator: ".")): \(problem)" }

    /// The same error seen from one level further out.
    public func inside(_ key: String) -> JSONError { JSONError(path: [key] + path, problem: problem) }
}
