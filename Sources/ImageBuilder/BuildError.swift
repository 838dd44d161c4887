import LinuxKernel

/// Why an image could not be built.
public struct BuildError: Error, Sendable, CustomStringConvertible {
    /// What was being done: `read`, `copy`.
    public var operation: String
    /// On what.
    public var object: String
    /// Why it failed, as a clause.
    public var cause: String
    /// What would be right; empty where the cause says it.
    public var remedy: String
    /// The place in the Dockerfile; nil when no line of it is to blame.
    public var place: SourceRange?
    /// The exit status of the program that failed, where one did.
    public var exitCode: Int32?

    /// An error of its parts; text from outside goes through ``quote(_:)`` first.
    public init(
        operation: String = "", object: String = "", cause: String, remedy: String = "", place: SourceRange? = nil
    ) {
        self.operation = operation
        self.object = object
        self.cause = cause
        self.remedy = remedy
        self.place = place
    }

    /// An error in a Dockerfile: the parser's form.
    static func syntax(_ cause: String, remedy: String = "", at place: SourceRange) -> BuildError {
        BuildError(cause: cause, remedy: remedy, place: place)
    }

    static func system(_ errno: Errno, _ operation: String, _ object: String) -> BuildError {
        BuildError(
            operation: operation, object: object, cause: "\(errno)",
            remedy: errno == .noSpace ? "free some space and try again" : "")
    }

    /// The same error, blamed on a place unless it knows a better one.
    func placed(at range: SourceRange) -> BuildError {
        var copy = self
        if copy.place == nil { copy.place = range }
        return copy
    }

    /// The text form: one sentence.
    public var description: String {
        let what = operation.isEmpty ? "" : object.isEmpty ? "cannot \(operation): " : "cannot \(operation) \(object): "
        let tail = remedy.isEmpty ? "" : "; \(remedy)"
        return "\(what)\(cause)\(tail)"
    }

    /// The sentence, and the lines of the file with a caret where it has a place.
    public func report(in file: SourceFile) -> String {
        guard let place else { return description }
        return "\(file.excerpt(place))\n\(file.name):\(place.firstLine): \(description)"
    }
}

/// Runs system calls whose error number becomes a sentence about one operation on one object.
func converting<T: ~Copyable>(
    _ operation: String, _ object: String, _ body: () throws(Errno) -> T
) throws(BuildError) -> T {
    do throws(Errno) { return try body() } catch { throw .system(error, operation, object) }
}

/// Foreign text for a message: in quotes, control characters as escapes, cut after 100 characters.
public func quote(_ text: some StringProtocol) -> String {
    var result = "\""
    var count = 0
    for scalar in text.unicodeScalars {
        count += 1
        if count > 100 {
            result += "…"
            break
        }
        result += scalar == "\"" ? "\\\"" : harmless(scalar)
    }
    return result + "\""
}

/// Text for a terminal: what could move the cursor, change colours or turn the writing direction becomes an escape.
public func harmless(_ text: some StringProtocol) -> String {
    if text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) { return String(text) }
    return text.unicodeScalars.map { harmless($0) }.joined()
}

private func harmless(_ scalar: Unicode.Scalar) -> String {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        scalar == "\t" ? "\t" : "\\u{" + String(scalar.value, radix: 16) + "}"
    default: String(scalar)
    }
}
