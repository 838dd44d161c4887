import CommandLine

/// What `save` was asked for.
struct SaveOptions: Sendable, Equatable {
    var images: [String]
    /// A file; nil is standard output.
    var output: String?
    var platform: String?
}

/// `berth save`.
enum SaveCommand {
    static let command = Command(
        "save", identifier: "image save",
        summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
        usage: "[OPTIONS] IMAGE [IMAGE...]", operands: .atLeast(1), fullNames: ["image save", "save"],
        examples: [.init("berth save -o images.tar base:1 app:2", "both images in one file")],
        flags: {
            [
                Flag("output", "o", .string, "Write to a file, instead of STDOUT"),
                Flag("platform", nil, .string, "Save only the given platform variant (e.g., \"linux/amd64\")"),
            ]
        })

    static func options(_ invocation: Invocation) -> SaveOptions {
        SaveOptions(
            images: invocation.operands, output: CommonFlags.file(invocation.flags.string("output")),
            platform: CommonFlags.nonEmpty(invocation.flags.string("platform")))
    }
}

/// `berth export`.
enum ExportCommand {
    static let command = Command(
        "export", identifier: "container export", summary: "Export a container's filesystem as a tar archive",
        usage: "[OPTIONS] CONTAINER", operands: .exactly(1), fullNames: ["container export", "export"],
        flags: { [Flag("output", "o", .string, "Write to a file, instead of STDOUT")] })
}

/// `berth tag`.
enum TagCommand {
    static let command = Command(
        "tag", identifier: "image tag", summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
        usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", operands: .exactly(2), fullNames: ["image tag", "tag"])
}

extension CommonFlags {
    /// A file's name, where nothing and "-" stand for a standard stream.
    static func file(_ value: String?) -> String? { value == "-" ? nil : nonEmpty(value) }

    /// An option that was given nothing was not given.
    static func nonEmpty(_ value: String?) -> String? { value?.isEmpty == true ? nil : value }
}
