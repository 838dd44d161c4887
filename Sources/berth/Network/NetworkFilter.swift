import CommandLine
import ContainerNetwork
import Engine
import LinuxKernel

/// One `--filter` of `network ls` or `network prune`.
struct NetworkFilter: Sendable, Equatable {
    enum Key: String, Sendable { case driver, id, label, name, scope, type, until, dangling, notLabel = "label!" }

    var key: Key
    var value: String

    static let check: @Sendable (String) throws(ValueError) -> Void = { text throws(ValueError) in
        let filter = try NetworkFilter(parsing: text)
        guard filter.key != .until, filter.key != .notLabel else {
            throw ValueError("invalid filter '\(printable(filter.key.rawValue))'")
        }
    }

    static let checkPrune: @Sendable (String) throws(ValueError) -> Void = { text throws(ValueError) in
        let filter = try NetworkFilter(parsing: text)
        guard [.label, .notLabel, .until].contains(filter.key) else {
            throw ValueError("invalid filter '\(filter.key.rawValue)'")
        }
    }

    static func read(_ texts: [String]) throws(ValueError) -> [NetworkFilter] {
        var result = [NetworkFilter]()
        for text in texts { result.append(try NetworkFilter(parsing: text)) }
        return result
    }

    init(parsing text: String) throws(ValueError) {
        guard let (word, value) = ByteText.cut(text, at: "="), let key = Key(rawValue: word.lowercased()) else {
            throw ValueError(
                "invalid filter \(quoted(text)): write one of driver, id, label, name, scope, type, until, dangling, = and a value"
            )
        }
        self.key = key
        self.value = value
        if key == .until, WallClock.parse(value) == nil, (try? TimeSpan.parse(value)) == nil {
            throw ValueError("invalid filter \(quoted(text)): until is a time span such as 24h, or a time")
        }
        if key == .type, value != "custom", value != "builtin" {
            throw ValueError("invalid filter: 'type'='\(printable(value))'")
        }
        if key == .dangling, (try? NumberValue.boolean(value)) == nil {
            throw ValueError("invalid filter 'dangling=\(printable(value))'")
        }
    }

    /// Whether an entry passes all filters: those of different keys must all hold, of one key any.
    static func passes(_ entry: NetworkEntry, _ filters: [NetworkFilter], isUsed: (String) -> Bool, now: Int64) -> Bool
    {
        var byKey = [Key: [NetworkFilter]]()
        for filter in filters { byKey[filter.key, default: []].append(filter) }
        return byKey.allSatisfy { key, list in
            // Labels must all be there.
            key == .label || key == .notLabel
                ? list.allSatisfy { $0.holds(entry, isUsed, now) } : list.contains { $0.holds(entry, isUsed, now) }
        }
    }

    private func holds(_ entry: NetworkEntry, _ isUsed: (String) -> Bool, _ now: Int64) -> Bool {
        switch key {
        case .driver: return entry.driver == value
        case .id: return ByteText.begins(entry.id, with: value)
        case .name: return entry.name.contains(value)
        case .scope: return value == "local"
        case .type: return (value == "builtin") == NetworkEngine.reservedNames.contains(entry.name)
        case .label, .notLabel:
            let labels = entry.record?.labels ?? [:]
            let parts = ByteText.fields(value, by: "=", limit: 2)
            let has = labels[parts[0]].map { parts.count < 2 || $0 == parts[1] } ?? false
            return has == (key == .label)
        case .dangling:
            return (try? NumberValue.boolean(value))
                == (!isUsed(entry.name) && !NetworkEngine.reservedNames.contains(entry.name))
        case .until:
            guard let created = entry.record.flatMap({ WallClock.parse($0.created) }) else { return false }
            if let limit = WallClock.parse(value) { return created.seconds < limit.seconds }
            guard let span = try? TimeSpan.parse(value) else { return false }
            return created.seconds < now - span / 1_000_000_000
        }
    }
}
