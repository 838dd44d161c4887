import CommandLine
import ContainerRuntime
import Glibc

/// `create`.
enum CreateVerb: RuntimeVerb {
    static let command = Command(
        "create", identifier: "create", summary: "Create a container, and leave its program to start",
        usage: "[OPTIONS] CONTAINER", operands: .exactly(1), flags: { BundleFlags.all })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let options = try BundleFlags.options(invocation.flags)
        settings.log.debug("create \(invocation.container) from \(options.bundle)")
        try settings.containers().create(invocation.container, options)
        return 0
    }
}

/// `run`.
enum RunVerb: RuntimeVerb {
    static let command = Command(
        "run", identifier: "run", summary: "Create and start a container", usage: "[OPTIONS] CONTAINER",
        operands: .exactly(1),
        flags: {
            BundleFlags.all + [
                Flag("detach", "d", .boolean, "Return once the program runs"),
                Flag("keep", nil, .boolean, "Do not delete the container when it has ended"),
                Flag("no-subreaper", nil, .boolean, "Do not adopt orphans of the container"),
            ]
        })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        var options = try BundleFlags.options(invocation.flags)
        options.detached = invocation.flags.flag("detach")
        options.keeps = invocation.flags.flag("keep")
        options.isSubreaper = !invocation.flags.flag("no-subreaper")
        settings.log.debug("run \(invocation.container) from \(options.bundle)")
        return try settings.containers().run(invocation.container, options)
    }
}

/// Flags of every verb that makes a container from a bundle.
enum BundleFlags {
    static let all: [Flag] =
        [
            Flag("bundle", "b", .string, "Path of the bundle", default: "."),
            Flag("config", "f", .string, "Path of the configuration instead of the bundle's config.json"),
            Flag("no-pivot", nil, .boolean, "Use chroot instead of pivot_root, for a root file system on a ramdisk"),
            Flag("no-new-keyring", nil, .boolean, "Keep the caller's session keyring"),
        ] + ProcessFlags.all

    static func options(_ flags: FlagValues) throws(RuntimeError) -> CreateOptions {
        var options = CreateOptions(bundle: flags.string("bundle") ?? ".")
        options.configurationPath = flags.string("config")
        options.pidFile = ProcessFlags.path("pid-file", flags)
        options.consoleSocket = ProcessFlags.path("console-socket", flags)
        options.pidfdSocket = ProcessFlags.path("pidfd-socket", flags)
        options.keepsKeyring = flags.flag("no-new-keyring")
        options.noPivot = flags.flag("no-pivot")
        (options.preservedDescriptors, options.activationSockets) = try ProcessFlags.descriptors(flags)
        return options
    }
}

/// Flags of every verb that starts a process.
enum ProcessFlags {
    static let all: [Flag] = [
        Flag("console-socket", nil, .string, "Socket that receives the master of the terminal"),
        Flag("pidfd-socket", nil, .string, "Socket that receives a descriptor of the process"),
        Flag("pid-file", nil, .string, "File to write the process's number to"),
        Flag(
            "preserve-fds", nil, .integer, "Pass this many more descriptors (after 0 to 2 and $LISTEN_FDS)",
            default: "0",
            check: CommonFlags.checkNotNegative),
    ]

    /// A path; engines give an empty one for none.
    static func path(_ name: String, _ flags: FlagValues) -> String? {
        flags.string(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// How many descriptors from 3 on go in, and how many of those are systemd's.
    ///
    /// - Throws: when one of them is not open: its number would soon be one of this program's own, which no container may
    ///   have (CVE-2016-9962). To be called before anything is opened.
    static func descriptors(_ flags: FlagValues) throws(RuntimeError) -> (all: Int, activation: Int) {
        var activation = 0
        if let pid = getenv("LISTEN_PID"), Int32(String(cString: pid)) == getpid(), let count = getenv("LISTEN_FDS") {
            activation = max(0, Int(String(cString: count)) ?? 0)
        }
        let extra = flags.integer("preserve-fds") ?? 0
        guard extra + Int64(activation) <= 4096 else {
            throw RuntimeError("preserve", "\(extra) descriptors", cause: "that is more than a process can have")
        }
        let all = Int(extra) + activation
        for number in 3..<(3 + Int32(all)) where fcntl(number, F_GETFD) < 0 {
            throw RuntimeError(
                "preserve", "descriptor \(number)", cause: "it is not open", remedy: "give a smaller --preserve-fds")
        }
        return (all, activation)
    }
}
