import CommandLine

extension TransferCommands {
    /// `manifest`.
    public static let manifest = Command(
        group: "manifest", summary: "Manage image manifests and manifest lists",
        subcommands: [annotate, create, inspect, pushList, remove])

    private static let insecure = Flag(
        "insecure", nil, .boolean, "Allow communication with an insecure registry")

    private static let annotate = Command(
        "annotate", identifier: "manifest annotate", summary: "Add additional information to a local image manifest",
        usage: "[OPTIONS] MANIFEST_LIST MANIFEST", operands: .exactly(2),
        flags: {
            [
                Flag("arch", nil, .string, "Set architecture"),
                Flag("os", nil, .string, "Set operating system"),
                Flag("os-features", nil, .commaList, "Set operating system feature"),
                Flag("os-version", nil, .string, "Set operating system version"),
                Flag("variant", nil, .string, "Set architecture variant"),
            ]
        })

    private static let create = Command(
        "create", identifier: "manifest create",
        summary: "Create a local manifest list for annotating and pushing to a registry",
        usage: "[OPTIONS] MANIFEST_LIST MANIFEST [MANIFEST...]", operands: .atLeast(2),
        flags: { [Flag("amend", "a", .boolean, "Amend an existing manifest list"), insecure] })

    private static let inspect = Command(
        "inspect", identifier: "manifest inspect", summary: "Display an image manifest, or manifest list",
        usage: "[OPTIONS] [MANIFEST_LIST] MANIFEST", operands: .between(1, 2),
        flags: {
            [
                insecure,
                Flag("verbose", "v", .boolean, "Output additional info including layers and platform"),
            ]
        })

    private static let pushList = Command(
        "push", identifier: "manifest push", summary: "Push a manifest list to a repository",
        usage: "[OPTIONS] MANIFEST_LIST", operands: .exactly(1),
        flags: { [insecure, Flag("purge", "p", .boolean, "Remove the local manifest list after push")] })

    private static let remove = Command(
        "rm", identifier: "manifest rm", summary: "Delete one or more manifest lists from local storage",
        usage: "MANIFEST_LIST [MANIFEST_LIST...]", operands: .atLeast(1))
}
