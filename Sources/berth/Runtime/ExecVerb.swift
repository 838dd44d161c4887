import CommandLine
import ContainerRuntime
import LinuxKernel

/// `exec`.
enum ExecVerb: RuntimeVerb {
    static let command = Command(
        "exec", identifier: "exec", summary: "Run a further process in a container",
        usage: "[OPTIONS] CONTAINER COMMAND [ARG...] | --process FILE CONTAINER", operands: .atLeast(1),
        interspersed: false,
        flags: {
            [
                Flag("cwd", nil, .string, "Working directory in the container"),
                Flag("env", "e", .list("list"), "Set an environment variable"),
                Flag("tty", "t", .boolean, "Give the process a terminal"),
                Flag("user", "u", .string, "Numeric user, UID[:GID]"),
                Flag("additional-gids", "g", .list("gid"), "Add a group", check: checkGroup),
                Flag("process", "p", .string, "File with the whole process as JSON"),
                Flag("detach", "d", .boolean, "Return once the program runs"),
                Flag("process-label", nil, .string, "SELinux label of the process"),
                Flag("apparmor", nil, .string, "AppArmor profile of the process"),
                Flag("no-new-privs", nil, .boolean, "Let execve grant the process no privilege"),
                Flag("cap", "c", .list("capability"), "Add a capability"),
                Flag("cgroup", nil, .list("[controller:]path"), "Run in an existing group below the container's"),
                Flag("ignore-paused", nil, .boolean, "Enter a paused container too"),
            ] + ProcessFlags.all
        })

    static let failureStatus: Int32 = 255

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let options = try options(invocation)
        settings.log.debug("exec in \(invocation.container)")
        return try settings.containers().exec(invocation.container, options)
    }

    static func options(_ invocation: Invocation) throws(RuntimeError) -> RuntimeExecOptions {
        let flags = invocation.flags
        var options = RuntimeExecOptions()
        options.processFile = ProcessFlags.path("process", flags)
        options.arguments = Array(invocation.operands.dropFirst())
        if options.processFile == nil, options.arguments.isEmpty {
            throw RuntimeError("exec in", "container \(invocation.container)", cause: "process args cannot be empty")
        }
        if options.processFile != nil, !options.arguments.isEmpty {
            throw RuntimeError(
                "exec in", "container \(invocation.container)", cause: "a command and --process exclude each other")
        }
        options.workingDirectory = flags.string("cwd")
        options.environment = flags.list("env")
        options.terminal = flags.flag("tty")
        options.user = flags.string("user")
        options.additionalGroups = flags.list("additional-gids").compactMap { UInt32($0) }
        options.detached = flags.flag("detach")
        options.pidFile = ProcessFlags.path("pid-file", flags)
        options.processLabel = flags.string("process-label")
        options.apparmorProfile = flags.string("apparmor")
        options.noNewPrivileges = flags.flag("no-new-privs")
        options.capabilities = flags.list("cap")
        options.subgroups = flags.list("cgroup")
        options.ignoresPaused = flags.flag("ignore-paused")
        options.consoleSocket = ProcessFlags.path("console-socket", flags)
        options.pidfdSocket = ProcessFlags.path("pidfd-socket", flags)
        (options.preservedDescriptors, options.activationSockets) = try ProcessFlags.descriptors(flags)
        return options
    }

    private static let checkGroup: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard NumberValue.plain(value, limit: UInt64(UInt32.max) - 1) != nil else {
            throw ValueError("it is not a group id")
        }
    }
}
