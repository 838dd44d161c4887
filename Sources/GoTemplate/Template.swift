import JSON

/// A template in the language of Go's `text/template` (pkg.go.dev/text/template) with the functions that Docker's
/// `--format` adds to it. It is somebody's option and works on somebody else's names and labels: reading and carrying out
/// take bounded time and memory whatever both hold, and control characters of values never reach a terminal.
public struct Template: Sendable {
    /// A field that is computed, and may be given arguments: `{{.Label "version"}}`.
    public typealias Method = @Sendable ([JSONValue]) throws(TemplateError) -> JSONValue

    private let nodes: [Node]

    /// Reads a template.
    ///
    /// - Throws: ``TemplateError`` in Go's words.
    public init(parsing text: String) throws(TemplateError) { nodes = try TemplateParser.parse(text) }

    /// The text the template makes of a value.
    ///
    /// - Parameters:
    ///   - data: the root value, `.`.
    ///   - methods: further fields of the root.
    ///   - usesHeadings: the values are headings: functions that would change them leave them alone, as Docker does.
    /// - Throws: ``TemplateError``: a field that is not there, a function that got what it cannot work on.
    public func text(
        for data: JSONValue, methods: [String: Method] = [:], usesHeadings: Bool = false
    ) throws(TemplateError) -> String {
        var execution = Execution(root: data, methods: methods, usesHeadings: usesHeadings)
        _ = try execution.run(nodes, dot: data)
        return execution.output
    }
}
