import CommandLine

/// What `explain` was asked for.
struct ExplainOptions: Sendable, Equatable {
    /// One of the two is given.
    var container: String?
    var process: Int32?
    var isJSON = false
}

/// `berth explain`: Docker has nothing like it.
enum ExplainCommand {
    static let command = Command(
        "explain", identifier: "explain", summary: "Show what makes a process a container, as the kernel has it",
        usage: "[OPTIONS] CONTAINER | --process PID", operands: .atMost(1),
        examples: [
            .init("berth explain web", "namespaces, limits, layers, mounts, network and rights of a container"),
            .init("berth explain --process 4711", "the same of any process, also of Docker's or Podman's containers"),
            .init("berth explain --format json web", "for programs"),
        ],
        flags: {
            [
                Flag(
                    "format", "f", .string, "Format output: a tree (\"\"), or \"json\"",
                    check: { value throws(ValueError) in
                        guard ["", "json", "tree"].contains(value) else {
                            throw ValueError("it is neither json nor tree")
                        }
                    }),
                Flag(
                    "process", "p", .string, "Explain a process of the host instead of a container",
                    check: { value throws(ValueError) in _ = try number(value) }),
            ]
        })

    private static func number(_ text: String) throws(ValueError) -> Int32 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let pid = Int32(text), pid > 0 else {
            throw ValueError("it is not the number of a process")
        }
        return pid
    }

    static func options(_ invocation: Invocation) throws(UsageError) -> ExplainOptions {
        let options = ExplainOptions(
            container: invocation.operands.first,
            process: invocation.flags.string("process").flatMap { try? number($0) },
            isJSON: invocation.flags.string("format") == "json")
        guard (options.container == nil) != (options.process == nil) else {
            throw UsageError(
                "berth: explain needs a container or --process PID, and not both",
                usage: invocation.command.usageLine(invocation.path), command: invocation.path.joined(separator: " "))
        }
        return options
    }
}
