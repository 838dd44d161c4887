import CommandLine

/// What `ps` was asked for.
struct PsOptions: Sendable, Equatable {
    /// Also those that do not run.
    var all = false
    /// Only ids.
    var quiet = false
    var truncates = true
    /// Only the newest so many, running or not.
    var last: Int?
    var filters: [ContainerFilter] = []
    var format = ""
    var sizes = false
}

/// `berth ps`.
enum PsCommand {
    static let command = Command(
        "ps", identifier: "container ls", summary: "List containers", usage: "[OPTIONS]", operands: .none,
        fullNames: ["container ls", "container list", "container ps", "ps"], heading: "Common Commands",
        flags: {
            [
                Flag(
                    "filter", "f", .list("filter"), "Filter output based on conditions provided",
                    check: { value throws(ValueError) in _ = try ContainerFilter(parsing: value) }),
                CommonFlags.format,
                Flag("all", "a", .boolean, "Show all containers (default shows just running)"),
                Flag("last", "n", .integer, "Show n last created containers (includes all states)", default: "-1"),
                Flag("latest", "l", .boolean, "Show the latest created container (includes all states)"),
                Flag("no-trunc", nil, .boolean, "Don't truncate output"),
                Flag("quiet", "q", .boolean, "Only display container IDs"),
                Flag("size", "s", .boolean, "Display total file sizes"),
            ]
        })

    static func options(_ invocation: Invocation) -> PsOptions {
        let flags = invocation.flags
        var last = flags.integer("last").flatMap { $0 >= 0 ? Int($0) : nil }
        if flags.flag("latest") { last = 1 }
        return PsOptions(
            all: flags.flag("all"), quiet: flags.flag("quiet"), truncates: !flags.flag("no-trunc"), last: last,
            filters: flags.list("filter").compactMap { try? ContainerFilter(parsing: $0) },
            format: flags.string("format") ?? "", sizes: flags.flag("size"))
    }
}
