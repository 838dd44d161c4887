import CommandLine
import Engine

/// What `update` was asked for.
struct UpdateOptions: Sendable {
    var containers: [String]
    var limits = LimitOptions()
    var restart: RestartPolicy?
}

/// `berth update`.
enum UpdateCommand {
    static let command = Command(
        "update", identifier: "container update", summary: "Update configuration of one or more containers",
        usage: "[OPTIONS] CONTAINER [CONTAINER...]", operands: .atLeast(1), fullNames: ["container update", "update"],
        examples: [.init("berth update --memory 512m --cpus 1.5 web", "other limits, at once")],
        flags: {
            let names: Set = [
                "blkio-weight", "cpu-period", "cpu-quota", "cpu-rt-period", "cpu-rt-runtime", "cpu-shares", "cpus",
                "cpuset-cpus", "cpuset-mems", "memory", "memory-reservation", "memory-swap", "pids-limit", "restart",
            ]
            return RunFlags.all().filter { names.contains($0.name) }.map { flag in
                var flag = flag
                if flag.name == "restart" { flag.defaultText = nil }
                return flag
            }
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> UpdateOptions {
        let flags = invocation.flags
        var options = UpdateOptions(containers: invocation.operands)
        options.limits = RunCommand.limits(flags)
        options.restart = flags.string("restart").flatMap { RestartPolicy($0) }
        return options
    }
}
