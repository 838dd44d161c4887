import CommandLine
import ContainerNetwork
import Engine
import GoTemplate
import JSON
import LinuxKernel

extension ProgramExecution {
    /// `ps`.
    func list(_ options: PsOptions) throws -> Int32 {
        var entries = try ContainerFilter.select(try engine.list(), options.filters, engine)
        if let last = options.last {
            entries = Array(entries.prefix(last))
        } else if !options.all, !options.filters.contains(where: \.meansAll) {
            entries = entries.filter { $0.state.isAlive }
        }
        func id(_ record: ContainerRecord) -> String { options.truncates ? ContainerID.short(record.id) : record.id }
        if options.quiet, options.format.isEmpty {
            for entry in entries { writeText("\(id(entry.record))\n", to: 1) }
            return 0
        }
        var columns = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"]
        let needsSize = options.sizes || options.format.utf8.count > 5 && options.format.contains(".Size")
        if options.sizes { columns.append("Size") }
        let format = try GoTemplate.ListingFormat(
            parsing: options.format, table: columns.map { "{{.\($0)}}" }.joined(separator: "\t"))
        let now = WallClock.seconds()
        let rows = entries.map { entry -> JSONObject in
            let (record, state) = entry
            var command = record.arguments.joined(separator: " ")
            if options.truncates { command = Table.shortened(command, to: 20) }
            let labels = record.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            var mounts = record.mounts.filter { $0.kind != .tmpfs }.map { $0.kind == .volume ? $0.name : $0.source }
            if options.truncates { mounts = mounts.map { Table.shortened($0, to: 15) } }
            let networks = record.attachments.map(\.network)
            let members: [(String, String)] = [
                ("Command", "\"\(command)\""), ("CreatedAt", goTime(record.created)), ("ID", id(record)),
                ("Image", record.image), ("Labels", labels.joined(separator: ",")),
                ("LocalVolumes", String(record.mounts.filter { $0.kind == .volume }.count)),
                ("Mounts", mounts.joined(separator: ",")), ("Names", record.name),
                ("Networks", networks.isEmpty ? record.network : networks.joined(separator: ",")),
                ("Ports", ports(record, state)), ("RunningFor", ago(record.created, now)),
                ("Size", needsSize ? sizeText(record) : "0B"), ("State", state.word),
                ("Status", status(record, state, now)),
            ]
            return JSONObject(members.map { ($0.0, .string(printable($0.1))) })
        }
        let labels = entries.map(\.record.labels)
        writeText(
            try format.text(
                rows: rows,
                headings: [
                    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "CreatedAt": "CREATED AT",
                    "RunningFor": "CREATED", "Status": "STATUS", "Ports": "PORTS", "Names": "NAMES", "Size": "SIZE",
                    "State": "STATE", "Labels": "LABELS", "Mounts": "MOUNTS", "LocalVolumes": "LOCAL VOLUMES",
                    "Networks": "NETWORKS",
                ]
            ) { place in
                let own = labels.indices.contains(place) ? labels[place] : [:]
                return [
                    "Label": { arguments throws(TemplateError) in
                        .string(printable(own[arguments.first?.stringValue ?? ""] ?? ""))
                    }
                ]
            }, to: 1)
        return 0
    }

    /// `2026-01-31 12:00:00 +0000 UTC`.
    private func goTime(_ time: String) -> String {
        guard let moment = WallClock.parse(time) else { return time }
        let text = WallClock.text(seconds: moment.seconds, nanoseconds: 0)
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) +0000 UTC"
    }

    private func sizeText(_ record: ContainerRecord) -> String {
        let (own, whole) = engine.sizes(of: record)
        return "\(ByteSize.decimalText(own)) (virtual \(ByteSize.decimalText(whole)))"
    }

    private func ago(_ time: String, _ now: Int64) -> String {
        guard let moment = WallClock.parse(time) else { return "" }
        return TimeSpan.rough(seconds: max(0, now - moment.seconds)) + " ago"
    }

    func status(_ record: ContainerRecord, _ state: ContainerState, _ now: Int64) -> String {
        switch state.status {
        case .created: return "Created"
        case .running:
            let up =
                "Up "
                + TimeSpan.rough(seconds: max(0, now - (WallClock.parse(state.startedAt)?.seconds ?? now)))
            if state.isPaused { return up + " (Paused)" }
            guard let health = engine.health(record, state) else { return up }
            return up + (health.status == .starting ? " (health: starting)" : " (\(health.status.rawValue))")
        case .restarting: return "Restarting (\(state.exitCode)) " + ago(state.finishedAt, now)
        case .exited: return "Exited (\(state.exitCode)) " + ago(state.finishedAt, now)
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
