import CommandLine
import ContainerRuntime
import Glibc
import JSON
import LinuxKernel

/// The program `berth-runtime`: runc's command line over an OCI bundle.
enum RuntimeProgram {
    private static let bundleFlags: @Sendable () -> [Flag] = {
        [
            Flag("bundle", "b", .string, "Path of the bundle", default: "."),
            Flag("config", "f", .string, "Path of the configuration instead of the bundle's config.json"),
            Flag("pid-file", nil, .string, "File to write the container's process id to"),
            Flag("no-new-keyring", nil, .boolean, "Keep the caller's session keyring"),
            Flag("no-pivot", nil, .boolean, "Use chroot instead of pivot_root"),
            Flag("preserve-fds", nil, .integer, "Pass this many more descriptors from 3 on"),
        ]
    }

    private static let command = Command(
        group: "berth-runtime", summary: "An OCI runtime", usage: "[OPTIONS] COMMAND",
        flags: {
            [
                Flag("root", nil, .string, "Directory of the containers' state", default: "/run/berth-runtime"),
                Flag("version", "v", .boolean, "Print version information"),
            ]
        },
        subcommands: [
            Command(
                "run", identifier: "run", summary: "Create and start a container", usage: "[OPTIONS] CONTAINER",
                operands: .exactly(1), flags: bundleFlags),
            Command(
                "create", identifier: "create", summary: "Create a container", usage: "[OPTIONS] CONTAINER",
                operands: .exactly(1),
                flags: { bundleFlags() + [Flag("console-socket", nil, .string, "Socket that receives the terminal")] }),
            Command(
                "start", identifier: "start", summary: "Start a created container's program", usage: "CONTAINER",
                operands: .exactly(1)),
            Command(
                "state", identifier: "state", summary: "Print a container's state", usage: "CONTAINER",
                operands: .exactly(1)),
            Command(
                "kill", identifier: "kill", summary: "Send a signal to a container", usage: "[OPTIONS] CONTAINER [SIGNAL]",
                operands: .between(1, 2), flags: { [Flag("all", "a", .boolean, "Signal every process of it")] }),
            Command(
                "delete", identifier: "delete", summary: "Delete a container", usage: "[OPTIONS] CONTAINER",
                operands: .exactly(1), flags: { [Flag("force", "f", .boolean, "End it first if it runs")] }),
            Command("list", identifier: "list", summary: "List containers", usage: "", operands: .none),
        ])

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
            do { return try execute(invocation) } catch {
                writeText("berth-runtime: \(printable("\(error)"))\n", to: 2)
                return 1
            }
        }
    }

    private static func execute(_ invocation: Invocation) throws -> Int32 {
        guard geteuid() == 0 else {
            throw RuntimeError("run", "berth-runtime", cause: "it needs root; rootless containers are not supported yet")
        }
        let containers = try RuntimeContainers(root: invocation.globals.string("root") ?? "/run/berth-runtime")
        let id = invocation.operands.first ?? ""
        switch invocation.command.identifier {
        case "run": return try containers.run(id, createOptions(invocation.flags))
        case "create": try containers.create(id, createOptions(invocation.flags))
        case "start": try containers.start(id)
        case "state": writeText(try containers.state(id).text(indent: 2) + "\n", to: 1)
        case "kill":
            let text = invocation.operands.count > 1 ? invocation.operands[1] : "SIGTERM"
            guard let signal = Signals.number(text) else { throw RuntimeError("kill", id, cause: "unknown signal \"\(text)\"") }
            try containers.kill(id, signal: signal, all: invocation.flags.flag("all"))
        case "delete": try containers.delete(id, force: invocation.flags.flag("force"))
        case "list": writeText(JSONValue.array(try containers.list()).text(indent: 2) + "\n", to: 1)
        default: writeText("berth-runtime version \(Version.text)\nspec: 1.3.0\n", to: 1)
        }
        return 0
    }

    private static func createOptions(_ flags: FlagValues) -> RuntimeContainers.CreateOptions {
        var options = RuntimeContainers.CreateOptions(bundle: flags.string("bundle") ?? ".")
        options.configurationPath = flags.string("config")
        options.pidFile = flags.string("pid-file")
        options.consoleSocket = flags.string("console-socket")
        options.keepsKeyring = flags.flag("no-new-keyring")
        options.noPivot = flags.flag("no-pivot")
        options.preservedDescriptors = Int(clamping: flags.integer("preserve-fds") ?? 0)
        return options
    }
}
