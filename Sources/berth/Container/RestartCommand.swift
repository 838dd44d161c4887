import CommandLine

/// `berth restart`.
enum RestartCommand {
    static let command = Command(
        "restart", identifier: "container restart", summary: "Restart one or more containers",
        usage: "[OPTIONS] CONTAINER [CONTAINER...]", operands: .atLeast(1),
        fullNames: ["container restart", "restart"],
        flags: {
            [
                Flag("signal", "s", .string, "Signal to send to the container"),
                Flag(
                    "timeout", "t", .integer, "Seconds to wait before killing the container",
                    check: CommonFlags.checkTimeout),
                Flag("time", nil, .integer, "The same as --timeout", check: CommonFlags.checkTimeout),
            ]
        })
}

/// `berth pause` and `berth unpause`.
enum PauseCommand {
    static let pause = Command(
        "pause", identifier: "container pause", summary: "Pause all processes within one or more containers",
        usage: "CONTAINER [CONTAINER...]", operands: .atLeast(1), fullNames: ["container pause", "pause"])
    static let unpause = Command(
        "unpause", identifier: "container unpause", summary: "Unpause all processes within one or more containers",
        usage: "CONTAINER [CONTAINER...]", operands: .atLeast(1), fullNames: ["container unpause", "unpause"])
}

/// `berth rename`.
enum RenameCommand {
    static let command = Command(
        "rename", identifier: "container rename", summary: "Rename a container", usage: "CONTAINER NEW_NAME",
        operands: .exactly(2), fullNames: ["container rename", "rename"])
}
