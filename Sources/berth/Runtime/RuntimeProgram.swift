import CommandLine
import ContainerRuntime
import Glibc
import LinuxKernel

/// The program `berth-runtime`: runc's command line over OCI bundles. Each verb has a file of its own.
enum RuntimeProgram {
    static let command = Command(
        group: "berth-runtime", summary: "Run containers from OCI bundles, as runc does", usage: "[OPTIONS] COMMAND",
        flags: { RuntimeSettings.flags },
        subcommands: verbs.map { $0.command })

    /// Everything it can do.
    private static var verbs: [Entry] {
        [
            Entry(CreateVerb.self), Entry(StartVerb.self), Entry(RunVerb.self), Entry(ExecVerb.self),
            Entry(StateVerb.self), Entry(ListVerb.self), Entry(PsVerb.self), Entry(KillVerb.self),
            Entry(DeleteVerb.self), Entry(PauseVerb.self), Entry(ResumeVerb.self), Entry(UpdateVerb.self),
            Entry(EventsVerb.self), Entry(SpecVerb.self), Entry(FeaturesVerb.self), Entry(CheckpointVerb.self),
            Entry(RestoreVerb.self),
        ]
    }

    /// One verb as values.
    private struct Entry {
        let command: Command
        let failureStatus: Int32
        let run: (Invocation, RuntimeSettings) throws -> Int32

        init<Verb: RuntimeVerb>(_ verb: Verb.Type) {
            command = Verb.command
            failureStatus = Verb.failureStatus
            run = { invocation, settings in try Verb.run(invocation, settings) }
        }
    }

    /// Runs the program and returns its exit status.
    static func run(_ words: [String]) -> Int32 {
        switch command.parse(words) {
        case .help(let text):
            writeText(text, to: 1)
            return 0
        case .failure(let error):
            writeText("\(error)", to: 2)
            return 1
        case .run(let invocation):
            if invocation.command.identifier == "berth-runtime" {
                writeText(versionText, to: 1)
                return 0
            }
            return execute(invocation)
        }
    }

    /// What engines ask for to show it: a line each of `name version NUMBER`, `commit:` and `spec:`.
    static let versionText = """
        berth-runtime version \(Version.text)
        commit: \(Version.text)
        spec: \(FeaturesVerb.newestSpecification)

        """

    private static func execute(_ invocation: Invocation) -> Int32 {
        let settings: RuntimeSettings
        do throws(RuntimeError) { settings = try RuntimeSettings(invocation.globals) } catch {
            writeText("berth-runtime: \(printable(error.description))\n", to: 2)
            return 1
        }
        guard let verb = verbs.first(where: { $0.command.identifier == invocation.command.identifier }) else {
            return 1
        }
        do {
            return try verb.run(invocation, settings)
        } catch {
            settings.log.error(invocation.command.identifier, "\(error)")
            return verb.failureStatus
        }
    }
}

/// One command of the program.
protocol RuntimeVerb {
    static var command: Command { get }
    /// The exit status when it throws: runc's 1, and 255 of its `exec`, which no program's status is taken for.
    static var failureStatus: Int32 { get }
    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32
}

extension RuntimeVerb {
    static var failureStatus: Int32 { 1 }
}

extension Invocation {
    /// The container's id, the first operand of nearly every verb.
    var container: String { operands.first ?? "" }
}
