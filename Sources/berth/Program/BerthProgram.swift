import CommandLine
import TransferCommands

/// What a command line asks the program to do, with everything read that is needed to do it.
enum ProgramRequest: Sendable {
    case run(RunOptions)
    case exec(ExecOptions)
    case lifecycle(LifecycleRequest)
    case observe(ObservationRequest)
    case volume(VolumeRequest)
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
    case image(ImageRequest)
    case network(NetworkRequestOptions)
    case explain(ExplainOptions)
    case document(DocumentRequest)
    case version(format: String)
    /// `--version`: one line.
    case shortVersion
    /// A command that `berth-net` carries out.
    case transfer(needsStore: Bool)
    case info(format: String)
    case build(BuildOptions)
    case builderUsage
    case builderPrune(BuilderPruneOptions)
    /// `system reset`.
    case reset(force: Bool)
}

/// Options that stand before the command.
struct ProgramSettings: Sendable, Equatable {
    /// `--root` or BERTH_ROOT: the directory that holds all state of this engine; nil is the usual one.
    var root: String?
    /// `--config`: where credentials for registries are; nil is the usual place.
    var configuration: String?
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
        group: "berth", summary: "A container engine for Linux", usage: "[OPTIONS] COMMAND",
        flags: { TransferCommands.globalFlags },
        subcommands: [
            RunCommand.command, ExecCommand.command, PsCommand.command, ImagesCommand.command, VersionCommand.command,
            InfoCommand.command, BuildCommand.command, BuilderCommands.group, BuilderCommands.buildx, containers,
            images, NetworkCommands.group, VolumeCommands.group, system, ImportCommand.command, InspectCommand.command,
            ExplainCommand.command, KillCommand.command, LoadCommand.command, LogsCommand.command, NetworkCommands.port,
            RemoveCommand.command, SaveCommand.command, TagCommand.command, HistoryCommand.command,
            CommitCommand.command, ExportCommand.command, RemoveImageCommand.command, StopCommand.command,
            CreateCommand.command, StartCommand.command, AttachCommand.command, RestartCommand.command,
            PauseCommand.pause, PauseCommand.unpause, RenameCommand.command, UpdateCommand.command, TopCommand.command,
            StatsCommand.command, DiffCommand.command, CopyCommand.command, EventsCommand.command, WaitCommand.command,
            TransferCommands.manifest,
            DocumentCommands.completion, DocumentCommands.manual, DocumentCommands.listing, DocumentCommands.names,
        ] + TransferCommands.common + ForeignCommands.all)

    private static let containers = Command(
        group: "container", summary: "Manage containers",
        subcommands: [
            CommitCommand.command, ExportCommand.command,
            ExecCommand.command.named("exec"), InspectCommand.container, KillCommand.command, LogsCommand.command,
            PsCommand.command.named("ls", aliases: ["list", "ps"]), NetworkCommands.port,
            RemoveCommand.command.named("rm", aliases: ["remove"]),
            RunCommand.command.named("run"), StopCommand.command, CreateCommand.command, StartCommand.command,
            AttachCommand.command, RestartCommand.command, PauseCommand.pause, PauseCommand.unpause,
            RenameCommand.command,
            ContainerPruneCommand.command,
            UpdateCommand.command, TopCommand.command, StatsCommand.command, DiffCommand.command, CopyCommand.command,
            WaitCommand.command,
        ])

    private static let images = Command(
        group: "image", summary: "Manage images",
        subcommands: [
            BuildCommand.command, ImportCommand.command, InspectCommand.image, LoadCommand.command, SaveCommand.command,
            TagCommand.command,
            HistoryCommand.command, ImagePruneCommand.command,
            ImagesCommand.command.named("ls", aliases: ["list"]),
            RemoveImageCommand.command.named("rm", aliases: ["remove"]),
        ] + TransferCommands.ofImages)

    private static let system = Command(
        group: "system", summary: "Manage Berth",
        subcommands: [
            InfoCommand.command.named("info"), DiskUsageCommand.command, CheckCommand.command, ResetCommand.command,
            ResumeCommand.command, SystemPruneCommand.command, EventsCommand.command,
        ])

    /// Reads a command line, the program's own name left out.
    static func parse(_ words: [String], caller: CallerView) -> ProgramOutcome {
        switch command.parse(words) {
        case .help(let text): return .help(text)
        case .failure(let error): return .failure(error)
        case .run(let invocation):
            do throws(UsageError) {
                let root = invocation.globals.string("root") ?? caller.variable("BERTH_ROOT") ?? ""
                return .request(
                    try request(invocation, caller),
                    ProgramSettings(
                        root: root.isEmpty ? nil : root, configuration: invocation.globals.string("config")))
            } catch {
                return .failure(error)
            }
        }
    }

    private static func request(_ invocation: Invocation, _ caller: CallerView) throws(UsageError) -> ProgramRequest {
        if let document = try DocumentCommands.request(invocation) { return .document(document) }
        return switch invocation.command.identifier {
        case "container run": .run(try RunCommand.options(invocation, caller))
        case "container exec": .exec(try ExecCommand.options(invocation, caller))
        case "container ls": .ps(PsCommand.options(invocation))
        case "container logs": .logs(LogsCommand.options(invocation))
        case "container stop": .stop(StopCommand.options(invocation))
        case "container kill": .kill(KillCommand.options(invocation))
        case "container rm": .remove(RemoveCommand.options(invocation))
        case "container create": .lifecycle(.create(try RunCommand.options(invocation, caller)))
        case "container top": .observe(.top(try TopCommand.options(invocation)))
        case "container stats": .observe(.stats(StatsCommand.options(invocation)))
        case "container diff": .observe(.diff(invocation.operands[0]))
        case "container cp": .observe(.copy(try CopyCommand.options(invocation)))
        case "system events": .observe(.events(EventsCommand.options(invocation)))
        case "container prune": .lifecycle(.prune(try ContainerPruneCommand.options(invocation)))
        case "system prune": .lifecycle(.pruneSystem(try ContainerPruneCommand.options(invocation)))
        case let name where ByteText.begins(name, with: "volume "): .volume(try VolumeCommands.request(invocation))
        case "container start": .lifecycle(.start(try StartCommand.options(invocation)))
        case "container attach":
            .lifecycle(.attach(container: invocation.operands[0], AttachCommand.options(invocation)))
        case "container restart": .lifecycle(.restart(StopCommand.options(invocation)))
        case "container pause": .lifecycle(.pause(invocation.operands))
        case "container unpause": .lifecycle(.unpause(invocation.operands))
        case "container rename": .lifecycle(.rename(invocation.operands[0], to: invocation.operands[1]))
        case "container update": .lifecycle(.update(try UpdateCommand.options(invocation)))
        case "container wait": .wait(containers: invocation.operands)
        case "inspect", "container inspect", "image inspect": .inspect(InspectCommand.options(invocation))
        case "image ls": .images(try ImagesCommand.options(invocation))
        case "image rm": .removeImage(RemoveImageCommand.options(invocation))
        case "image import": .importImage(try ImportCommand.options(invocation))
        case "image load": .load(LoadCommand.options(invocation))
        case "image save": .image(.save(SaveCommand.options(invocation)))
        case "image tag": .image(.tag(source: invocation.operands[0], target: invocation.operands[1]))
        case "image history": .image(.history(HistoryCommand.options(invocation)))
        case "image prune": .image(.prune(try ImagePruneCommand.options(invocation)))
        case "container export":
            .image(
                .export(
                    container: invocation.operands[0], output: CommonFlags.file(invocation.flags.string("output"))))
        case "container commit": .image(.commit(CommitCommand.options(invocation)))
        case "system df": .image(.diskUsage(try DiskUsageCommand.options(invocation)))
        case "system check": .image(.check(repair: invocation.flags.flag("repair")))
        case "container port", "network create", "network ls", "network inspect", "network rm", "network connect",
            "network disconnect", "network prune", "network check":
            .network(try NetworkCommands.options(invocation))
        case "explain": .explain(try ExplainCommand.options(invocation))
        case "version": .version(format: invocation.flags.string("format") ?? "")
        case "system info": .info(format: invocation.flags.string("format") ?? "")
        case "image build": .build(try BuildCommand.options(invocation, caller))
        case "builder du": .builderUsage
        case "builder prune": .builderPrune(BuilderCommands.pruneOptions(invocation))
        case "system resume": .lifecycle(.resume)
        case "system reset": .reset(force: invocation.flags.flag("force"))
        case "berth": .shortVersion
        case let transfer where TransferCommands.owns(transfer):
            .transfer(needsStore: ["image pull", "image push"].contains(transfer))
        default:
            throw UsageError(
                "\(invocation.path.joined(separator: " ")) is not supported yet",
                command: invocation.path.joined(separator: " "))
        }
    }
}
