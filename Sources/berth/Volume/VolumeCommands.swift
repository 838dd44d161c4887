import CommandLine
import Engine

/// What a `volume` command was asked for.
enum VolumeRequest: Sendable {
    case create(name: String?, labels: [String: String])
    case list(quiet: Bool, format: String, [VolumeFilter])
    case inspect([String], format: String)
    case remove([String], force: Bool)
    case prune(force: Bool, all: Bool, [VolumeFilter])
    case `import`(source: String, name: String)
}

/// One `--filter` of `volume ls` or `volume prune`.
struct VolumeFilter: Sendable, Equatable {
    enum Key: String, Sendable { case dangling, driver, label, name, notLabel = "label!", all }
    var key: Key
    var value: String

    init(parsing text: String, for keys: [Key]) throws(ValueError) {
        guard let (word, value) = ByteText.cut(text, at: "="), let key = Key(rawValue: word.lowercased()),
            keys.contains(key)
        else {
            throw ValueError(
                "invalid filter \(quoted(text)): write one of \(keys.map(\.rawValue).joined(separator: ", ")), = and a value"
            )
        }
        if key == .dangling || key == .all { _ = try NumberValue.boolean(value) }
        self.key = key
        self.value = value
    }

    static let ofList: [Key] = [.dangling, .driver, .label, .name]
    static let ofPrune: [Key] = [.all, .label, .notLabel]

    /// Filters of different keys must all hold, of one key any; labels must all be there.
    static func passes(_ record: VolumeRecord, _ filters: [VolumeFilter], isUsed: Bool) -> Bool {
        var byKey = [Key: [VolumeFilter]]()
        for filter in filters { byKey[filter.key, default: []].append(filter) }
        return byKey.allSatisfy { key, list in
            key == .label || key == .notLabel
                ? list.allSatisfy { $0.holds(record, isUsed) } : list.contains { $0.holds(record, isUsed) }
        }
    }

    private func holds(_ record: VolumeRecord, _ isUsed: Bool) -> Bool {
        switch key {
        case .dangling: return (try? NumberValue.boolean(value)) == !isUsed
        case .driver: return value == "local"
        case .name: return record.name.contains(value)
        case .all: return true
        case .label, .notLabel:
            let parts = ByteText.fields(value, by: "=", limit: 2)
            let has = record.labels[parts[0]].map { parts.count < 2 || $0 == parts[1] } ?? false
            return has == (key == .label)
        }
    }
}

/// `berth volume …`.
enum VolumeCommands {
    static let group = Command(
        group: "volume", summary: "Manage volumes",
        subcommands: [create, imported, inspect, list, prune, remove, update])

    private static let swarm = FlagSupport.never(
        reason: "cluster volumes belong to Swarm, and Berth is one host's engine")

    private static let create = Command(
        "create", identifier: "volume create", summary: "Create a volume", usage: "[OPTIONS] [VOLUME]",
        operands: .atMost(1),
        flags: {
            [
                Flag("availability", nil, .string, "Cluster Volume availability", support: swarm),
                .notYet("driver", "d", .string, "Specify volume driver name", default: "local"),
                Flag("group", nil, .string, "Cluster Volume group", support: swarm),
                Flag("label", nil, .list("list"), "Set metadata for a volume", check: EnvironmentText.checkLabel),
                Flag("limit-bytes", nil, .bytes, "Minimum size of the Cluster Volume in bytes", support: swarm),
                .notYet("opt", "o", .list("map"), "Set driver specific options"),
                Flag("required-bytes", nil, .bytes, "Maximum size of the Cluster Volume in bytes", support: swarm),
                Flag("scope", nil, .string, "Cluster Volume access scope", support: swarm),
                Flag("secret", nil, .list("map"), "Cluster Volume secrets", support: swarm),
                Flag("sharing", nil, .string, "Cluster Volume access sharing", support: swarm),
                Flag(
                    "topology-preferred", nil, .list("list"),
                    "A topology that the Cluster Volume would be preferred in", support: swarm),
                Flag(
                    "topology-required", nil, .list("list"),
                    "A topology that the Cluster Volume must be accessible from", support: swarm),
                Flag("type", nil, .string, "Cluster Volume access type", support: swarm),
            ]
        })

    private static let update = Command(
        "update", identifier: "volume update", summary: "Update a volume (cluster volumes only)",
        usage: "[OPTIONS] [VOLUME]", operands: .atMost(1),
        flags: { [Flag("availability", nil, .string, "Cluster Volume availability", support: swarm)] })

    private static let imported = Command(
        "import", identifier: "volume import", summary: "Copy another engine's volume",
        usage: "[OPTIONS] docker:NAME|podman:NAME|DIRECTORY [VOLUME]", operands: .between(1, 2),
        examples: [.init("berth volume import docker:pgdata", "Docker's volume pgdata, with owners and times")])

    private static let inspect = Command(
        "inspect", identifier: "volume inspect", summary: "Display detailed information on one or more volumes",
        usage: "[OPTIONS] VOLUME [VOLUME...]", operands: .atLeast(1),
        flags: { [Flag("format", "f", .string, "Format output using a Go template, or \"json\"")] })

    private static let list = Command(
        "ls", aliases: ["list"], identifier: "volume ls", summary: "List volumes", usage: "[OPTIONS]", operands: .none,
        flags: {
            [
                Flag("cluster", nil, .boolean, "Display only cluster volumes", support: swarm),
                Flag(
                    "filter", "f", .list("filter"), "Provide filter values (e.g. \"dangling=true\")",
                    check: { value throws(ValueError) in _ = try VolumeFilter(parsing: value, for: VolumeFilter.ofList)
                    }),
                CommonFlags.format,
                Flag("quiet", "q", .boolean, "Only display volume names"),
            ]
        })

    private static let prune = Command(
        "prune", identifier: "volume prune", summary: "Remove unused local volumes", usage: "[OPTIONS]",
        operands: .none,
        flags: {
            [
                Flag("all", "a", .boolean, "Remove all unused volumes, not just anonymous ones"),
                Flag(
                    "filter", nil, .list("filter"), "Provide filter values (e.g. \"label=<label>\")",
                    check: { value throws(ValueError) in _ = try VolumeFilter(parsing: value, for: VolumeFilter.ofPrune)
                    }),
                Flag("force", "f", .boolean, "Do not prompt for confirmation"),
            ]
        })

    private static let remove = Command(
        "rm", aliases: ["remove"], identifier: "volume rm", summary: "Remove one or more volumes",
        usage: "[OPTIONS] VOLUME [VOLUME...]", operands: .atLeast(1),
        flags: { [Flag("force", "f", .boolean, "Force the removal of one or more volumes")] })

    static func request(_ invocation: Invocation) throws(UsageError) -> VolumeRequest {
        let flags = invocation.flags
        func filters(_ keys: [VolumeFilter.Key]) -> [VolumeFilter] {
            flags.list("filter").compactMap { try? VolumeFilter(parsing: $0, for: keys) }
        }
        switch invocation.command.identifier {
        case "volume create":
            var labels = [String: String]()
            for text in flags.list("label") {
                let parts = ByteText.fields(text, by: "=", limit: 2)
                labels[parts[0]] = parts.count == 2 ? parts[1] : ""
            }
            return .create(name: invocation.operands.first, labels: labels)
        case "volume ls":
            return .list(
                quiet: flags.flag("quiet"), format: flags.string("format") ?? "", filters(VolumeFilter.ofList))
        case "volume inspect": return .inspect(invocation.operands, format: flags.string("format") ?? "")
        case "volume rm": return .remove(invocation.operands, force: flags.flag("force"))
        case "volume import":
            return .import(
                source: invocation.operands[0], name: invocation.operands.count > 1 ? invocation.operands[1] : "")
        case "volume prune":
            let filters = filters(VolumeFilter.ofPrune)
            let all = filters.contains { $0.key == .all && (try? NumberValue.boolean($0.value)) == true }
            return .prune(force: flags.flag("force"), all: flags.flag("all") || all, filters.filter { $0.key != .all })
        default:
            throw UsageError(
                "\(invocation.path.joined(separator: " ")): cluster volumes belong to Swarm, and Berth is one host's engine",
                command: invocation.path.joined(separator: " "), status: 1)
        }
    }
}
