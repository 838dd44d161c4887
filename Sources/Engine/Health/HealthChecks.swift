import ContainerRuntime
import ControlGroups
import Glibc
import JSON
import LinuxKernel

/// Asks a running container again and again whether its program works. Part of its monitor's loop: each check is a process
/// of its own, since entering a container's process namespace cannot be undone.
final class HealthChecks {
    private let engine: Engine
    private let record: ContainerRecord
    private let state: ContainerState
    private let directory: ContainerDirectory
    private let check: ContainerHealthCheck
    private let poller: Poller
    private let begun = MonotonicClock.milliseconds()
    private var health = HealthState()
    private var running: Running?
    /// When the loop is to call ``serve()`` although nothing is readable; milliseconds of the monotonic clock.
    private(set) var deadline: Int64?

    private struct Running {
        var pid: Int32
        var pidfd: SharedDescriptor
        var answer: SharedDescriptor
        var bytes: [UInt8] = []
        var start: String
    }

    /// Nil for a container without a check.
    init?(_ engine: Engine, _ record: ContainerRecord, _ state: ContainerState, _ directory: ContainerDirectory) {
        guard let check = record.health, let poller = try? Poller() else { return nil }
        self.engine = engine
        self.record = record
        self.state = state
        self.directory = directory
        self.check = check
        self.poller = poller
        write()
        plan()
    }

    /// Readable when a check has something to say.
    var number: Int32 { poller.number }

    private var isStarting: Bool {
        health.status == .starting && MonotonicClock.milliseconds() < begun + check.startPeriod
    }

    private func plan() {
        deadline = MonotonicClock.milliseconds() + max(1, isStarting ? check.startInterval : check.interval)
    }

    private func write() {
        try? Files.replace(directory.healthPath, with: health.json.serialized(), mode: 0o600)
    }

    /// Does what is to be done now.
    func serve() {
        if running != nil { return readAnswer() }
        if let deadline, deadline <= MonotonicClock.milliseconds() { begin() }
    }

    /// The container has ended.
    func end() {
        if let running {
            try? ProcessSignal.send(pidfd: running.pidfd.number, SIGKILL)
            reap(running)
        }
        running = nil
        deadline = nil
    }

    private func begin() {
        deadline = nil
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { return plan() }
        let answer = SharedDescriptor(FileDescriptor(owning: ends[0])), given = ends[1]
        let probe = HealthProbe(
            engine: engine, record: record, state: state, directory: directory, check: check, answer: given)
        do throws(Errno) {
            let child = try ProcessClone.run { probe.run() }
            close(given)
            let pidfd = SharedDescriptor(try child.pidfd.duplicated())
            running = Running(pid: child.pid, pidfd: pidfd, answer: answer, start: WallClock.now())
            try poller.add(answer.number, .readable, token: 1)
        } catch {
            close(given)
            plan()
        }
    }

    private func readAnswer() {
        guard let running else { return }
        var chunk = [UInt8](repeating: 0, count: 8 << 10)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(running.answer.number, $0.baseAddress, $0.count) }
        if count > 0 {
            self.running?.bytes += chunk[..<count]
            return
        }
        if count < 0, errno == EINTR { return }
        try? poller.remove(running.answer.number)
        reap(running)
        self.running = nil
        finish(running)
    }

    private func reap(_ running: Running) {
        var status: Int32 = 0
        while waitpid(running.pid, &status, 0) < 0, errno == EINTR {}
    }

    private func finish(_ running: Running) {
        let (code, output) = HealthProbe.decode(running.bytes)
        let result = HealthState.Result(start: running.start, end: WallClock.now(), exitCode: code, output: output)
        let changed = health.add(
            result, retries: check.retries, counts: MonotonicClock.milliseconds() >= begun + check.startPeriod)
        write()
        if changed { engine.report("health_status: \(health.status.rawValue)", record) }
        plan()
    }
}

/// One check, in a process of its own between the monitor and the program in the container.
struct HealthProbe {
    let engine: Engine
    let record: ContainerRecord
    let state: ContainerState
    let directory: ContainerDirectory
    let check: ContainerHealthCheck
    /// Where the outcome is written.
    let answer: Int32

    static let outputLimit = 4096

    /// The outcome as it travels: the exit status in four bytes, then what the program wrote.
    static func encode(_ code: Int32, _ output: [UInt8]) -> [UInt8] {
        let word = UInt32(bitPattern: code)
        return (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } + output.prefix(outputLimit)
    }

    static func decode(_ bytes: [UInt8]) -> (code: Int32, output: String) {
        guard bytes.count >= 4 else { return (-1, "the check could not be made") }
        let word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * UInt32($1)) }
        return (Int32(bitPattern: word), String(decoding: bytes[4...], as: UTF8.self))
    }

    func run() -> Int32 {
        try? ProcessControl.setParentDeathSignal(SIGKILL)
        // What the monitor holds (the container's input, its clients, its lock) is not this process's.
        ProcessControl.closeAll(from: 3, except: [answer])
        var code: Int32 = -1
        var output = [UInt8]()
        do { (code, output) = try probe() } catch { output = Array("\(error)".utf8) }
        let bytes = Self.encode(code, output)
        _ = bytes.withUnsafeBytes { Glibc.write(answer, $0.baseAddress, $0.count) }
        return 0
    }

    private func probe() throws -> (Int32, [UInt8]) {
        var options = ExecRequestOptions(arguments: check.command)
        options.detached = true
        var request = try engine.execRequest(record, state, directory, options)
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Errno(rawValue: errno) }
        request.standardStreams = (0, ends[1], ends[1])
        let started = MonotonicClock.milliseconds()
        let process = try ExecLauncher(request).launch()
        close(ends[1])
        let flags = fcntl(ends[0], F_GETFL, 0)
        _ = fcntl(ends[0], F_SETFL, flags | O_NONBLOCK)
        let poller = try Poller()
        try poller.add(process.process.pidfd.rawValue, .readable, token: 1)
        try poller.add(ends[0], .readable, token: 2)
        var output = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 4096)
        func take() -> Bool {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(ends[0], $0.baseAddress, $0.count) }
            if count > 0, output.count < Self.outputLimit { output += chunk[..<count] }
            return count > 0
        }
        while true {
            let left = started + check.timeout - MonotonicClock.milliseconds()
            if left <= 0 {
                try? process.process.send(signal: SIGKILL)
                _ = try? process.process.wait()
                return (-1, Array("Health check exceeded timeout (\(check.timeout) ms): ".utf8) + output)
            }
            for event in try poller.wait(milliseconds: Int32(clamping: left)) {
                if event.token == 2 {
                    if !take(), event.events.contains(.hangUp) { try? poller.remove(ends[0]) }
                } else {
                    while take() {}
                    return (try process.process.wait().code, output)
                }
            }
        }
    }
}
