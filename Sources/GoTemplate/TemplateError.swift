/// Why a template cannot be read or carried out.
public struct TemplateError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong, in the words of Go's `text/template` where it has some.
    public var cause: String
    /// The offending piece of the template; empty where there is none.
    public var piece: String

    /// An error about a piece of a template.
    public init(_ cause: String, at piece: String = "") {
        self.cause = cause
        self.piece = String(piece.unicodeScalars.prefix(80).map { $0.value < 32 ? " " : Character($0) })
    }

    /// The text form, as Docker begins it.
    public var description: String {
        "template parsing error: \(piece.isEmpty ? "" : "at <\(piece)>: ")\(cause)"
    }
}
