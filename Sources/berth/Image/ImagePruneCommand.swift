import CommandLine

/// What `image prune` was asked for.
struct ImagePruneOptions: Sendable, Equatable {
    var all = false
    var force = false
    var until: TimeReference?
    var labels: [String] = []
    var absentLabels: [String] = []
}

/// `berth image prune`.
enum ImagePruneCommand {
    static let command = Command(
        "prune", identifier: "image prune", summary: "Remove unused images", usage: "[OPTIONS]", operands: .none,
        flags: {
            [
                Flag("all", "a", .boolean, "Remove all unused images, not just dangling ones"),
                Flag("filter", nil, .list("filter"), "Provide filter values (e.g. \"until=<timestamp>\")"),
                Flag("force", "f", .boolean, "Do not prompt for confirmation"),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> ImagePruneOptions {
        var options = ImagePruneOptions(
            all: invocation.flags.flag("all"), force: invocation.flags.flag("force"))
        for text in invocation.flags.list("filter") {
            let filter = try ListFilter(parsing: text, invocation)
            switch filter.key {
            case "until":
                do throws(ValueError) { options.until = try TimeReference(parsing: filter.value) } catch {
                    throw filter.refused("\(error)", invocation)
                }
            case "label": options.labels.append(filter.value)
            case "label!": options.absentLabels.append(filter.value)
            case "dangling":
                switch filter.value {
                case "true", "1": options.all = false
                case "false", "0": options.all = true
                default: throw filter.refused("it is neither true nor false", invocation)
                }
            default: throw filter.refused("only until, label, label! and dangling are known", invocation)
            }
        }
        return options
    }
}

/// One `--filter KEY=VALUE`.
struct ListFilter: Sendable, Equatable {
    var key: String
    var value: String

    init(parsing text: String, _ invocation: Invocation) throws(UsageError) {
        guard let parts = ByteText.cut(text, at: "="), !parts.before.isEmpty else {
            throw UsageError(
                "invalid argument \(quoted(text)) for \"--filter\" flag: invalid filter: a filter is KEY=VALUE",
                command: invocation.path.joined(separator: " "))
        }
        key = parts.before.lowercased()
        value = parts.after
    }

    /// An error about it.
    func refused(_ cause: String, _ invocation: Invocation) -> UsageError {
        UsageError(
            "invalid filter \(quoted("\(key)=\(value)", mark: "'")): \(cause)",
            command: invocation.path.joined(separator: " "))
    }
}
