import CommandLine
import ContainerRuntime
import LinuxKernel

/// `start`.
enum StartVerb: RuntimeVerb {
    static let command = Command(
        "start", identifier: "start", summary: "Start a created container's program", usage: "CONTAINER",
        operands: .exactly(1))

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        try settings.containers().start(invocation.container)
        return 0
    }
}

/// `pause`.
enum PauseVerb: RuntimeVerb {
    static let command = Command(
        "pause", identifier: "pause", summary: "Stop every process of a container where it is", usage: "CONTAINER",
        operands: .exactly(1))

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        try settings.containers().pause(invocation.container)
        return 0
    }
}

/// `resume`.
enum ResumeVerb: RuntimeVerb {
    static let command = Command(
        "resume", identifier: "resume", summary: "Let the processes of a paused container go on", usage: "CONTAINER",
        operands: .exactly(1))

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        try settings.containers().resume(invocation.container)
        return 0
    }
}

/// `kill`.
enum KillVerb: RuntimeVerb {
    static let command = Command(
        "kill", identifier: "kill", summary: "Send a signal to a container", usage: "[OPTIONS] CONTAINER [SIGNAL]",
        operands: .between(1, 2),
        flags: { [Flag("all", "a", .boolean, "Signal every process of the container, not only its first")] })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let text = invocation.operands.count > 1 ? invocation.operands[1] : "SIGTERM"
        // 0 asks whether it is there.
        guard let signal = text == "0" ? 0 : Signals.number(text) else {
            throw RuntimeError("kill", "container \(invocation.container)", cause: "unknown signal \(quoted(text))")
        }
        try settings.containers().kill(invocation.container, signal: signal, all: invocation.flags.flag("all"))
        return 0
    }
}

/// `delete`.
enum DeleteVerb: RuntimeVerb {
    static let command = Command(
        "delete", identifier: "delete", summary: "Delete a container", usage: "[OPTIONS] CONTAINER",
        operands: .exactly(1), flags: { [Flag("force", "f", .boolean, "End it first if it runs (SIGKILL)")] })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        try settings.containers().delete(invocation.container, force: invocation.flags.flag("force"))
        return 0
    }
}
