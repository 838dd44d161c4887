import Glibc
import LinuxKernel
import OCI
import RegistryClient
import Synchronization

/// Progress on a terminal: a line for each blob, with a bar and a rate while it moves, and the total below. Drawn ten
/// times a second at most.
final class TerminalProgress: TransferProgress {
    private struct Row {
        var blob: Digest
        var text: String
        var done: Int64 = 0
        var total: Int64 = 0
        var began: Int64 = 0
        var atBegin: Int64 = 0
    }

    private struct State {
        var rows = [Row]()
        /// Lines on the screen that belong to the rows.
        var drawn = 0
        var lastDrawn: Int64 = 0
    }

    private let state = Mutex(State())

    func line(_ text: String) {
        state.withLock { state in
            // What stands is done: the next lines come below it.
            draw(&state)
            state.rows = []
            state.drawn = 0
            writeText("\(printable(text))\n", to: 1)
        }
    }

    func status(_ blob: Digest, _ text: String) {
        state.withLock { state in
            let place = Self.row(blob, &state)
            state.rows[place].text = text
            state.rows[place].total = 0
            draw(&state)
        }
    }

    func bytes(_ blob: Digest, _ verb: String, done: Int64, of total: Int64) {
        let now = MonotonicClock.milliseconds()
        state.withLock { state in
            let place = Self.row(blob, &state)
            if state.rows[place].total == 0 {
                state.rows[place].began = now
                state.rows[place].atBegin = done
            }
            state.rows[place].text = verb
            state.rows[place].done = done
            state.rows[place].total = total
            if now - state.lastDrawn >= 100 {
                state.lastDrawn = now
                draw(&state)
            }
        }
    }

    private static func row(_ blob: Digest, _ state: inout State) -> Int {
        if let place = state.rows.firstIndex(where: { $0.blob == blob }) { return place }
        state.rows.append(Row(blob: blob, text: ""))
        return state.rows.count - 1
    }

    private func draw(_ state: inout State) {
        guard !state.rows.isEmpty else { return }
        let size = Terminal.size(1)
        let width = size.map { Int($0.columns) } ?? 80
        // More rows than the screen has cannot be drawn over: the last ones are shown.
        let height = max(2, (size.map { Int($0.rows) } ?? 24) - 2)
        let now = MonotonicClock.milliseconds()
        var lines = state.rows.suffix(height - 1).map { Self.text($0, width, now) }
        let moving = state.rows.filter { $0.total > 0 }
        if !moving.isEmpty {
            let rate = moving.reduce(0.0) { $0 + Self.rate($1, now) }
            let done = moving.reduce(0) { $0 + $1.done }
            let total = moving.reduce(0) { $0 + $1.total }
            lines.append("Total: \(Self.size(done)) of \(Self.size(total)), \(Self.size(Int64(rate)))/s")
        }
        var output = state.drawn > 0 ? "\u{1B}[\(state.drawn)A" : ""
        for line in lines { output += "\r\u{1B}[2K\(line.prefix(max(20, width - 1)))\n" }
        if lines.count < state.drawn { output += "\u{1B}[J" }
        state.drawn = lines.count
        writeText(output, to: 1)
    }

    private static func rate(_ row: Row, _ now: Int64) -> Double {
        Double(row.done - row.atBegin) * 1000 / Double(max(now - row.began, 1))
    }

    private static func text(_ row: Row, _ width: Int, _ now: Int64) -> String {
        guard row.total > 0 else { return "\(row.blob.short): \(row.text)" }
        let bar = max(10, min(50, width - 70))
        let filled = Int(Double(bar) * min(1, Double(row.done) / Double(max(row.total, 1))))
        let cells =
            String(repeating: "=", count: max(0, filled - 1)) + (filled > 0 ? ">" : "")
            + String(repeating: " ", count: bar - filled)
        return "\(row.blob.short): \(row.text) [\(cells)] \(size(row.done))/\(size(row.total))"
            + " \(size(Int64(rate(row, now))))/s"
    }

    /// Bytes as Docker writes them: powers of 1000, four significant digits at most.
    static func size(_ bytes: Int64) -> String {
        var value = Double(max(bytes, 0))
        for unit in ["B", "kB", "MB", "GB", "TB"] {
            if value < 1000 || unit == "TB" {
                let tenths = Int(value * 10)
                return unit == "B" || value >= 100 ? "\(Int(value))\(unit)" : "\(tenths / 10).\(tenths % 10)\(unit)"
            }
            value /= 1000
        }
        return "\(bytes)B"
    }
}
