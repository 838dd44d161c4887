import CommandLine

/// What `import` was asked for.
struct ImportOptions: Sendable, Equatable {
    /// A file, an address of the web, or "-" for standard input.
    var source: String
    /// It is fetched by the networked program.
    var isAddress: Bool { ByteText.begins(source, with: "http://") || ByteText.begins(source, with: "https://") }
    /// The image's name; nil leaves it without one.
    var reference: String?
    var message: String?
    /// Dockerfile instructions such as "CMD [\"sh\"]".
    var changes: [String] = []
    var platform: String?
}

/// `berth import`.
enum ImportCommand {
    static let command = Command(
        "import", identifier: "image import",
        summary: "Import the contents from a tarball to create a filesystem image",
        usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]", operands: .between(1, 2),
        fullNames: ["image import", "import"],
        examples: [.init("berth import rootfs.tar.gz base:1", "an image named base:1 of a file system's archive")],
        flags: {
            [
                Flag("change", "c", .list("list"), "Apply Dockerfile instruction to the created image"),
                Flag("message", "m", .string, "Set commit message for imported image"),
                Flag("platform", nil, .string, "Set platform of the image (e.g., \"linux/arm64\")"),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> ImportOptions {
        let source = invocation.operands[0]
        guard !source.isEmpty else {
            throw UsageError(
                "\(invocation.path[0]): the name of the archive is empty",
                command: invocation.path.joined(separator: " "))
        }
        let reference = invocation.operands.count > 1 ? invocation.operands[1] : ""
        return ImportOptions(
            source: source, reference: reference.isEmpty ? nil : reference,
            message: invocation.flags.string("message").flatMap { $0.isEmpty ? nil : $0 },
            changes: invocation.flags.list("change"),
            platform: CommonFlags.nonEmpty(invocation.flags.string("platform")))
    }
}
