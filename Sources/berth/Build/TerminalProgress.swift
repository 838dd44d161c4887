import Glibc
import ImageBuilder
import LinuxKernel

/// Draws on a terminal: the steps with their times, and below each that runs the last lines of what it says.
final class TerminalProgress: BuildProgress {
    private struct Step {
        var id: Int
        var title: String
        var started: Int64
        var seconds: Double?
        var state = State.running
        var tail = [[UInt8]]()
        var partial = [UInt8]()
        var log = [UInt8]()
    }

    private enum State { case running, done, cached, failed, canceled }

    private static let tailLines = 6
    private var steps = [Step]()
    private var drawn = 0
    /// Steps that scrolled away for good.
    private var settled = 0
    private var lastDraw: Int64 = 0
    private let began = MonotonicClock.nanoseconds()
    private var exportLines = [String]()

    override var showsWarnings: Bool { true }

    override func hear(_ event: BuildEvent) {
        var mayWait = false
        switch event {
        case .started(let id, let title):
            steps.append(Step(id: id, title: title, started: MonotonicClock.nanoseconds()))
        case .cached(let id, let title):
            steps.append(Step(id: id, title: title, started: MonotonicClock.nanoseconds(), state: .cached))
        case .output(let id, _, let bytes):
            guard let place = steps.firstIndex(where: { $0.id == id }) else { return }
            steps[place].log += bytes
            if steps[place].log.count > 1 << 20 { steps[place].log.removeFirst(steps[place].log.count - (1 << 20)) }
            var rest = steps[place].partial + bytes
            while let end = rest.firstIndex(of: 10) {
                steps[place].tail.append(Array(rest[..<end]))
                if steps[place].tail.count > Self.tailLines { steps[place].tail.removeFirst() }
                rest.removeFirst(end + 1)
            }
            steps[place].partial = rest
            mayWait = true
        case .finished(let id, let seconds): settle(id, .done, seconds)
        case .failed(let id, _): settle(id, .failed, nil)
        case .canceled(let id): settle(id, .canceled, nil)
        case .warning(let text):
            clear()
            writeText(text + "\n", to: 2)
        }
        // A program that writes much does not make the terminal flicker.
        if mayWait, MonotonicClock.nanoseconds() - lastDraw < 100_000_000 { return }
        draw()
    }

    private func settle(_ id: Int, _ state: State, _ seconds: Double?) {
        guard let place = steps.firstIndex(where: { $0.id == id }) else { return }
        steps[place].state = state
        steps[place].seconds = seconds ?? Double(MonotonicClock.nanoseconds() - steps[place].started) / 1e9
    }

    override func exported(_ id: String, _ names: [String]) {
        exportLines =
            [" => exporting to image", " => => writing image \(id)"] + names.map { " => => naming to \(harmless($0))" }
    }

    private func clear() {
        guard drawn > 0 else { return }
        writeText("\u{1B}[\(drawn)A\u{1B}[0J", to: 2)
        drawn = 0
    }

    private func draw(isFinal: Bool = false) {
        lastDraw = MonotonicClock.nanoseconds()
        let size = Terminal.size(2) ?? TerminalSize(rows: 24, columns: 80)
        let width = max(20, Int(size.columns) - 1), height = max(5, Int(size.rows) - 2)
        let elapsed = Double(MonotonicClock.nanoseconds() - began) / 1e9
        let done = steps.count { $0.state != .running }
        var lines = [
            "[+] Building \(Decimal.text(elapsed, digits: 1))s (\(done)/\(steps.count))\(isFinal ? " FINISHED" : "")"
        ]
        for step in steps {
            let mark =
                step.state == .cached
                ? "CACHED " : step.state == .failed ? "ERROR " : step.state == .canceled ? "CANCELED " : ""
            let seconds =
                step.seconds ?? (step.state == .cached ? 0 : Double(MonotonicClock.nanoseconds() - step.started) / 1e9)
            lines.append(
                line(" => \(mark)\(harmless(oneLine(step.title)))", Decimal.text(seconds, digits: 1) + "s", width))
            if step.state == .running, !isFinal {
                for text in step.tail { lines.append(line(" => => # \(printableLine(text))", "", width)) }
            }
        }
        if isFinal { lines += exportLines.map { line($0, "", width) } }
        if !isFinal, lines.count > height { lines = [lines[0]] + lines.suffix(height - 1) }
        let up = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        writeText(up + lines.map { $0 + "\u{1B}[0K\n" }.joined() + "\u{1B}[0J", to: 2)
        drawn = lines.count
    }

    /// A line cut to the terminal's width, with a time at its right end.
    private func line(_ text: String, _ right: String, _ width: Int) -> String {
        let scalars = Array(text.unicodeScalars)
        let room = max(1, width - right.utf8.count - 1)
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars.prefix(room))
        let shown = String(view)
        if right.isEmpty { return shown }
        return shown + String(repeating: " ", count: max(1, width - min(scalars.count, room) - right.utf8.count))
            + right
    }

    override func end() {
        draw(isFinal: true)
        drawn = 0
        for step in steps where step.state == .failed {
            writeText("------\n > \(harmless(oneLine(step.title))):\n\(printableLines(step.log))------\n", to: 2)
        }
        steps = []
    }
}
