import CommandLine
import ContainerNetwork
import Engine
import ImageBuilder
import ImageStore
import LinuxKernel
import OCI

/// What `container prune` and `system prune` were asked for.
struct PruneOptions: Sendable {
    var force = false
    /// All unused images, not only those without a name.
    var all = false
    var volumes = false
    var until: TimeReference?
    var labels: [String] = []
    var absentLabels: [String] = []

    /// Whether labels and age let something through.
    func takes(labels present: [String: String], created: String) -> Bool {
        if let until, let moment = WallClock.parse(created) {
            let limit = until.resolved(now: (WallClock.seconds(), 0))
            guard (moment.seconds, moment.nanoseconds) < limit else { return false }
        }
        return labels.allSatisfy { Self.has($0, present) } && !absentLabels.contains { Self.has($0, present) }
    }

    private static func has(_ text: String, _ labels: [String: String]) -> Bool {
        let parts = ByteText.fields(text, by: "=", limit: 2)
        return labels[parts[0]].map { parts.count < 2 || $0 == parts[1] } ?? false
    }
}

/// `berth container prune`.
enum ContainerPruneCommand {
    static let command = Command(
        "prune", identifier: "container prune", summary: "Remove all stopped containers", usage: "[OPTIONS]",
        operands: .none,
        flags: {
            [
                Flag("filter", nil, .list("filter"), "Provide filter values (e.g. \"until=<timestamp>\")"),
                Flag("force", "f", .boolean, "Do not prompt for confirmation"),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> PruneOptions {
        var options = PruneOptions()
        options.force = invocation.flags.flag("force")
        options.all = invocation.flags.flag("all")
        options.volumes = invocation.flags.flag("volumes")
        for text in invocation.flags.list("filter") {
            let filter = try ListFilter(parsing: text, invocation)
            switch filter.key {
            case "until":
                do throws(ValueError) { options.until = try TimeReference(parsing: filter.value) } catch {
                    throw filter.refused("\(error)", invocation)
                }
            case "label": options.labels.append(filter.value)
            case "label!": options.absentLabels.append(filter.value)
            default: throw filter.refused("only until, label and label! are known", invocation)
            }
        }
        if options.volumes, options.until != nil {
            throw UsageError(
                "\(invocation.path[0]): the \"until\" filter is not supported with --volumes",
                command: invocation.path.joined(separator: " "), status: 1)
        }
        return options
    }
}

/// `berth system prune`.
enum SystemPruneCommand {
    static let command = Command(
        "prune", identifier: "system prune", summary: "Remove unused data", usage: "[OPTIONS]", operands: .none,
        flags: {
            [
                Flag("all", "a", .boolean, "Remove all unused images not just dangling ones"),
                Flag("filter", nil, .list("filter"), "Provide filter values (e.g. \"label=<key>=<value>\")"),
                Flag("force", "f", .boolean, "Do not prompt for confirmation"),
                Flag("volumes", nil, .boolean, "Prune anonymous volumes"),
            ]
        })
}

extension ProgramExecution {
    /// `container prune`.
    func pruneContainers(_ options: PruneOptions) throws -> Int32 {
        guard options.force || confirmed("WARNING! This will remove all stopped containers.") else { return 0 }
        let (ids, bytes) = try engine.pruneContainers { options.takes(labels: $0.labels, created: $0.created) }
        report(pruned: "Deleted Containers:", ids, bytes)
        return 0
    }

    /// `system prune`: containers, networks, volumes if asked, images, the build cache, in the order in which they free one
    /// another.
    func pruneSystem(_ options: PruneOptions) throws -> Int32 {
        if !options.force {
            var parts = ["all stopped containers", "all networks not used by at least one container"]
            if options.volumes { parts.append("all anonymous volumes not used by at least one container") }
            parts.append(
                options.all ? "all images without at least one container associated to them" : "all dangling images")
            parts.append(options.all ? "all build cache" : "unused build cache")
            let text = "WARNING! This will remove:\n" + parts.map { "  - \($0)\n" }.joined()
            guard confirmed(text) else { return 0 }
        }
        let containers = try engine.pruneContainers { options.takes(labels: $0.labels, created: $0.created) }
        var bytes = containers.bytes
        func say(_ heading: String, _ names: [String]) {
            if !names.isEmpty { writeText("\(heading)\n" + names.map { "\($0)\n" }.joined() + "\n", to: 1) }
        }
        say("Deleted Containers:", containers.ids)
        say("Deleted Networks:", try engine.pruneNetworks { options.takes(labels: $0.labels, created: $0.created) })
        if options.volumes {
            let gone = try engine.pruneVolumes {
                $0.isAnonymous && options.takes(labels: $0.labels, created: $0.created)
            }
            say("Deleted Volumes:", gone.names)
            bytes += gone.bytes
        }
        var filter = PruneFilter()
        filter.all = options.all
        filter.labels = options.labels
        filter.absentLabels = options.absentLabels
        if let until = options.until?.resolved(now: (WallClock.seconds(), 0)) {
            filter.until = Timestamp(seconds: until.seconds, nanoseconds: Int32(until.nanoseconds))
        }
        let images = try engine.pruneImages(filter)
        say("Deleted Images:", images.events.map { "\($0)" })
        bytes += images.bytes
        if options.labels.isEmpty, options.absentLabels.isEmpty {
            let cache = try BuildCache(path: engine.buildCachePath, store: engine.images)
            let removed = try cache.prune(
                before: options.until?.resolved(now: (WallClock.seconds(), 0)).seconds)
            say("Deleted build cache objects:", removed.map { String($0.record.key.prefix(12)) })
            bytes += removed.reduce(0) { $0 + $1.record.size }
        }
        writeText("Total reclaimed space: \(ByteSize.decimalText(bytes))\n", to: 1)
        return 0
    }
}
