import CommandLine

/// What `system df` was asked for.
struct DiskUsageOptions: Sendable, Equatable {
    var verbose = false
    var format = ""
}

/// `berth system df`.
enum DiskUsageCommand {
    static let command = Command(
        "df", identifier: "system df", summary: "Show disk usage", usage: "[OPTIONS]", operands: .none,
        flags: {
            [
                CommonFlags.format,
                Flag("verbose", "v", .boolean, "Show detailed information on space usage"),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> DiskUsageOptions {
        let options = DiskUsageOptions(
            verbose: invocation.flags.flag("verbose"), format: invocation.flags.string("format") ?? "")
        if options.verbose, !options.format.isEmpty {
            throw UsageError(
                "the --verbose and --format options cannot be used together",
                command: invocation.path.joined(separator: " "))
        }
        return options
    }
}

/// `berth system check`: Podman's word for it; Docker has none.
enum CheckCommand {
    static let command = Command(
        "check", identifier: "system check", summary: "Verify everything that is stored", usage: "[OPTIONS]",
        operands: .none,
        flags: {
            [
                Flag(
                    "repair", "r", .boolean,
                    "Put right what can be: damaged layers are unpacked again, images that cannot be used any more removed"
                )
            ]
        })
}
