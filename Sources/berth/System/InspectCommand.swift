import CommandLine

/// What `inspect` was asked for.
struct InspectOptions: Sendable, Equatable {
    enum Kind: String, Sendable { case container, image, network, volume }

    var names: [String]
    /// nil looks for a container, then for an image.
    var kind: Kind?
    /// A Go template for each object, or "json"; nothing prints them all.
    var format = ""
    /// Also how much containers take on disk.
    var sizes = false
    /// Of an image for several platforms.
    var platform: String?
}

/// `berth inspect`, `berth container inspect`, `berth image inspect`.
enum InspectCommand {
    static let command = Command(
        "inspect", identifier: "inspect", summary: "Return low-level information on containers and images",
        usage: "[OPTIONS] NAME|ID [NAME|ID...]", operands: .atLeast(1),
        flags: {
            [
                format, Flag("size", "s", .boolean, "Display total file sizes if the type is container"),
                Flag(
                    "type", nil, .string, "Only inspect objects of the given type",
                    check: { value throws(ValueError) in
                        guard value.isEmpty || InspectOptions.Kind(rawValue: value) != nil else {
                            throw ValueError("it is not container, image, network or volume")
                        }
                    }),
            ]
        })

    static let container = Command(
        "inspect", identifier: "container inspect", summary: "Display detailed information on one or more containers",
        usage: "[OPTIONS] CONTAINER [CONTAINER...]", operands: .atLeast(1),
        flags: { [format, Flag("size", "s", .boolean, "Display total file sizes")] })

    static let image = Command(
        "inspect", identifier: "image inspect", summary: "Display detailed information on one or more images",
        usage: "[OPTIONS] IMAGE [IMAGE...]", operands: .atLeast(1),
        flags: {
            [
                format,
                Flag("platform", nil, .string, "Inspect a specific platform of the multi-platform image"),
            ]
        })

    private static let format = Flag("format", "f", .string, "Format output using a Go template, or \"json\"")

    static func options(_ invocation: Invocation) -> InspectOptions {
        var options = kinds(invocation)
        options.format = invocation.flags.string("format") ?? ""
        options.sizes = invocation.flags.flag("size")
        options.platform = CommonFlags.nonEmpty(invocation.flags.string("platform"))
        return options
    }

    private static func kinds(_ invocation: Invocation) -> InspectOptions {
        switch invocation.command.identifier {
        case "container inspect": InspectOptions(names: invocation.operands, kind: .container)
        case "image inspect": InspectOptions(names: invocation.operands, kind: .image)
        default:
            InspectOptions(
                names: invocation.operands,
                kind: invocation.flags.string("type").flatMap { InspectOptions.Kind(rawValue: $0) })
        }
    }
}
