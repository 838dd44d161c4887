import CommandLine

/// What `exec` was asked for.
struct ExecOptions: Sendable, Equatable {
    var container: String
    /// The program and its arguments.
    var arguments: [String]
    var detach = false
    var interactive = false
    var terminal = false
    /// "NAME=VALUE" each.
    var environment: [String] = []
    var workingDirectory: String?
    var user: String?
    var isPrivileged = false
}

/// `berth exec`.
enum ExecCommand {
    static let command = Command(
        "exec", identifier: "container exec", summary: "Execute a command in a running container",
        usage: "[OPTIONS] CONTAINER COMMAND [ARG...]", operands: .atLeast(2), interspersed: false,
        fullNames: ["container exec", "exec"], heading: "Common Commands",
        examples: [.init("berth exec -it web sh", "a shell in the container web")],
        flags: {
            [
                Flag("detach", "d", .boolean, "Detached mode: run command in the background"),
                AttachFlags.detachKeys,
                Flag("env", "e", .list("list"), "Set environment variables", check: EnvironmentText.check),
                Flag("env-file", nil, .list("list"), "Read in a file of environment variables"),
                Flag("interactive", "i", .boolean, "Keep STDIN open even if not attached"),
                Flag("privileged", nil, .boolean, "Give extended privileges to the command"),
                Flag("tty", "t", .boolean, "Allocate a pseudo-TTY"),
                Flag("user", "u", .string, "Username or UID (format: <name|uid>[:<group|gid>])", check: UserText.check),
                Flag(
                    "workdir", "w", .string, "Working directory inside the container",
                    check: CommonFlags.checkWorkingDirectory),
            ]
        })

    static func options(_ invocation: Invocation, _ caller: CallerView) throws(UsageError) -> ExecOptions {
        let flags = invocation.flags
        var options = ExecOptions(
            container: invocation.operands[0], arguments: Array(invocation.operands.dropFirst()))
        do throws(ValueError) {
            options.environment = try RunCommand.environment(flags, caller)
        } catch {
            throw UsageError(
                "\(invocation.path[0]): \(printable(error.description))",
                command: invocation.path.joined(separator: " "))
        }
        options.detach = flags.flag("detach")
        options.interactive = flags.flag("interactive")
        options.terminal = flags.flag("tty")
        options.isPrivileged = flags.flag("privileged")
        options.workingDirectory = flags.string("workdir").flatMap { $0.isEmpty ? nil : $0 }
        options.user = flags.string("user").flatMap { $0.isEmpty ? nil : $0 }
        return options
    }
}
