import CommandLine

/// What `rmi` was asked for.
struct RemoveImageOptions: Sendable, Equatable {
    var images: [String]
    /// Also images that stopped containers were made from or that have several names.
    var force = false
    /// Only the images for these platforms.
    var platforms: [String] = []
}

/// `berth rmi`.
enum RemoveImageCommand {
    static let command = Command(
        "rmi", identifier: "image rm", summary: "Remove one or more images", usage: "[OPTIONS] IMAGE [IMAGE...]",
        operands: .atLeast(1), fullNames: ["image rm", "image remove", "rmi"],
        flags: {
            [
                Flag("force", "f", .boolean, "Force removal of the image"),
                Flag("no-prune", nil, .boolean, "Do not delete untagged parents", support: .always),
                Flag("platform", nil, .commaList, "Remove only the given platform variant (\"linux/arm64\")"),
            ]
        })

    static func options(_ invocation: Invocation) -> RemoveImageOptions {
        RemoveImageOptions(
            images: invocation.operands, force: invocation.flags.flag("force"),
            platforms: invocation.flags.commaList("platform"))
    }
}
