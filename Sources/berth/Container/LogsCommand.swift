import CommandLine

/// What `logs` was asked for.
struct LogsOptions: Sendable, Equatable {
    var container: String
    var follow = false
    /// Only the last so many lines; nil is all.
    var tail: Int?
    var since: TimeReference?
    var until: TimeReference?
    var timestamps = false
}

/// `berth logs`.
enum LogsCommand {
    static let command = Command(
        "logs", identifier: "container logs", summary: "Fetch the logs of a container", usage: "[OPTIONS] CONTAINER",
        operands: .exactly(1), fullNames: ["container logs", "logs"],
        flags: {
            let checkTime: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
                if !value.isEmpty { _ = try TimeReference(parsing: value) }
            }
            return [
                .notYet("details", nil, .boolean, "Show extra details provided to logs"),
                Flag("follow", "f", .boolean, "Follow log output"),
                Flag(
                    "since", nil, .string,
                    "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)",
                    check: checkTime),
                Flag(
                    "tail", "n", .string, "Number of lines to show from the end of the logs", default: "all",
                    check: checkTail),
                Flag("timestamps", "t", .boolean, "Show timestamps"),
                Flag(
                    "until", nil, .string,
                    "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)",
                    check: checkTime),
            ]
        })

    private static let checkTail: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        if value != "all", !value.isEmpty { _ = try NumberValue.integer(value) }
    }

    static func options(_ invocation: Invocation) -> LogsOptions {
        let flags = invocation.flags
        // As Docker: a negative number is all lines.
        let tail = flags.string("tail").flatMap { try? NumberValue.integer($0) }.flatMap { $0 >= 0 ? Int($0) : nil }
        return LogsOptions(
            container: invocation.operands[0], follow: flags.flag("follow"), tail: tail,
            since: flags.string("since").flatMap { try? TimeReference(parsing: $0) },
            until: flags.string("until").flatMap { try? TimeReference(parsing: $0) },
            timestamps: flags.flag("timestamps"))
    }
}
