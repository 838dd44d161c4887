/// The values a command line gave, by flag name. All of them have been checked against their flags.
public struct FlagValues: Sendable {
    private var values: [String: [String]] = [:]

    /// No flags.
    public init() {}

    mutating func add(_ value: String, to flag: Flag) {
        if flag.kind.isRepeatable {
            values[flag.name, default: []].append(value)
        } else {
            values[flag.name] = [value]
        }
    }

    /// Whether the flag was given at all.
    public func isGiven(_ name: String) -> Bool { values[name] != nil }

    /// The (last) value as it was written; nil when not given.
    public func string(_ name: String) -> String? { values[name]?.last }

    /// A boolean flag; false, or `fallback`, when not given.
    public func flag(_ name: String, default fallback: Bool = false) -> Bool {
        guard let text = string(name) else { return fallback }
        return (try? NumberValue.boolean(text)) ?? fallback
    }

    /// A whole number.
    public func integer(_ name: String) -> Int64? { string(name).flatMap { try? NumberValue.integer($0) } }

    /// Bytes; -1 for an unlimited amount where the flag allows that.
    public func bytes(_ name: String) -> Int64? { string(name).flatMap { try? ByteSize.parseOrUnlimited($0) } }

    /// Billionths of a processor.
    public func nanoProcessors(_ name: String) -> Int64? { string(name).flatMap { try? ProcessorCount.parse($0) } }

    /// Nanoseconds.
    public func nanoseconds(_ name: String) -> Int64? { string(name).flatMap { try? TimeSpan.parse($0) } }

    /// All values of a repeatable flag, in order.
    public func list(_ name: String) -> [String] { values[name] ?? [] }

    /// All values of a comma-separated flag, in order.
    public func commaList(_ name: String) -> [String] { list(name).flatMap { (try? CommaFields.parse($0)) ?? [] } }

    /// All limits of a ulimit flag; a later one of the same name replaces an earlier one.
    public func resourceBounds(_ name: String) -> [ResourceBound] {
        var result: [ResourceBound] = []
        for text in list(name) {
            guard let bound = try? ResourceBound(parsing: text) else { continue }
            result.removeAll { $0.name == bound.name }
            result.append(bound)
        }
        return result
    }
}
