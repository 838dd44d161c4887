/// A command line that was understood.
public struct Invocation: Sendable {
    /// The command.
    public var command: Command
    /// Its words, the program's name first: ["berth", "container", "run"].
    public var path: [String]
    /// Flags of the program itself, which stand before the command.
    public var globals: FlagValues
    /// Flags of the command.
    public var flags: FlagValues
    /// What is not a flag.
    public var operands: [String]
    /// Where each operand stands among the words given (without the program's name): whoever needs bytes that are not
    /// UTF-8 finds them there.
    public var operandPlaces: [Int]
    /// How many operands stand before `--`; nil when there is no `--`.
    public var operandsBeforeDashes: Int?
}

/// What to do with a command line.
public enum CommandLineOutcome: Sendable {
    /// Do it.
    case run(Invocation)
    /// Print this on standard output and end with status 0.
    case help(String)
    /// Print this on standard error and end with its status.
    case failure(UsageError)
}

/// A command line that was not understood.
public struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong: one sentence.
    public var message: String
    /// The usage line to remind of; nil for none.
    public var usage: String?
    /// The command whose help says more: "berth run".
    public var command: String
    /// The exit status: 125 for a flag that cannot be read, 1 for a wrong command or number of operands (Docker 28).
    public var status: Int32
    /// The sentence says it all: no help adds to it.
    public var isFinal: Bool

    /// An error, also for a command that finds its options contradict each other.
    public init(_ message: String, usage: String? = nil, command: String, status: Int32 = 125, isFinal: Bool = false) {
        self.isFinal = isFinal
        self.message = message
        self.usage = usage
        self.command = command
        self.status = status
    }

    /// Everything to print, with a newline at its end.
    public var description: String {
        isFinal ? message + "\n" : message + "\n\n" + (usage.map { "Usage:  \($0)\n\n" } ?? "") + "Run '\(command) --help' for more information\n"
    }
}
