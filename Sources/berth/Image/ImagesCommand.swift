import CommandLine

/// What `images` was asked for.
struct ImagesOptions: Sendable, Equatable {
    /// "REPOSITORY" or "REPOSITORY:TAG"; nil lists all.
    var reference: String?
    var all = false
    var quiet = false
    var truncates = true
    var digests = false
}

/// `berth images`.
enum ImagesCommand {
    static let command = Command(
        "images", identifier: "image ls", summary: "List images", usage: "[OPTIONS] [REPOSITORY[:TAG]]",
        operands: .atMost(1), fullNames: ["image ls", "image list", "images"], heading: "Common Commands",
        flags: {
            CommonFlags.listing + [
                Flag("all", "a", .boolean, "Show all images (default hides intermediate images)"),
                Flag("digests", nil, .boolean, "Show digests"),
                Flag("no-trunc", nil, .boolean, "Don't truncate output"),
                Flag("quiet", "q", .boolean, "Only show image IDs"),
                .notYet("tree", nil, .boolean, "List multi-platform images as a tree"),
            ]
        })

    static func options(_ invocation: Invocation) -> ImagesOptions {
        let flags = invocation.flags
        return ImagesOptions(
            reference: invocation.operands.first, all: flags.flag("all"), quiet: flags.flag("quiet"),
            truncates: !flags.flag("no-trunc"), digests: flags.flag("digests"))
    }
}
