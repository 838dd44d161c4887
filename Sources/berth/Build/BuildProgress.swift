import Glibc
import ImageBuilder
import JSON
import LinuxKernel

/// Shows a build while it runs.
class BuildProgress {
    /// Hears of everything that happens.
    func hear(_ event: BuildEvent) {}
    /// The image is made.
    func exported(_ id: String, _ names: [String]) {}
    /// Nothing more comes.
    func end() {}
    /// Whether what the checks found belongs to this kind of output.
    var showsWarnings: Bool { false }

    /// The kind that is asked for; by itself a terminal is drawn on and anything else gets lines.
    static func make(_ kind: BuildOptions.Progress) -> BuildProgress {
        switch kind {
        case .quiet: QuietProgress()
        case .rawjson: RawProgress()
        case .plain: PlainProgress()
        case .tty: TerminalProgress()
        case .auto: Terminal.isTerminal(2) ? TerminalProgress() : PlainProgress()
        }
    }
}

/// Nothing but the output of a step that failed.
final class QuietProgress: BuildProgress {
    private var logs = [Int: [UInt8]]()

    override func hear(_ event: BuildEvent) {
        switch event {
        case .output(let id, _, let bytes): logs[id, default: []] += bytes.suffix(1 << 20)
        case .failed(let id, _): writeText(printableLines(logs[id] ?? []), to: 2)
        case .finished(let id, _): logs[id] = nil
        case .warning(let text): writeText(text + "\n", to: 2)
        default: break
        }
    }
}

/// Lines, each with the number of its step.
final class PlainProgress: BuildProgress {
    private var starts = [Int: Int64]()
    private var partial = [Int: [UInt8]]()
    private var last = 0

    override var showsWarnings: Bool { true }

    private func write(_ id: Int, _ text: String) {
        // An empty line where another step goes on.
        if last != 0, last != id { writeText("\n", to: 2) }
        last = id
        writeText("#\(id) \(text)\n", to: 2)
    }

    private func seconds(_ id: Int) -> String {
        let elapsed = Double(MonotonicClock.nanoseconds() - (starts[id] ?? 0)) / 1e9
        return Decimal.text(elapsed, digits: 3)
    }

    override func hear(_ event: BuildEvent) {
        switch event {
        case .started(let id, let title):
            starts[id] = MonotonicClock.nanoseconds()
            write(id, harmless(oneLine(title)))
        case .cached(let id, let title):
            write(id, harmless(oneLine(title)))
            write(id, "CACHED")
        case .output(let id, _, let bytes):
            var rest = (partial[id] ?? []) + bytes
            while let end = rest.firstIndex(of: 10) {
                write(id, "\(seconds(id)) \(printableLine(Array(rest[..<end])))")
                rest.removeFirst(end + 1)
            }
            partial[id] = rest
        case .finished(let id, let seconds):
            flush(id)
            write(id, "DONE \(Decimal.text(seconds, digits: 1))s")
        case .failed(let id, let message):
            flush(id)
            write(id, "ERROR: \(harmless(message))")
        case .canceled(let id):
            flush(id)
            write(id, "CANCELED")
        case .warning(let text): writeText(text + "\n", to: 2)
        }
    }

    private func flush(_ id: Int) {
        if let rest = partial[id], !rest.isEmpty { write(id, "\(seconds(id)) \(printableLine(rest))") }
        partial[id] = nil
    }

    override func exported(_ id: String, _ names: [String]) {
        let number = (starts.keys.max() ?? last) + 1
        write(max(number, last + 1), "exporting to image")
        write(last, "writing image \(id) done")
        for name in names { write(last, "naming to \(harmless(name)) done") }
        write(last, "DONE")
    }
}

/// One JSON object a line, for programs.
final class RawProgress: BuildProgress {
    private func write(_ members: [(String, JSONValue)]) {
        writeText(JSONValue.object(JSONObject(members)).text() + "\n", to: 2)
    }

    override func hear(_ event: BuildEvent) {
        let now = JSONValue.string(WallClock.now())
        switch event {
        case .started(let id, let title):
            write([("vertexes", .array([["id": JSONValue(id), "name": .string(title), "started": now]]))])
        case .cached(let id, let title):
            write([
                (
                    "vertexes",
                    .array([
                        ["id": JSONValue(id), "name": .string(title), "started": now, "completed": now, "cached": true]
                    ])
                )
            ])
        case .output(let id, let isError, let bytes):
            write([
                (
                    "logs",
                    .array([
                        [
                            "vertex": JSONValue(id), "stream": isError ? 2 : 1, "timestamp": now,
                            "data": .string(Base64Text.encode(bytes)),
                        ]
                    ])
                )
            ])
        case .finished(let id, _): write([("vertexes", .array([["id": JSONValue(id), "completed": now]]))])
        case .failed(let id, let message):
            write([("vertexes", .array([["id": JSONValue(id), "completed": now, "error": .string(message)]]))])
        case .canceled(let id):
            write([("vertexes", .array([["id": JSONValue(id), "completed": now, "error": "context canceled"]]))])
        case .warning(let text): write([("warnings", .array([["short": .string(text)]]))])
        }
    }
}

/// Numbers as text, without the C library's formats.
enum Decimal {
    static func text(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let whole = Int64((value * scale).rounded())
        let unit = Int64(scale)
        let fraction = String(whole % unit)
        return "\(whole / unit)." + String(repeating: "0", count: max(0, digits - fraction.utf8.count)) + fraction
    }
}

/// A title without line ends.
func oneLine(_ text: String) -> String {
    let lines = text.utf8.split(separator: 10)
    return lines.first.map { String(decoding: $0, as: UTF8.self) + (lines.count > 1 ? "..." : "") } ?? ""
}

/// A line of a program's output, whose control characters do nothing; what a carriage return overwrote is left out.
func printableLine(_ bytes: [UInt8]) -> String {
    var line = bytes[...]
    if line.last == 13 { line.removeLast() }
    if let back = line.lastIndex(of: 13) { line = line[(back + 1)...] }
    return harmless(String(decoding: line, as: UTF8.self))
}

func printableLines(_ bytes: [UInt8]) -> String {
    bytes.split(separator: 10).map { printableLine(Array($0)) + "\n" }.joined()
}
