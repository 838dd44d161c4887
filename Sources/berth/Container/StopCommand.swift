import CommandLine

/// What `stop` was asked for.
struct StopOptions: Sendable, Equatable {
    var containers: [String]
    /// nil is the container's own.
    var signal: String?
    /// Seconds until it is killed, -1 for never; nil is the container's own.
    var timeout: Int64?
}

/// `berth stop`.
enum StopCommand {
    static let command = Command(
        "stop", identifier: "container stop", summary: "Stop one or more running containers",
        usage: "[OPTIONS] CONTAINER [CONTAINER...]", operands: .atLeast(1), fullNames: ["container stop", "stop"],
        flags: {
            [
                Flag("signal", "s", .string, "Signal to send to the container"),
                Flag(
                    "timeout", "t", .integer, "Seconds to wait before killing the container",
                    check: CommonFlags.checkTimeout),
                Flag("time", nil, .integer, "The same as --timeout", check: CommonFlags.checkTimeout),
            ]
        })

    static func options(_ invocation: Invocation) -> StopOptions {
        let flags = invocation.flags
        return StopOptions(
            containers: invocation.operands, signal: flags.string("signal").flatMap { $0.isEmpty ? nil : $0 },
            timeout: flags.integer("timeout") ?? flags.integer("time"))
    }
}
