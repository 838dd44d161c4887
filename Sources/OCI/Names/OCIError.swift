/// Why a name (digest, reference, platform) or a document of the OCI image format is refused.
public struct OCIError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was being done: `read the image reference`.
    public var operation: String
    /// On what: the text as it was given, shortened and with control characters escaped.
    public var object: String
    /// Why it failed.
    public var cause: String
    /// What to do about it; empty where the cause says it.
    public var remedy: String

    /// An error about an object somebody else wrote: it is made printable here.
    public init(operation: String, object: String, cause: String, remedy: String = "") {
        self.operation = operation
        self.object = printable(object)
        self.cause = cause
        self.remedy = remedy
    }

    /// The text form.
    public var description: String {
        "cannot \(operation) \(object.isEmpty ? "" : "\(object): ")\(cause)\(remedy.isEmpty ? "" : "; \(remedy)")"
    }
}

/// Text that somebody else wrote, safe to show on a terminal: control characters and bidirectional overrides as
/// `\u{…}`, at most `limit` characters.
public func printable(_ text: String, limit: Int = 256) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        if count == limit { return result + "…" }
        count += 1
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
