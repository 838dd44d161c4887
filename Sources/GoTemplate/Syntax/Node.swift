import JSON

/// A part of a template.
indirect enum Node: Sendable {
    case text(String)
    /// A pipeline whose value is printed, unless it only sets a variable.
    case action(Pipeline)
    case condition(Pipeline, then: [Node], otherwise: [Node])
    case loop(Pipeline, body: [Node], otherwise: [Node])
    case with(Pipeline, body: [Node], otherwise: [Node])
    case breakLoop
    case continueLoop
}

/// Commands joined by `|`: each gets the value of the one before as its last argument.
struct Pipeline: Sendable {
    /// Variables that are set: `$x`, or `$index, $element` of a `range`.
    var variables: [String] = []
    /// `:=` makes new variables, `=` changes those that are there.
    var declares = false
    var commands: [Command] = []

    /// A function or a value, and what it is given.
    struct Command: Sendable {
        var operands: [Operand]
        /// As written, for messages.
        var source: String
    }
}

/// Something with a value.
indirect enum Operand: Sendable {
    case literal(JSONValue)
    /// The present value: `.`.
    case dot
    /// `.A.B` of the present value.
    case fields([String])
    /// `$x.A.B`; the root without a name.
    case variable(String, [String])
    case function(String)
    /// `(pipeline).A.B`.
    case group(Pipeline, [String])
}
