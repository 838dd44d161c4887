import CommandLine

/// What `rm` was asked for.
struct RemoveOptions: Sendable, Equatable {
    var containers: [String]
    /// Kill those that run; those that are not there are no error.
    var force = false
    /// Also their anonymous volumes.
    var volumes = false
}

/// `berth rm`.
enum RemoveCommand {
    static let command = Command(
        "rm", identifier: "container rm", summary: "Remove one or more containers",
        usage: "[OPTIONS] CONTAINER [CONTAINER...]", operands: .atLeast(1),
        fullNames: ["container rm", "container remove", "rm"],
        flags: {
            [
                Flag("force", "f", .boolean, "Force the removal of a running container (uses SIGKILL)"),
                Flag(
                    "link", "l", .boolean, "Remove the specified link",
                    support: .never(reason: "there are no links: containers of one network find each other by name")),
                Flag("volumes", "v", .boolean, "Remove anonymous volumes associated with the container"),
            ]
        })

    static func options(_ invocation: Invocation) -> RemoveOptions {
        RemoveOptions(
            containers: invocation.operands, force: invocation.flags.flag("force"),
            volumes: invocation.flags.flag("volumes"))
    }
}
