import CommandLine

/// `berth wait`.
enum WaitCommand {
    static let command = Command(
        "wait", identifier: "container wait",
        summary: "Block until one or more containers stop, then print their exit codes",
        usage: "CONTAINER [CONTAINER...]", operands: .atLeast(1), fullNames: ["container wait", "wait"])
}
