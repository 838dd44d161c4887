import CommandLine

/// What `kill` was asked for.
struct KillOptions: Sendable, Equatable {
    var containers: [String]
    var signal = "KILL"
}

/// `berth kill`.
enum KillCommand {
    static let command = Command(
        "kill", identifier: "container kill", summary: "Kill one or more running containers",
        usage: "[OPTIONS] CONTAINER [CONTAINER...]", operands: .atLeast(1), fullNames: ["container kill", "kill"],
        flags: { [Flag("signal", "s", .string, "Signal to send to the container", default: "KILL")] })

    static func options(_ invocation: Invocation) -> KillOptions {
        let signal = invocation.flags.string("signal") ?? ""
        return KillOptions(containers: invocation.operands, signal: signal.isEmpty ? "KILL" : signal)
    }
}
