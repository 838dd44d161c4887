import CommandLine
import ContainerNetwork
import Engine
import JSON
import LinuxKernel

/// One `--filter` of `ps`.
struct ContainerFilter: Sendable, Equatable {
    enum Key: String, Sendable {
        case id, name, label, exited, status, ancestor, before, since, volume, network, publish, expose, health
        case isTask = "is-task"
    }

    var key: Key
    var value: String

    init(parsing text: String) throws(ValueError) {
        guard let (word, value) = ByteText.cut(text, at: "="), let key = Key(rawValue: word.lowercased()) else {
            throw ValueError(
                "invalid filter \(quoted(text)): write one of ancestor, before, exited, expose, health, id, label, name, network, publish, since, status, volume, = and a value"
            )
        }
        self.key = key
        self.value = value
        switch key {
        case .exited: _ = try NumberValue.integer(value)
        case .status:
            guard ["created", "restarting", "running", "removing", "paused", "exited", "dead"].contains(value) else {
                throw ValueError("invalid filter 'status=\(printable(value))'")
            }
        case .health:
            guard ["starting", "healthy", "unhealthy", "none"].contains(value) else {
                throw ValueError("invalid filter 'health=\(printable(value))'")
            }
        case .isTask: _ = try NumberValue.boolean(value)
        default: break
        }
    }

    /// Whether containers that do not run are meant as well.
    var meansAll: Bool { key == .status || key == .exited }

    /// Containers that filters of different keys all let through; of one key any is enough, labels must all be there.
    static func select(
        _ entries: [(record: ContainerRecord, state: ContainerState)], _ filters: [ContainerFilter], _ engine: Engine
    ) throws -> [(record: ContainerRecord, state: ContainerState)] {
        var byKey = [Key: [ContainerFilter]]()
        for filter in filters { byKey[filter.key, default: []].append(filter) }
        var moments = [String: String]()
        for filter in filters where filter.key == .before || filter.key == .since {
            moments[filter.value] = try engine.inspect(filter.value).record.created
        }
        return entries.filter { entry in
            byKey.allSatisfy { key, list in
                key == .label
                    ? list.allSatisfy { $0.holds(entry, engine, moments) }
                    : list.contains { $0.holds(entry, engine, moments) }
            }
        }
    }

    private func holds(
        _ entry: (record: ContainerRecord, state: ContainerState), _ engine: Engine, _ moments: [String: String]
    ) -> Bool {
        let (record, state) = entry
        switch key {
        case .id: return ByteText.begins(record.id, with: value)
        // As Docker's regular expressions: an anchor, or any part.
        case .name: return Self.matches(record.name, value)
        case .label:
            let parts = ByteText.fields(value, by: "=", limit: 2)
            return record.labels[parts[0]].map { parts.count < 2 || $0 == parts[1] } ?? false
        case .exited: return state.status == .exited && Int64(state.exitCode) == (try? NumberValue.integer(value))
        case .status: return state.word == value
        case .ancestor:
            let id = value.utf8.starts(with: "sha256:".utf8) ? value : "sha256:" + value
            if value.utf8.count >= 4, ByteText.begins(record.imageID, with: id) { return true }
            return record.image == value || record.image == value + ":latest" || record.image + ":latest" == value
                || ByteText.cut(record.image, at: ":")?.before == value
        case .before: return moments[value].map { record.created < $0 } ?? false
        case .since: return moments[value].map { record.created > $0 } ?? false
        case .volume:
            return record.mounts.contains { $0.name == value || $0.destination == value || $0.source == value }
        case .network:
            return record.network == value
                || record.attachments.contains { attachment in
                    attachment.network == value
                        || engine.networks.endpoints(of: record.id).contains {
                            $0.network == attachment.network && ByteText.begins($0.networkID, with: value)
                        }
                }
        case .publish, .expose: return Self.names(value, record, published: key == .publish)
        case .health:
            return (engine.health(record, state)?.status.rawValue ?? (record.health == nil ? "none" : "starting"))
                == value
        case .isTask: return (try? NumberValue.boolean(value)) == false
        }
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        var bytes = Array(pattern.utf8)[...]
        let atStart = bytes.first == UInt8(ascii: "^"), atEnd = bytes.last == UInt8(ascii: "$")
        if atStart { bytes.removeFirst() }
        if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
        if atEnd { bytes.removeLast() }
        let wanted = Array(bytes), own = Array(name.utf8)
        if atStart, atEnd { return own == wanted }
        if atStart { return own.starts(with: wanted) }
        if atEnd { return own.suffix(wanted.count) == wanted[...] }
        guard own.count >= wanted.count else { return false }
        return (0...(own.count - wanted.count)).contains { own[$0..<($0 + wanted.count)] == wanted[...] }
    }

    /// `80`, `80/tcp`, `80-90/udp`.
    private static func names(_ value: String, _ record: ContainerRecord, published: Bool) -> Bool {
        let parts = ByteText.fields(value, by: "/", limit: 2)
        let ends = ByteText.fields(parts[0], by: "-", limit: 2).compactMap { UInt16($0) }
        guard let first = ends.first, let last = ends.last, first <= last else { return false }
        return record.ports.contains {
            (first...last).contains($0.containerPort) && (parts.count < 2 || parts[1] == $0.proto)
        }
    }
}
