import CommandLine

/// What `load` was asked for.
struct LoadOptions: Sendable, Equatable {
    /// A file; nil is standard input.
    var input: String?
    var quiet = false
    var platform: String?
}

/// `berth load`.
enum LoadCommand {
    static let command = Command(
        "load", identifier: "image load", summary: "Load an image from a tar archive or STDIN", usage: "[OPTIONS]",
        operands: .none, fullNames: ["image load", "load"],
        flags: {
            [
                Flag("input", "i", .string, "Read from tar archive file, instead of STDIN"),
                Flag("platform", nil, .string, "Load only the given platform variant (e.g., \"linux/amd64\")"),
                Flag("quiet", "q", .boolean, "Suppress the load output"),
            ]
        })

    static func options(_ invocation: Invocation) -> LoadOptions {
        let input = invocation.flags.string("input") ?? ""
        return LoadOptions(
            input: input.isEmpty || input == "-" ? nil : input, quiet: invocation.flags.flag("quiet"),
            platform: CommonFlags.nonEmpty(invocation.flags.string("platform")))
    }
}
