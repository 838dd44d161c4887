import CommandLine
import ControlGroups
import Engine
import Glibc
import GoTemplate
import JSON
import LinuxKernel

/// Looking at containers and moving files.
enum ObservationRequest: Sendable {
    case top(TopOptions)
    case stats(StatsOptions)
    case diff(String)
    case copy(CopyRequest)
    case events(EventsOptions)
}

extension ProgramExecution {
    /// Commands that look at what containers do, and move files.
    func observe(_ request: ObservationRequest) throws -> Int32 {
        switch request {
        case .top(let options): try top(options)
        case .stats(let options): try stats(options)
        case .diff(let container):
            for difference in try engine.differences(container) {
                writeText("\(difference.kind.rawValue) \(printable(difference.path.description))\n", to: 1)
            }
        case .copy(let request):
            if request.outside == "-", !request.isInto, Terminal.isTerminal(1) {
                throw EngineError("cowardly refusing to write an archive to a terminal: redirect it")
            }
            try engine.copy(request)
        case .events(let options): try events(options)
        }
        return 0
    }

    private func top(_ options: TopOptions) throws {
        var table = Table(options.columns.map(\.heading))
        for process in try engine.processes(options.container) {
            table.add(options.columns.map { Self.cell($0, process) })
        }
        writeText(table.text, to: 1)
    }

    private static func cell(_ column: TopColumn, _ process: ContainerProcess) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : String(number) }
        let time = process.processorTime
        switch column {
        case .user, .uid: return process.user
        case .pid: return String(process.pid)
        case .ppid: return String(process.parent)
        case .c: return String(Int(min(99, process.share)))
        case .pcpu: return Percent.text(process.share, digits: 1)
        case .pmem:
            let total = Double(ContainerSample.machineMemory)
            return Percent.text(Double(process.resident) * 1024 * 100 / total, digits: 1)
        case .stime, .start:
            return String(WallClock.text(seconds: process.started, nanoseconds: 0).dropFirst(11).prefix(5))
        case .tty: return process.terminal
        case .time: return "\(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60))"
        case .stat: return process.state
        case .vsz: return String(process.virtual)
        case .rss: return String(process.resident)
        case .ni: return String(process.nice)
        case .comm: return process.name
        case .cmd, .args, .command: return process.command
        }
    }

    // MARK: stats

    private func stats(_ options: StatsOptions) throws {
        let format = try GoTemplate.ListingFormat(
            parsing: options.format,
            table:
                "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}")
        for name in options.containers { _ = try engine.inspect(name) }
        var before = try samples(options)
        while true {
            // The share of the processors is a difference.
            usleep(before.isEmpty ? 200_000 : 1_000_000)
            let now = try samples(options)
            let rows = now.map { entry in statsRow(entry, before, options) }
            let text = try format.text(
                rows: rows,
                headings: [
                    "ID": "CONTAINER ID", "Container": "CONTAINER", "Name": "NAME", "CPUPerc": "CPU %",
                    "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O",
                    "PIDs": "PIDS", "CPUPressure": "CPU PRESSURE", "MemPressure": "MEM PRESSURE",
                    "IOPressure": "I/O PRESSURE",
                ])
            // A pipe gets lines and no escape codes.
            let clears = options.isStream && Terminal.isTerminal(1)
            guard writeBytes(Array(((clears ? "\u{1B}[H\u{1B}[J" : "") + text).utf8), to: 1), options.isStream else {
                return
            }
            if !options.containers.isEmpty, now.allSatisfy({ $0.sample == nil }), !options.all { return }
            before = now
        }
    }

    private struct StatsEntry {
        var record: ContainerRecord
        var sample: ContainerSample?
    }

    private func samples(_ options: StatsOptions) throws -> [StatsEntry] {
        if options.containers.isEmpty {
            return try engine.list().filter { options.all || $0.state.status == .running }
                .map { StatsEntry(record: $0.record, sample: engine.sample($0.record, $0.state)) }
        }
        var result = [StatsEntry]()
        for name in options.containers {
            guard let entry = try? engine.inspect(name) else { continue }
            result.append(StatsEntry(record: entry.record, sample: engine.sample(entry.record, entry.state)))
        }
        return result
    }

    private func statsRow(_ entry: StatsEntry, _ before: [StatsEntry], _ options: StatsOptions) -> JSONObject {
        let record = entry.record
        let id = options.truncates ? ContainerID.short(record.id) : record.id
        var cells = [
            "CPUPerc": "--", "MemUsage": "-- / --", "MemPerc": "--", "NetIO": "--", "BlockIO": "--", "PIDs": "--",
            "CPUPressure": "--", "MemPressure": "--", "IOPressure": "--",
        ]
        if let sample = entry.sample {
            let statistics = sample.statistics
            let earlier = before.first { $0.record.id == record.id }?.sample ?? sample
            func pair(_ one: UInt64, _ other: UInt64) -> String {
                ByteSize.decimalText(Int64(clamping: one)) + " / " + ByteSize.decimalText(Int64(clamping: other))
            }
            cells["CPUPerc"] = Percent.text(sample.processorShare(since: earlier), digits: 2) + "%"
            cells["MemUsage"] =
                ByteSize.binaryText(Int64(clamping: statistics.memory.workingSet)) + " / "
                + ByteSize.binaryText(Int64(clamping: sample.memoryLimit))
            let share = Double(statistics.memory.workingSet) * 100 / Double(max(1, sample.memoryLimit))
            cells["MemPerc"] = Percent.text(share, digits: 2) + "%"
            cells["NetIO"] = pair(sample.received, sample.sent)
            cells["BlockIO"] = pair(statistics.blockIO.readBytes, statistics.blockIO.writeBytes)
            cells["PIDs"] = String(statistics.pids)
            for (name, pressure) in [
                ("CPUPressure", statistics.cpuPressure), ("MemPressure", statistics.memoryPressure),
                ("IOPressure", statistics.ioPressure),
            ] { if let pressure { cells[name] = Percent.text(pressure.some.average10, digits: 2) + "%" } }
        }
        var row = JSONObject(cells.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
        row["Container"] = .string(id)
        row["ID"] = .string(id)
        row["Name"] = .string(record.name)
        return row
    }
}

/// Percentages with a fixed number of digits behind the point.
enum Percent {
    static func text(_ value: Double, digits: Int) -> String {
        var scale: Int64 = 1
        for _ in 0..<digits { scale *= 10 }
        let number = Int64((value * Double(scale)).rounded())
        let rest = String(number % scale)
        return "\(number / scale)." + String(repeating: "0", count: digits - rest.utf8.count) + rest
    }
}
