import CommandLine

/// What `commit` was asked for.
struct CommitOptions: Sendable, Equatable {
    var container: String
    var reference: String?
    var author = ""
    var message = ""
    var changes: [String] = []
    var pauses = true
}

/// `berth commit`.
enum CommitCommand {
    static let command = Command(
        "commit", identifier: "container commit", summary: "Create a new image from a container's changes",
        usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]", operands: .between(1, 2),
        fullNames: ["container commit", "commit"],
        flags: {
            [
                Flag("author", "a", .string, "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")"),
                Flag("change", "c", .list("list"), "Apply Dockerfile instruction to the created image"),
                Flag("message", "m", .string, "Commit message"),
                Flag("pause", "p", .boolean, "Pause container during commit", default: "true"),
                Flag("no-pause", nil, .boolean, "Disable pausing container during commit"),
            ]
        })

    static func options(_ invocation: Invocation) -> CommitOptions {
        let flags = invocation.flags
        return CommitOptions(
            container: invocation.operands[0],
            reference: invocation.operands.count > 1 ? CommonFlags.nonEmpty(invocation.operands[1]) : nil,
            author: flags.string("author") ?? "", message: flags.string("message") ?? "", changes: flags.list("change"),
            pauses: flags.flag("pause", default: true) && !flags.flag("no-pause"))
    }
}
