import CommandLine

/// `berth version`.
enum VersionCommand {
    static let command = Command(
        "version", identifier: "version", summary: "Show the Berth version information", usage: "[OPTIONS]",
        operands: .none, heading: "Common Commands",
        flags: { [Flag("format", "f", .string, "Format output using a Go template, or \"json\"")] })
}

/// `system reset`: Podman's word for it; Docker has none.
enum ResetCommand {
    static let command = Command(
        "reset", identifier: "system reset", summary: "Remove everything of this engine", usage: "[OPTIONS]",
        operands: .none, flags: { [Flag("force", "f", .boolean, "Do not ask")] })
}

/// `system resume`: for the machine's start; Docker's daemon does it by itself.
enum ResumeCommand {
    static let command = Command(
        "resume", identifier: "system resume", summary: "Start what ran before the machine was restarted",
        usage: "", operands: .none)
}

/// `info`.
enum InfoCommand {
    static let command = Command(
        "info", identifier: "system info", summary: "Display system-wide information", usage: "[OPTIONS]",
        operands: .none,
        fullNames: ["system info", "info"], heading: "Common Commands",
        flags: { [Flag("format", "f", .string, "Format output using a Go template, or \"json\"")] })
}
