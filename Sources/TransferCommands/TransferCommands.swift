import CommandLine

/// The commands that `berth` hands to `berth-net` as they were given. Both programs have these tables: one to say what is
/// wrong with a command line and to help, the other to carry it out.
public enum TransferCommands {
    /// `berth-net`'s tree: it is given the words that `berth` was given.
    public static let program = Command(
        group: "berth", summary: "A container engine for Linux", usage: "[OPTIONS] COMMAND", flags: { globalFlags },
        subcommands: common + [image, manifest, fetch])

    /// Commands of the first level, under Docker's names.
    public static let common = [pull, push, login, logout, search]
    /// Their other places, under `image`, and the copy.
    public static let ofImages = [pull, push, copy]

    /// Whether a command is one of these.
    public static func owns(_ identifier: String) -> Bool {
        (common + [copy] + manifest.subcommands).contains { $0.identifier == identifier }
    }

    private static let image = Command(group: "image", summary: "Manage images", subcommands: ofImages)

    /// Options that stand before the command, in both programs.
    public static let globalFlags: [Flag] = [
        Flag("root", nil, .string, "Directory of all state (also BERTH_ROOT)"),
        Flag("version", "v", .boolean, "Print version information and quit"),
        .notYet("debug", "D", .boolean, "Enable debug mode"),
        Flag("host", "H", .list("list"), "Daemon socket to connect to", support: noDaemon),
        .notYet("context", "c", .string, "Name of the context to use", harmless: ["", "default"]),
        Flag("config", nil, .string, "Location of client config files (also DOCKER_CONFIG)"),
        .notYet("log-level", "l", .string, "Set the logging level", default: "info"),
        Flag("tls", nil, .boolean, "Use TLS; implied by --tlsverify", support: noDaemon),
        Flag("tlscacert", nil, .string, "Trust certs signed only by this CA", support: noDaemon),
        Flag("tlscert", nil, .string, "Path to TLS certificate file", support: noDaemon),
        Flag("tlskey", nil, .string, "Path to TLS key file", support: noDaemon),
        Flag("tlsverify", nil, .boolean, "Use TLS and verify the remote", support: noDaemon),
    ]

    private static let noDaemon = FlagSupport.never(reason: "there is no daemon to connect to")

    static let contentTrust = Flag(
        "disable-content-trust", nil, .boolean, "Skip image verification", default: "true",
        check: { value throws(ValueError) in
            if (try? NumberValue.boolean(value)) == false {
                throw ValueError("Docker content trust is not supported, images are verified by their digests")
            }
        })

    static let platform = Flag("platform", nil, .string, "Platform of the image if it has several (\"linux/arm64\")")

    /// `pull`.
    public static let pull = Command(
        "pull", identifier: "image pull", summary: "Download an image from a registry",
        usage: "[OPTIONS] NAME[:TAG|@DIGEST]", operands: .exactly(1), fullNames: ["image pull", "pull"],
        heading: "Common Commands",
        examples: [
            .init("berth pull debian:12", "an image of Docker Hub"),
            .init("berth pull localhost:5000/app@sha256:…", "exactly these bytes, from a registry of one's own"),
        ],
        flags: {
            [
                Flag("all-tags", "a", .boolean, "Download all tagged images in the repository"),
                contentTrust, platform,
                Flag("quiet", "q", .boolean, "Suppress verbose output"),
            ]
        })

    /// `push`.
    public static let push = Command(
        "push", identifier: "image push", summary: "Upload an image to a registry", usage: "[OPTIONS] NAME[:TAG]",
        operands: .exactly(1), fullNames: ["image push", "push"], heading: "Common Commands",
        flags: {
            [
                Flag("all-tags", "a", .boolean, "Push all tags of an image to the repository"),
                contentTrust, platform,
                Flag("quiet", "q", .boolean, "Suppress verbose output"),
            ]
        })

    /// `fetch`: a file of the web for a build. Not for people: `berth` executes it, and reads `FILE.answer`.
    public static let fetch = Command(
        "fetch", identifier: "fetch", summary: "Fetch a file", usage: "[OPTIONS] URL FILE", operands: .exactly(2),
        flags: { [Flag("etag", nil, .string, "Content that is there already")] })

    /// `login`.
    public static let login = Command(
        "login", identifier: "login", summary: "Authenticate to a registry", usage: "[OPTIONS] [SERVER]",
        operands: .atMost(1), heading: "Common Commands",
        flags: {
            [
                Flag("password", "p", .string, "Password or Personal Access Token (PAT)"),
                Flag("password-stdin", nil, .boolean, "Take the Password or Personal Access Token (PAT) from stdin"),
                Flag("username", "u", .string, "Username"),
            ]
        })

    /// `logout`.
    public static let logout = Command(
        "logout", identifier: "logout", summary: "Log out from a registry", usage: "[SERVER]", operands: .atMost(1),
        heading: "Common Commands")

    /// `search`.
    public static let search = Command(
        "search", identifier: "search", summary: "Search a registry for images", usage: "[OPTIONS] TERM",
        operands: .exactly(1), heading: "Common Commands",
        flags: {
            [
                Flag("limit", nil, .integer, "Max number of search results", default: "25"),
                Flag("no-trunc", nil, .boolean, "Don't truncate output"),
                .notYet("filter", "f", .list("filter"), "Filter output based on conditions provided"),
                .notYet("format", nil, .string, "Pretty-print search using a Go template"),
            ]
        })

    /// `image copy`.
    public static let copy = Command(
        "copy", identifier: "image copy",
        summary: "Copy an image between registries, archives, directories and other engines",
        usage: "[OPTIONS] SOURCE [DESTINATION]", operands: .between(1, 2), fullNames: ["image copy"],
        examples: [
            .init("berth image copy docker://debian:12 oci-archive:debian.tar", "from a registry into a file"),
            .init("berth image copy docker-daemon:app:1 app:1", "from Docker into Berth's own store"),
            .init("berth image copy --all docker-daemon:", "all images that Docker has"),
        ],
        flags: {
            [
                Flag("all", "a", .boolean, "All platforms of an image, or all images of an engine"),
                platform,
                Flag("quiet", "q", .boolean, "Suppress verbose output"),
            ]
        })
}
