/// One flag of a command: what the parser accepts, the help shows and the compatibility table lists.
public struct Flag: Sendable {
    /// The long name without dashes.
    public var name: String
    /// The one-letter form, if there is one.
    public var short: Unicode.Scalar?
    /// What values it takes.
    public var kind: FlagKind
    /// A sentence for the help, without a full stop.
    public var help: String
    /// What the help shows as the default; nil when there is none worth showing.
    public var defaultText: String?
    /// How far this engine carries it out.
    public var support: FlagSupport
    /// A further check of each value: the clause that says what is wrong, or nil.
    public var check: (@Sendable (String) throws(ValueError) -> Void)?

    /// A flag that works.
    public init(
        _ name: String, _ short: Unicode.Scalar? = nil, _ kind: FlagKind, _ help: String,
        default defaultText: String? = nil,
        support: FlagSupport = .works, check: (@Sendable (String) throws(ValueError) -> Void)? = nil
    ) {
        self.name = name
        self.short = short
        self.kind = kind
        self.help = help
        self.defaultText = defaultText
        self.support = support
        self.check = check
    }

    /// A flag that is known and refused until the engine does it.
    public static func notYet(
        _ name: String, _ short: Unicode.Scalar? = nil, _ kind: FlagKind, _ help: String,
        default defaultText: String? = nil,
        harmless: [String] = []
    ) -> Flag {
        Flag(name, short, kind, help, default: defaultText, support: .notYet(harmless: harmless))
    }

    /// "-m, --memory" or "--memory", for messages.
    public var title: String { short.map { "-\($0), --\(name)" } ?? "--\(name)" }
}

/// What becomes of a flag that parses.
public enum FlagSupport: Sendable, Equatable {
    /// The engine does it.
    case works
    /// The engine does not do it yet: giving it is an error, except with a value that asks for nothing ("no").
    case notYet(harmless: [String])
    /// It means nothing on this kind of machine (Windows only, content trust): giving it is an error.
    case never(reason: String)
    /// It asks for what is always the case; accepted.
    case always
}

/// The kinds of values.
public enum FlagKind: Sendable, Equatable {
    /// No value, or `=true`/`=false`.
    case boolean
    case string
    case integer
    /// Unsigned with at most this many bits.
    case unsigned(bits: Int)
    /// ``ByteSize``.
    case bytes
    /// ``ByteSize`` or -1.
    case bytesOrUnlimited
    /// ``ProcessorCount``.
    case processors
    /// ``TimeSpan``.
    case duration
    /// May be given many times; each value is kept as it is. The word is what the help calls a value.
    case list(String)
    /// May be given many times, and each value may hold several between commas.
    case commaList
    /// ``ResourceBound``, many times.
    case resourceBounds

    /// The word for a value in the help; empty for none.
    public var valueName: String {
        switch self {
        case .boolean: ""
        case .string: "string"
        case .integer: "int"
        case .unsigned(let bits): bits == 64 ? "uint" : "uint\(bits)"
        case .bytes, .bytesOrUnlimited: "bytes"
        case .processors: "decimal"
        case .duration: "duration"
        case .list(let name): name
        case .commaList: "strings"
        case .resourceBounds: "ulimit"
        }
    }

    /// Whether every value counts, not only the last.
    public var isRepeatable: Bool {
        switch self {
        case .list, .commaList, .resourceBounds: true
        default: false
        }
    }

    func check(_ value: String) throws(ValueError) {
        switch self {
        case .boolean: _ = try NumberValue.boolean(value)
        case .integer: _ = try NumberValue.integer(value)
        case .unsigned(let bits): _ = try NumberValue.unsigned(value, bits: bits)
        case .bytes: _ = try ByteSize.parse(value)
        case .bytesOrUnlimited: _ = try ByteSize.parseOrUnlimited(value)
        case .processors: _ = try ProcessorCount.parse(value)
        case .duration: _ = try TimeSpan.parse(value)
        case .commaList: _ = try CommaFields.parse(value)
        case .resourceBounds: _ = try ResourceBound(parsing: value)
        case .string, .list: break
        }
    }
}
