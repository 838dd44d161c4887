import CommandLine

/// What a command line asks the program to do, with everything read that is needed to do it.
enum ProgramRequest: Sendable {
    case run(RunOptions)
    case exec(ExecOptions)
    case ps(PsOptions)
    case logs(LogsOptions)
    case stop(StopOptions)
    case kill(KillOptions)
    case remove(RemoveOptions)
    case wait(containers: [String])
    case inspect(InspectOptions)
    case images(ImagesOptions)
    case removeImage(RemoveImageOptions)
    case importImage(ImportOptions)
    case load(LoadOptions)
    case network(NetworkRequestOptions)
    case version
    /// `--version`: one line.
    case shortVersion
    case info
    /// `system reset`.
    case reset(force: Bool)
}

/// Options that stand before the command.
struct ProgramSettings: Sendable, Equatable {
    /// `--root` or BERTH_ROOT: the directory that holds all state of this engine; nil is the usual one.
    var root: String?
}

/// The outcome of reading a command line.
enum ProgramOutcome: Sendable {
    /// Do it.
    case request(ProgramRequest, ProgramSettings)
    /// Print on standard output, end with 0.
    case help(String)
    /// Print on standard error, end with its status.
    case failure(UsageError)
}

/// The program `berth`: the tree of its commands.
enum BerthProgram {
    static let command = Command(
        group: "berth", summary: "A container engine for Linux", usage: "[OPTIONS] COMMAND", flags: { globalFlags },
        subcommands: [
            RunCommand.command, ExecCommand.command, PsCommand.command, ImagesCommand.command, VersionCommand.command,
            InfoCommand.command, containers, images, NetworkCommands.group, system, ImportCommand.command,
            InspectCommand.command,
            KillCommand.command, LoadCommand.command, LogsCommand.command, NetworkCommands.port, RemoveCommand.command,
            RemoveImageCommand.command, StopCommand.command, WaitCommand.command,
        ])

    private static let containers = Command(
        group: "container", summary: "Manage containers",
        subcommands: [
            ExecCommand.command.named("exec"), InspectCommand.container, KillCommand.command, LogsCommand.command,
            PsCommand.command.named("ls", aliases: ["list", "ps"]), NetworkCommands.port,
            RemoveCommand.command.named("rm", aliases: ["remove"]),
            RunCommand.command.named("run"), StopCommand.command, WaitCommand.command,
        ])

    private static let images = Command(
        group: "image", summary: "Manage images",
        subcommands: [
            ImportCommand.command, InspectCommand.image, LoadCommand.command,
            ImagesCommand.command.named("ls", aliases: ["list"]),
            RemoveImageCommand.command.named("rm", aliases: ["remove"]),
        ])

    private static let system = Command(
        group: "system", summary: "Manage Berth",
        subcommands: [InfoCommand.command.named("info"), ResetCommand.command])

    private static let globalFlags: [Flag] = [
        Flag("root", nil, .string, "Directory of all state (also BERTH_ROOT)"),
        Flag("version", "v", .boolean, "Print version information and quit"),
        .notYet("debug", "D", .boolean, "Enable debug mode"),
        .notYet("host", "H", .list("list"), "Daemon socket to connect to"),
        .notYet("context", "c", .string, "Name of the context to use", harmless: ["", "default"]),
        .notYet("config", nil, .string, "Location of client config files"),
        .notYet("log-level", "l", .string, "Set the logging level", default: "info"),
    ]

    /// Reads a command line, the program's own name left out.
    static func parse(_ words: [String], caller: CallerView) -> ProgramOutcome {
        switch command.parse(words) {
        case .help(let text): return .help(text)
        case .failure(let error): return .failure(error)
        case .run(let invocation):
            do throws(UsageError) {
                let root = invocation.globals.string("root") ?? caller.variable("BERTH_ROOT") ?? ""
                return .request(try request(invocation, caller), ProgramSettings(root: root.isEmpty ? nil : root))
            } catch {
                return .failure(error)
            }
        }
    }

    private static func request(_ invocation: Invocation, _ caller: CallerView) throws(UsageError) -> ProgramRequest {
        switch invocation.command.identifier {
        case "container run": .run(try RunCommand.options(invocation, caller))
        case "container exec": .exec(try ExecCommand.options(invocation, caller))
        case "container ls": .ps(PsCommand.options(invocation))
        case "container logs": .logs(LogsCommand.options(invocation))
        case "container stop": .stop(StopCommand.options(invocation))
        case "container kill": .kill(KillCommand.options(invocation))
        case "container rm": .remove(RemoveCommand.options(invocation))
        case "container wait": .wait(containers: invocation.operands)
        case "inspect", "container inspect", "image inspect": .inspect(InspectCommand.options(invocation))
        case "image ls": .images(ImagesCommand.options(invocation))
        case "image rm": .removeImage(RemoveImageCommand.options(invocation))
        case "image import": .importImage(try ImportCommand.options(invocation))
        case "image load": .load(LoadCommand.options(invocation))
        case "container port", "network create", "network ls", "network inspect", "network rm", "network connect",
            "network disconnect", "network prune", "network check":
            .network(try NetworkCommands.options(invocation))
        case "version": .version
        case "system info": .info
        case "system reset": .reset(force: invocation.flags.flag("force"))
        case "berth": .shortVersion
        default:
            throw UsageError(
                "\(invocation.path.joined(separator: " ")) is not supported yet",
                command: invocation.path.joined(separator: " "))
        }
    }
}
