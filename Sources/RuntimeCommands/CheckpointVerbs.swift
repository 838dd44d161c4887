import CommandLine
import ContainerRuntime
import LinuxKernel

/// `checkpoint`.
enum CheckpointVerb: RuntimeVerb {
    static let command = Command(
        "checkpoint", identifier: "checkpoint", summary: "Save a running container's processes, by CRIU",
        usage: "[OPTIONS] CONTAINER", operands: .exactly(1),
        flags: {
            CheckpointFlags.shared + [
                Flag("parent-path", nil, .string, "Images of an earlier pre-dump, relative to the image path"),
                Flag("leave-running", nil, .boolean, "Leave the container running"),
                Flag("page-server", nil, .string, "ADDRESS:PORT of a page server"),
                Flag("pre-dump", nil, .boolean, "Save memory only, and leave the container running"),
                Flag("status-fd", nil, .integer, "Descriptor CRIU tells on when lazy pages are ready"),
            ]
        })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        var options = try CheckpointFlags.options(invocation.flags, settings)
        options.parentPath = ProcessFlags.path("parent-path", invocation.flags)
        options.leavesRunning = invocation.flags.flag("leave-running")
        options.pageServer = ProcessFlags.path("page-server", invocation.flags)
        options.isPreDump = invocation.flags.flag("pre-dump")
        options.statusDescriptor = invocation.flags.integer("status-fd").map { Int32(clamping: $0) }
        try settings.containers().checkpoint(invocation.container, options)
        return 0
    }
}

/// `restore`.
enum RestoreVerb: RuntimeVerb {
    static let command = Command(
        "restore", identifier: "restore", summary: "Bring a checkpointed container back, by CRIU",
        usage: "[OPTIONS] CONTAINER", operands: .exactly(1),
        flags: {
            CheckpointFlags.shared + [
                Flag("bundle", "b", .string, "Path of the bundle", default: "."),
                Flag("detach", "d", .boolean, "Return once the container runs"),
                Flag("pid-file", nil, .string, "File to write the process's number to"),
                Flag("console-socket", nil, .string, "Socket that receives the master of the terminal"),
                Flag("no-subreaper", nil, .boolean, "Do not adopt orphans of the container"),
                Flag("no-pivot", nil, .boolean, "Use chroot instead of pivot_root"),
                Flag("lsm-profile", nil, .string, "Security profile, TYPE:NAME"),
                Flag("lsm-mount-context", nil, .string, "Security context of mounts"),
            ]
        })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let flags = invocation.flags
        var options = try CheckpointFlags.options(flags, settings)
        options.profile = ProcessFlags.path("lsm-profile", flags)
        options.mountContext = ProcessFlags.path("lsm-mount-context", flags)
        var creation = CreateOptions(bundle: flags.string("bundle") ?? ".")
        creation.detached = flags.flag("detach")
        creation.pidFile = ProcessFlags.path("pid-file", flags)
        creation.consoleSocket = ProcessFlags.path("console-socket", flags)
        creation.isSubreaper = !flags.flag("no-subreaper")
        creation.noPivot = flags.flag("no-pivot")
        return try settings.containers().restore(invocation.container, creation, options)
    }
}

/// Flags of both.
enum CheckpointFlags {
    static let shared: [Flag] = [
        Flag("image-path", nil, .string, "Directory of the images", default: "checkpoint"),
        Flag("work-path", nil, .string, "Directory of CRIU's logs"),
        Flag("tcp-established", nil, .boolean, "Allow open TCP connections"),
        Flag("ext-unix-sk", nil, .boolean, "Allow Unix sockets that lead out"),
        Flag("shell-job", nil, .boolean, "Allow a terminal that leads out"),
        Flag("file-locks", nil, .boolean, "Save and restore file locks"),
        Flag("lazy-pages", nil, .boolean, "Fetch memory when it is used"),
        Flag("auto-dedup", nil, .boolean, "Drop pages of earlier images that are saved again"),
        Flag(
            "manage-cgroups-mode", nil, .string, "What CRIU does with control groups: soft, full, strict or ignore",
            check: { value throws(ValueError) in
                guard ["soft", "full", "strict", "ignore"].contains(value) else {
                    throw ValueError("it is none of soft, full, strict, ignore")
                }
            }),
        Flag(
            "empty-ns", nil, .list("namespace"), "Make a namespace, but do not restore what is in it",
            check: { value throws(ValueError) in
                guard value == "network" else { throw ValueError("only network can be left empty") }
            }),
    ]

    static func options(_ flags: FlagValues, _ settings: RuntimeSettings) throws(RuntimeError) -> CheckpointOptions {
        var options = CheckpointOptions(program: settings.criu)
        options.imagePath = ProcessFlags.path("image-path", flags) ?? "checkpoint"
        options.workPath = ProcessFlags.path("work-path", flags)
        options.allowsConnections = flags.flag("tcp-established")
        options.allowsOuterSockets = flags.flag("ext-unix-sk")
        options.allowsOuterTerminal = flags.flag("shell-job")
        options.keepsFileLocks = flags.flag("file-locks")
        options.isLazy = flags.flag("lazy-pages")
        options.dropsDuplicates = flags.flag("auto-dedup")
        options.groupMode = flags.string("manage-cgroups-mode") ?? "soft"
        options.leavesNetworkEmpty = !flags.list("empty-ns").isEmpty
        return options
    }
}
