import CommandLine
import Glibc
import JSON
import LinuxKernel

/// Where berth-runtime's errors go: for people on standard error, and where an engine asks for it into a file with one
/// line an event, as runc writes them. Engines read `level`, `msg` and `time` of the last line.
struct RuntimeLog: Sendable {
    /// The file (`--log`); nil for standard error alone.
    var path: String?
    /// Lines of JSON instead of `key=value`.
    var isJSON = false
    /// Whether steps are logged too (`--debug`).
    var isVerbose = false

    /// Tells what went wrong with a verb.
    func error(_ verb: String, _ message: String) {
        if path != nil { write("error", message) }
        if path == nil, isJSON {
            writeText(line("error", message), to: 2)
        } else {
            writeText("berth-runtime \(verb): \(printable(message))\n", to: 2)
        }
    }

    /// Tells of something that did not stop a verb.
    func warning(_ message: String) {
        if path != nil { write("warning", message) } else { writeText(line("warning", message), to: 2) }
    }

    /// Tells what is being done, where that was asked for.
    func debug(_ message: String) {
        guard isVerbose else { return }
        if path != nil { write("debug", message) } else { writeText(line("debug", message), to: 2) }
    }

    private func write(_ level: String, _ message: String) {
        guard let path, let file = try? Files.open(path, [.writeOnly, .create, .append], mode: 0o644) else { return }
        try? file.writeAll(Array(line(level, message).utf8))
    }

    /// One line, with its end.
    func line(_ level: String, _ message: String, time: String = RuntimeLog.now()) -> String {
        if isJSON {
            let object: JSONValue = ["level": .string(level), "msg": .string(message), "time": .string(time)]
            return object.text() + "\n"
        }
        // A JSON string is also a Go one: quotes and control characters are escaped alike.
        return "time=\(JSONValue.string(time).text()) level=\(level) msg=\(JSONValue.string(message).text())\n"
    }

    private static func now() -> String { WallClock.text(seconds: WallClock.seconds(), nanoseconds: 0) }
}
