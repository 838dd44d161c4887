import CommandLine
import LinuxKernel

/// `berth build`.
enum BuildCommand {
    static let command = Command(
        "build", aliases: ["b"], identifier: "image build", summary: "Build an image from a Dockerfile",
        usage: "[OPTIONS] PATH | URL | -", operands: .exactly(1),
        fullNames: ["build", "builder build", "buildx build", "image build"],
        examples: [
            .init("berth build -t web .", "an image web:latest from the Dockerfile in this directory"),
            .init("berth build --target test --progress plain .", "one stage, with everything that its steps print"),
            .init("berth build --check .", "what is not as it should be in the Dockerfile"),
        ],
        flags: { flags })

    private static let flags: [Flag] = [
        Flag("add-host", nil, .list("strings"), "Add a custom host-to-IP mapping (format: \"host:ip\")"),
        Flag(
            "annotation", nil, .list("stringArray"), "Add annotation to the image",
            check: { value throws(ValueError) in _ = try BuildValues.annotation(value) }),
        Flag(
            "attest", nil, .list("stringArray"), "Attestation parameters",
            check: refuse("attestations beside an image are not made yet")),
        Flag("build-arg", nil, .list("stringArray"), "Set build-time variables"),
        Flag(
            "build-context", nil, .list("stringArray"), "Additional build contexts (e.g., name=path)",
            check: checkContext),
        Flag(
            "cache-from", nil, .list("stringArray"),
            "External cache sources (e.g., \"user/app:cache\", \"type=local,src=path/to/dir\")",
            check: { value throws(ValueError) in _ = try CachePlace.parse(value, writes: false) }),
        Flag(
            "cache-to", nil, .list("stringArray"),
            "Cache export destinations (e.g., \"type=registry,ref=user/app:cache\", \"type=local,dest=path/to/dir\")",
            check: { value throws(ValueError) in _ = try CachePlace.parse(value, writes: true) }),
        Flag(
            "cgroup-parent", nil, .string, "Set the parent cgroup for the RUN instructions during build",
            check: checkGroup),
        Flag("check", nil, .boolean, "Check the Dockerfile, and build nothing"),
        Flag("file", "f", .string, "Name of the Dockerfile (default: \"PATH/Dockerfile\")"),
        Flag("iidfile", nil, .string, "Write the image ID to a file"),
        Flag("label", nil, .list("stringArray"), "Set metadata for an image"),
        Flag("load", nil, .boolean, "Shorthand for --output=type=docker"),
        Flag("metadata-file", nil, .string, "Write build result metadata to a file"),
        Flag(
            "network", nil, .string, "Set the networking mode for the RUN instructions during build",
            default: "default", check: checkNetwork),
        Flag("no-cache", nil, .boolean, "Do not use cache when building the image"),
        Flag("no-cache-filter", nil, .commaList, "Do not cache specified stages"),
        Flag(
            "output", "o", .list("stringArray"), "Output destination (format: \"type=local,dest=path\")",
            check: checkOutput),
        Flag("platform", nil, .string, "Set target platform for build", check: checkPlatform),
        Flag(
            "progress", nil, .string,
            "Set type of progress output (\"auto\", \"plain\", \"tty\", \"rawjson\", \"quiet\")", default: "auto",
            check: checkProgress),
        Flag(
            "provenance", nil, .string, "Shorthand for --attest=type=provenance",
            check: refuse("attestations beside an image are not made yet")),
        Flag("pull", nil, .boolean, "Always attempt to pull all referenced images"),
        Flag("push", nil, .boolean, "Shorthand for --output=type=registry"),
        Flag("quiet", "q", .boolean, "Suppress the build output and print image ID on success"),
        Flag("reproducible", nil, .boolean, "Give the same image whenever and wherever it is built"),
        Flag(
            "sbom", nil, .string, "Shorthand for --attest=type=sbom",
            check: refuse(
                "there is no scanner here that could write one: run one over the image and push its result beside it")),
        Flag(
            "secret", nil, .list("stringArray"),
            "Secret to expose to the build (format: \"id=mysecret[,src=/local/secret]\")"),
        Flag("shm-size", nil, .bytes, "Shared memory size for build containers"),
        Flag(
            "squash", nil, .boolean, "Squash newly built layers into a single new layer",
            check: refuse("BuildKit has none either: end with FROM scratch and COPY --from the stage before")),
        Flag(
            "ssh", nil, .list("stringArray"),
            "SSH agent socket to expose to the build (format: \"default|<id>[=<socket>]\")"),
        Flag("tag", "t", .list("stringArray"), "Image identifier (format: \"[registry/]repository[:tag]\")"),
        Flag("target", nil, .string, "Set the target build stage to build"),
        Flag("ulimit", nil, .resourceBounds, "Ulimit options"),
    ]

    /// A flag of BuildKit that is not there, with the reason; switched off it means nothing.
    private static func refuse(_ reason: String) -> @Sendable (String) throws(ValueError) -> Void {
        { value throws(ValueError) in
            guard value.isEmpty || (try? NumberValue.boolean(value)) == false else { throw ValueError(reason) }
        }
    }

    private static let checkNetwork: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard ["default", "none", "host", "bridge", ""].contains(value) else {
            throw ValueError("it is default, none or host")
        }
    }

    private static let checkProgress: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard BuildOptions.Progress(rawValue: value) != nil else {
            throw ValueError("it is auto, plain, tty, rawjson or quiet")
        }
    }

    private static let checkOutput: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        _ = try BuildValues.output(value)
    }

    private static let checkGroup: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard value.utf8.allSatisfy({ $0 > 32 && $0 != 127 }), !PathText.names(value).contains("..") else {
            throw ValueError("it is a path of control groups, such as /builds")
        }
    }

    private static let checkContext: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard let (name, source) = ByteText.cut(value, at: "="), !name.isEmpty, !source.isEmpty else {
            throw ValueError("the form is NAME=DIRECTORY or NAME=docker-image://IMAGE")
        }
        for scheme in ["oci-layout://", "target:"] where ByteText.begins(source, with: scheme) {
            throw ValueError("\(scheme) is not supported: give a directory, an address or docker-image://")
        }
    }

    private static let checkPlatform: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard !ByteText.holds(value, ",") else {
            throw ValueError("building for several platforms is not supported yet")
        }
    }

    static func options(_ invocation: Invocation, _ caller: CallerView) throws(UsageError) -> BuildOptions {
        let flags = invocation.flags
        func refuse(_ text: String) -> UsageError {
            UsageError("\(invocation.path[0]): \(text)", command: invocation.path.joined(separator: " "), status: 1)
        }
        let context = invocation.operands[0]
        guard !context.isEmpty else { throw refuse("the context is empty: give a directory, or - for standard input") }
        var options = BuildOptions(context: context)
        options.file = CommonFlags.nonEmpty(flags.string("file"))
        if context == "-", options.file == "-" {
            throw refuse("standard input cannot be both the context and the Dockerfile")
        }
        options.tags = flags.list("tag")
        options.arguments = BuildValues.arguments(flags.list("build-arg"), caller)
        options.contexts = flags.list("build-context").compactMap { text in
            ByteText.cut(text, at: "=").map { .init(name: $0.before.lowercased(), value: $0.after) }
        }
        options.labels = BuildValues.labels(flags.list("label"))
        options.target = CommonFlags.nonEmpty(flags.string("target"))
        options.platform = CommonFlags.nonEmpty(flags.string("platform"))
        options.secrets = flags.list("secret")
        options.sockets = flags.list("ssh")
        options.network = flags.string("network").flatMap { $0.isEmpty || $0 == "bridge" ? nil : $0 } ?? "default"
        options.extraHosts = flags.list("add-host")
        options.ignoresCache = flags.flag("no-cache")
        options.uncachedStages = flags.commaList("no-cache-filter").map { $0.lowercased() }
        options.progress = flags.string("progress").flatMap { BuildOptions.Progress(rawValue: $0) } ?? .auto
        options.isQuiet = flags.flag("quiet")
        if options.isQuiet { options.progress = .quiet }
        options.pulls = flags.flag("pull")
        options.checksOnly = flags.flag("check")
        options.isReproducible = flags.flag("reproducible")
        options.idFile = CommonFlags.nonEmpty(flags.string("iidfile"))
        options.metadataFile = CommonFlags.nonEmpty(flags.string("metadata-file"))
        options.bounds = flags.resourceBounds("ulimit")
        options.sharedMemory = flags.bytes("shm-size").flatMap { $0 == 0 ? nil : $0 }
        options.controlGroupParent = CommonFlags.nonEmpty(flags.string("cgroup-parent"))
        var outputs = flags.list("output")
        if flags.flag("push") { outputs.append("type=registry") }
        if flags.flag("load") { outputs.append("type=docker") }
        do throws(ValueError) {
            for text in flags.list("cache-from") {
                options.cacheSources.append(try CachePlace.parse(text, writes: false))
            }
            for text in flags.list("cache-to") { options.cacheTargets.append(try CachePlace.parse(text, writes: true)) }
            for text in flags.list("annotation") { options.annotations.append(try BuildValues.annotation(text)) }
            for (place, text) in outputs.enumerated() {
                let flag = try BuildValues.output(text)
                // An image may be kept and sent; any other two outputs would need the build twice.
                guard place == 0 || (options.output == .image && flag.output == .image) else {
                    throw ValueError("several outputs are not supported: build again, all of it is cached")
                }
                options.output = flag.output
                options.pushes = options.pushes || flag.pushes
                options.tags += flag.names
            }
        } catch {
            throw refuse("\(error)")
        }
        if options.pushes, options.tags.isEmpty {
            throw refuse("tag is needed when pushing to registry: give it with -t")
        }
        if options.output != .image, options.cacheTargets.contains(where: { $0.kind == .inline }) {
            throw refuse("--cache-to type=inline needs an image as the output")
        }
        return options
    }
}

/// `berth builder prune`.
struct BuilderPruneOptions: Sendable, Equatable {
    var force = false
    /// Not used for so many seconds.
    var unusedFor: Int64?
    var keepBytes: Int64 = 0
}

/// `berth builder …`.
enum BuilderCommands {
    static let group = Command(
        group: "builder", summary: "Manage builds", subcommands: [BuildCommand.command, diskUsage, prune])

    /// The same under buildx's name.
    static let buildx = Command(
        group: "buildx", summary: "Manage builds", subcommands: [BuildCommand.command, diskUsage, prune])

    static let diskUsage = Command(
        "du", identifier: "builder du", summary: "Show the build cache", usage: "", operands: .exactly(0),
        fullNames: ["builder du", "buildx du"])

    static let prune = Command(
        "prune", identifier: "builder prune", summary: "Remove build cache", usage: "[OPTIONS]", operands: .exactly(0),
        fullNames: ["builder prune", "buildx prune"],
        flags: {
            [
                Flag("all", "a", .boolean, "Remove all unused build cache, not just dangling ones", support: .always),
                Flag("filter", nil, .list("filter"), "Provide filter values (e.g. \"until=24h\")", check: checkFilter),
                Flag("force", "f", .boolean, "Do not prompt for confirmation"),
                Flag("keep-storage", nil, .bytes, "Amount of disk space to keep for cache"),
            ]
        })

    private static let checkFilter: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard let (key, text) = ByteText.cut(value, at: "="), key == "until" || key == "unused-for" else {
            throw ValueError("only until=DURATION is known")
        }
        _ = try TimeSpan.parse(text)
    }

    static func pruneOptions(_ invocation: Invocation) -> BuilderPruneOptions {
        var options = BuilderPruneOptions(force: invocation.flags.flag("force"))
        for text in invocation.flags.list("filter") {
            guard let (_, value) = ByteText.cut(text, at: "="), let span = try? TimeSpan.parse(value) else { continue }
            options.unusedFor = span / 1_000_000_000
        }
        options.keepBytes = invocation.flags.bytes("keep-storage") ?? 0
        return options
    }
}
