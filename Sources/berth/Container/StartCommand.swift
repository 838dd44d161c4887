import CommandLine
import Engine

/// What `start` was asked for.
struct StartOptions: Sendable {
    var containers: [String]
    var attach = false
    var interactive = false
    var terminal = AttachOptions()
}

/// `berth start`.
enum StartCommand {
    static let command = Command(
        "start", identifier: "container start", summary: "Start one or more stopped containers",
        usage: "[OPTIONS] CONTAINER [CONTAINER...]", operands: .atLeast(1),
        fullNames: ["container start", "start"],
        examples: [.init("berth start -ai shell", "a stopped shell again, in this terminal")],
        flags: {
            [
                Flag("attach", "a", .boolean, "Attach STDOUT/STDERR and forward signals"),
                .notYet("checkpoint", nil, .string, "Restore from this checkpoint", harmless: [""]),
                .notYet("checkpoint-dir", nil, .string, "Use a custom checkpoint storage directory", harmless: [""]),
                AttachFlags.detachKeys,
                Flag("interactive", "i", .boolean, "Attach container's STDIN"),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> StartOptions {
        var options = StartOptions(containers: invocation.operands)
        options.attach = invocation.flags.flag("attach")
        options.interactive = invocation.flags.flag("interactive")
        options.terminal.detachKeys = AttachFlags.keys(invocation.flags)
        if options.attach || options.interactive, options.containers.count > 1 {
            throw UsageError(
                "\(invocation.path[0]): you cannot start and attach multiple containers at once",
                command: invocation.path.joined(separator: " "), status: 1)
        }
        return options
    }
}

/// `berth attach`.
enum AttachCommand {
    static let command = Command(
        "attach", identifier: "container attach",
        summary: "Attach local standard input, output, and error streams to a running container",
        usage: "[OPTIONS] CONTAINER", operands: .exactly(1), fullNames: ["container attach", "attach"],
        examples: [.init("berth attach --detach-keys ctrl-a,d shell", "ctrl-a d leaves the shell running")],
        flags: {
            [
                AttachFlags.detachKeys,
                Flag("no-stdin", nil, .boolean, "Do not attach STDIN"),
                AttachFlags.signals,
            ]
        })

    static func options(_ invocation: Invocation) -> AttachOptions {
        var options = AttachOptions()
        options.withoutInput = invocation.flags.flag("no-stdin")
        options.passesSignals = invocation.flags.flag("sig-proxy", default: true)
        options.detachKeys = AttachFlags.keys(invocation.flags)
        return options
    }
}

/// Flags of whatever ties a terminal to a container.
enum AttachFlags {
    static let detachKeys = Flag(
        "detach-keys", nil, .string, "Override the key sequence for detaching a container",
        check: { value throws(ValueError) in
            guard DetachKeys(value) != nil else {
                throw ValueError("invalid detach keys: write keys such as ctrl-p,ctrl-q or a,b between commas")
            }
        })

    static let signals = Flag("sig-proxy", nil, .boolean, "Proxy all received signals to the process", default: "true")

    static func keys(_ flags: FlagValues) -> DetachKeys {
        flags.string("detach-keys").flatMap { DetachKeys($0) } ?? DetachKeys()
    }
}
