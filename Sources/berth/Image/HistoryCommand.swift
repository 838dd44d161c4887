import CommandLine

/// What `history` was asked for.
struct HistoryOptions: Sendable, Equatable {
    var image: String
    var format = ""
    var human = true
    var truncates = true
    var quiet = false
    var platform: String?
}

/// `berth history`.
enum HistoryCommand {
    static let command = Command(
        "history", identifier: "image history", summary: "Show the history of an image", usage: "[OPTIONS] IMAGE",
        operands: .exactly(1), fullNames: ["image history", "history"],
        flags: {
            [
                CommonFlags.format,
                Flag("human", "H", .boolean, "Print sizes and dates in human readable format", default: "true"),
                Flag("no-trunc", nil, .boolean, "Don't truncate output"),
                Flag("platform", nil, .string, "Show history for the given platform (e.g., \"linux/amd64\")"),
                Flag("quiet", "q", .boolean, "Only show image IDs"),
            ]
        })

    static func options(_ invocation: Invocation) -> HistoryOptions {
        let flags = invocation.flags
        return HistoryOptions(
            image: invocation.operands[0], format: flags.string("format") ?? "",
            human: flags.flag("human", default: true), truncates: !flags.flag("no-trunc"), quiet: flags.flag("quiet"),
            platform: CommonFlags.nonEmpty(flags.string("platform")))
    }
}

extension CommonFlags {
    /// `--format` of listings that understand it.
    static let format = Flag(
        "format", nil, .string,
        "Format output: \"table\", \"table TEMPLATE\", \"json\", or a Go template")
}
