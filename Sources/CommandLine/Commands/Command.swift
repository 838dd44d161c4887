/// One command, or a group of commands: a table from which parsing, help and documentation are made.
public struct Command: Sendable {
    /// The word on the command line.
    public var name: String
    /// Other words for it at the same place.
    public var aliases: [String]
    /// What it is in the program, wherever in the tree it stands: "container run".
    public var identifier: String
    /// One line, without a full stop.
    public var summary: String
    /// What follows the name in the usage line: "[OPTIONS] IMAGE [COMMAND] [ARG...]".
    public var usage: String
    /// How many operands it takes.
    public var operands: OperandCount
    /// Whether flags may follow operands.
    public var interspersed: Bool
    /// The other full names, without the program's: "container run", "run".
    public var fullNames: [String]
    /// The heading it stands under in the help of the group above.
    public var heading: String
    /// Lines for the end of the help.
    public var examples: [Example]
    /// Its flags, made only when they are looked at: a program has hundreds and needs a dozen.
    public var flags: @Sendable () -> [Flag]
    /// The commands of a group; empty for a command that does something.
    public var subcommands: [Command]
    /// For programs, not for people: help and documents do not show it.
    public var isHidden = false
    /// For a command of Docker's that this program does not have: the sentence that says what works instead. Whatever
    /// words follow, it is all there is to say.
    public var refusal: String?

    /// A command and what it shows.
    public struct Example: Sendable {
        public var text: String
        public var meaning: String

        public init(_ text: String, _ meaning: String) {
            self.text = text
            self.meaning = meaning
        }
    }

    /// A command that does something.
    public init(
        _ name: String, aliases: [String] = [], identifier: String, summary: String, usage: String,
        operands: OperandCount, interspersed: Bool = true, fullNames: [String] = [], heading: String = "Commands",
        examples: [Example] = [], flags: @escaping @Sendable () -> [Flag] = { [] }
    ) {
        self.name = name
        self.aliases = aliases
        self.identifier = identifier
        self.summary = summary
        self.usage = usage
        self.operands = operands
        self.interspersed = interspersed
        self.fullNames = fullNames
        self.heading = heading
        self.examples = examples
        self.flags = flags
        subcommands = []
    }

    /// A group of commands. The program itself is one; its flags stand before the command.
    public init(
        group name: String, summary: String, heading: String = "Management Commands", usage: String = "COMMAND",
        flags: @escaping @Sendable () -> [Flag] = { [] }, subcommands: [Command]
    ) {
        self.name = name
        aliases = []
        identifier = name
        self.summary = summary
        self.usage = usage
        operands = .any
        interspersed = false
        fullNames = []
        self.heading = heading
        examples = []
        self.flags = flags
        self.subcommands = subcommands
    }

    /// A command of Docker's that is refused.
    public init(refused name: String, aliases: [String] = [], summary: String, _ refusal: String) {
        self.init(
            name, aliases: aliases, identifier: "refused \(name)", summary: summary, usage: "", operands: .any,
            heading: "Not in Berth")
        self.refusal = refusal
    }

    /// The same command, not shown to people.
    public func hidden() -> Command {
        var copy = self
        copy.isHidden = true
        return copy
    }

    /// The same command under another name or at another place.
    public func named(_ name: String, aliases: [String] = [], heading: String = "Commands") -> Command {
        var copy = self
        copy.name = name
        copy.aliases = aliases
        copy.heading = heading
        return copy
    }
}

/// How many operands a command takes.
public enum OperandCount: Sendable, Equatable {
    case any
    case none
    case exactly(Int)
    case atLeast(Int)
    case atMost(Int)
    case between(Int, Int)

    /// What is wrong with a number of operands, as a clause; nil when nothing is.
    func complaint(_ count: Int) -> String? {
        func arguments(_ number: Int) -> String { number == 1 ? "1 argument" : "\(number) arguments" }
        switch self {
        case .any: return nil
        case .none: return count == 0 ? nil : "accepts no arguments"
        case .exactly(let wanted): return count == wanted ? nil : "requires \(arguments(wanted))"
        case .atLeast(let least): return count >= least ? nil : "requires at least \(arguments(least))"
        case .atMost(let most): return count <= most ? nil : "requires at most \(arguments(most))"
        case .between(let least, let most):
            return (least...most).contains(count) ? nil : "requires at least \(least) and at most \(arguments(most))"
        }
    }
}
