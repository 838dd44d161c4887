import CommandLine

/// What `images` was asked for.
struct ImagesOptions: Sendable, Equatable {
    /// "REPOSITORY" or "REPOSITORY:TAG"; nil lists all.
    var reference: String?
    var all = false
    var quiet = false
    var truncates = true
    var digests = false
    var format = ""
    var filters: [ListFilter] = []
}

/// `berth images`.
enum ImagesCommand {
    static let command = Command(
        "images", identifier: "image ls", summary: "List images", usage: "[OPTIONS] [REPOSITORY[:TAG]]",
        operands: .atMost(1), fullNames: ["image ls", "image list", "images"], heading: "Common Commands",
        flags: {
            [
                Flag("filter", "f", .list("filter"), "Filter output based on conditions provided"),
                CommonFlags.format,
                Flag("all", "a", .boolean, "Show all images (default hides intermediate images)"),
                Flag("digests", nil, .boolean, "Show digests"),
                Flag("no-trunc", nil, .boolean, "Don't truncate output"),
                Flag("quiet", "q", .boolean, "Only show image IDs"),
                .notYet("tree", nil, .boolean, "List multi-platform images as a tree"),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> ImagesOptions {
        let flags = invocation.flags
        var filters = [ListFilter]()
        for text in flags.list("filter") {
            let filter = try ListFilter(parsing: text, invocation)
            switch filter.key {
            case "label", "label!", "before", "since", "reference": break
            case "dangling":
                guard ["true", "false", "1", "0"].contains(filter.value) else {
                    throw filter.refused("it is neither true nor false", invocation)
                }
            case "until":
                do throws(ValueError) { _ = try TimeReference(parsing: filter.value) } catch {
                    throw filter.refused("\(error)", invocation)
                }
            default:
                throw filter.refused(
                    "only dangling, label, before, since, until and reference are known", invocation)
            }
            filters.append(filter)
        }
        return ImagesOptions(
            reference: invocation.operands.first, all: flags.flag("all"), quiet: flags.flag("quiet"),
            truncates: !flags.flag("no-trunc"), digests: flags.flag("digests"), format: flags.string("format") ?? "",
            filters: filters)
    }
}
