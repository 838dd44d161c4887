import CommandLine
import ContainerNetwork
import Engine
import LinuxKernel

extension ProgramExecution {
    /// `ps`.
    func list(_ options: PsOptions) throws -> Int32 {
        var entries = try engine.list()
        if let last = options.last {
            entries = Array(entries.prefix(last))
        } else if !options.all {
            entries = entries.filter { $0.state.status == .running }
        }
        func id(_ record: ContainerRecord) -> String { options.truncates ? ContainerID.short(record.id) : record.id }
        if options.quiet {
            for entry in entries { writeText("\(id(entry.record))\n", to: 1) }
            return 0
        }
        var table = Table(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"])
        let now = WallClock.seconds()
        for (record, state) in entries {
            var command = record.arguments.joined(separator: " ")
            if options.truncates { command = Table.shortened(command, to: 20) }
            table.add([
                id(record), record.image, "\"\(command)\"", ago(record.created, now), status(state, now),
                ports(record, state), record.name,
            ])
        }
        writeText(table.text, to: 1)
        return 0
    }

    private func ago(_ time: String, _ now: Int64) -> String {
        guard let moment = WallClock.parse(time) else { return "" }
        return TimeSpan.rough(seconds: max(0, now - moment.seconds)) + " ago"
    }

    private func status(_ state: ContainerState, _ now: Int64) -> String {
        switch state.status {
        case .created: "Created"
        case .running: "Up " + TimeSpan.rough(seconds: max(0, now - (WallClock.parse(state.startedAt)?.seconds ?? now)))
        case .exited: "Exited (\(state.exitCode)) " + ago(state.finishedAt, now)
        }
    }

    /// What is really reachable: networks may have been disconnected since the start.
    private func ports(_ record: ContainerRecord, _ state: ContainerState) -> String {
        guard state.status == .running, !state.ports.isEmpty else { return "" }
        return engine.networks.endpoints(of: record.id).flatMap(\.ports).map(\.description).joined(separator: ", ")
    }

    /// `logs`.
    func logs(_ options: LogsOptions) throws -> Int32 {
        let now = (seconds: WallClock.seconds(), nanoseconds: Int64(0))
        try engine.logs(
            options.container, follow: options.follow, tail: options.tail,
            since: options.since?.resolved(now: now), until: options.until?.resolved(now: now)
        ) { entry in
            let number: Int32 = entry.isError ? 2 : 1
            if options.timestamps { writeText("\(entry.time) ", to: number) }
            return writeBytes(entry.text, to: number)
        }
        return 0
    }
}
