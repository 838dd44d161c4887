import CommandLine
import Engine
import GoTemplate
import JSON
import LinuxKernel

/// What `events` was asked for.
struct EventsOptions: Sendable {
    var filters: [EventFilter] = []
    var format = ""
    var since: TimeReference?
    var until: TimeReference?
}

/// One `--filter` of `events`.
struct EventFilter: Sendable, Equatable {
    enum Key: String, Sendable { case container, event, image, label, network, type, volume, scope, daemon }
    var key: Key
    var value: String

    init(parsing text: String) throws(ValueError) {
        guard let (word, value) = ByteText.cut(text, at: "="), let key = Key(rawValue: word.lowercased()) else {
            throw ValueError(
                "invalid filter \(quoted(text)): write container, event, image, label, network, type, volume, daemon or scope, = and a value"
            )
        }
        self.key = key
        self.value = value
    }

    /// Filters of different keys must all hold, of one key any.
    static func passes(_ event: EngineEvent, _ filters: [EventFilter]) -> Bool {
        var byKey = [Key: [EventFilter]]()
        for filter in filters { byKey[filter.key, default: []].append(filter) }
        return byKey.allSatisfy { key, list in
            key == .label ? list.allSatisfy { $0.holds(event) } : list.contains { $0.holds(event) }
        }
    }

    private func holds(_ event: EngineEvent) -> Bool {
        func names(_ type: String) -> Bool {
            event.type == type
                && (event.attributes["name"] == value || event.actor == value
                    || value.utf8.count >= 4 && ByteText.begins(event.actor, with: value))
        }
        switch key {
        case .container:
            return names("container") || event.attributes["container"].map { ByteText.begins($0, with: value) } == true
        case .image: return names("image") || event.attributes["image"] == value
        case .network: return names("network")
        case .volume: return names("volume")
        case .type: return event.type == value
        case .scope: return value == "local"
        case .daemon: return true
        case .event:
            // `health_status` stands for each of its values.
            return event.action == value || ByteText.begins(event.action, with: value + ":")
        case .label:
            let parts = ByteText.fields(value, by: "=", limit: 2)
            return event.attributes[parts[0]].map { parts.count < 2 || $0 == parts[1] } ?? false
        }
    }
}

/// `berth events`.
enum EventsCommand {
    static let command = Command(
        "events", identifier: "system events", summary: "Get real time events from the engine", usage: "[OPTIONS]",
        operands: .none, fullNames: ["system events", "events"],
        examples: [
            .init("berth events --filter event=die", "each container's end, as it comes"),
            .init("berth events --since 1h --until 0s", "the last hour, and no waiting"),
        ],
        flags: {
            let time: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
                if !value.isEmpty { _ = try TimeReference(parsing: value) }
            }
            return [
                Flag(
                    "filter", "f", .list("filter"), "Filter output based on conditions provided",
                    check: { value throws(ValueError) in _ = try EventFilter(parsing: value) }),
                CommonFlags.format,
                Flag("since", nil, .string, "Show all events created since timestamp", check: time),
                Flag("until", nil, .string, "Stream events until this timestamp", check: time),
            ]
        })

    static func options(_ invocation: Invocation) -> EventsOptions {
        let flags = invocation.flags
        var options = EventsOptions()
        options.filters = flags.list("filter").compactMap { try? EventFilter(parsing: $0) }
        options.format = flags.string("format") ?? ""
        options.since = flags.string("since").flatMap { try? TimeReference(parsing: $0) }
        options.until = flags.string("until").flatMap { try? TimeReference(parsing: $0) }
        return options
    }
}

extension ProgramExecution {
    /// `events`.
    func events(_ options: EventsOptions) throws {
        let now = (seconds: WallClock.seconds(), nanoseconds: Int64(0))
        let since = options.since?.resolved(now: now)
        // "0s" means: until this very moment.
        let until = options.until?.resolved(now: now)
        let template: Template? =
            options.format.isEmpty || options.format == "json" ? nil : try Template(parsing: options.format)
        var failure: (any Error)?
        try engine.events.read(
            past: since != nil || until != nil,
            until: {
                guard let until else { return nil }
                return (until.seconds - WallClock.seconds()) * 1000
            }
        ) { event in
            if let since, (event.seconds, event.nanoseconds) < since { return true }
            if let until, until.seconds > now.seconds, (event.seconds, event.nanoseconds) > until { return false }
            guard EventFilter.passes(event, options.filters) else { return true }
            do {
                let line =
                    if let template { try template.text(for: event.json) } else if options.format == "json" {
                        event.json.text()
                    } else { Self.line(event) }
                return writeBytes(Array((line + "\n").utf8), to: 1)
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    /// As Docker prints it: `TIME TYPE ACTION ID (key=value, …)`.
    private static func line(_ event: EngineEvent) -> String {
        let attributes = event.attributes.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        let time = WallClock.text(seconds: event.seconds, nanoseconds: event.nanoseconds)
        return printable(
            "\(time) \(event.type) \(event.action) \(event.actor) (\(attributes))")
    }
}
