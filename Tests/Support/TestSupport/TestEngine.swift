import Foundation
import Testing

/// The name under which each test's engine has the base image.
public let base = "base:1"

/// How many engines may be at work at once: each starts processes, and there are few cores.
public actor Gate {
    public static let engines = Gate(width: variable("BERTH_TEST_WIDTH").flatMap { Int($0) } ?? 4)
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(width: Int) { free = width }

    public func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    public func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// An engine of its own for one test: root directory, bridge, table, control groups.
public struct TestEngine: Sendable {
    /// Short, since socket paths lie below it.
    public let root: String
    /// What the kernel's objects of this engine are named by.
    public var token: String { Self.token(root) }

    /// Seven letters of FNV-1a over the root's path: the names are part of what the engine promises (docs/architecture.md).
    static func token(_ root: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in root.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
        return String((0..<7).map { alphabet[Int(hash >> UInt64(5 * $0) & 31)] })
    }

    static func make(images: Bool) async throws -> TestEngine {
        let name = String(UInt64.random(in: .min ... .max), radix: 36)
        let engine = TestEngine(root: "/var/tmp/berth-t-\(name.prefix(10))")
        if images {
            let tar = try await BaseImage.shared.tar()
            let output = try await engine.berth("import", tar, base)
            guard output.status == 0 else { throw ChildFailure(description: "berth import: \(output.all)") }
        }
        return engine
    }

    // MARK: Running the program

    /// The words of a command of this engine.
    public func words(_ arguments: [String]) -> [String] { [Repository.program, "--root", root] + arguments }

    /// Runs `berth`.
    @discardableResult
    public func berth(_ arguments: String..., input: String? = nil, seconds: Double = 60) async throws -> Output {
        try await command(words(arguments), input: input, seconds: seconds)
    }

    /// Runs `berth` and expects it to succeed.
    @discardableResult
    public func ok(
        _ arguments: String..., input: String? = nil, seconds: Double = 60,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Output {
        let output = try await command(words(arguments), input: input, seconds: seconds)
        #expect(
            output.status == 0, "berth \(arguments.joined(separator: " ")): \(output.all)", sourceLocation: location)
        return output
    }

    /// `run --rm IMAGE sh -c SCRIPT` with options before the image.
    @discardableResult
    public func sh(
        _ script: String, _ options: String..., input: String? = nil, seconds: Double = 60,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Output {
        let output = try await command(
            words(["run", "--rm"] + options + [base, "sh", "-c", script]), input: input, seconds: seconds)
        #expect(output.status == 0, "\(script) in \(options): \(output.all)", sourceLocation: location)
        return output
    }

    /// Starts a container in the background.
    ///
    /// - Returns: its id.
    @discardableResult
    public func start(_ arguments: String..., at location: SourceLocation = #_sourceLocation) async throws -> String {
        let output = try await command(words(["run", "-d"] + arguments))
        try #require(
            output.status == 0, "berth run -d \(arguments.joined(separator: " ")): \(output.all)",
            sourceLocation: location)
        return output.text
    }

    /// Starts `berth` and leaves it running.
    public func session(_ arguments: String..., streams: Child.Streams = .pipes(input: false)) throws -> Child {
        try Child(words(arguments), streams: streams)
    }

    /// `inspect` of one container.
    public func inspect(_ name: String) async throws -> JSON {
        let output = try await berth("inspect", name)
        try #require(output.status == 0, "berth inspect \(name): \(output.all)")
        return try JSON(output.out)[0]
    }

    /// The first process of a container, as the host numbers it.
    public func process(_ name: String) async throws -> pid_t {
        let pid = try await inspect(name)["State"]["Pid"].int
        return try #require(pid.flatMap { pid_t(exactly: $0) }, "no process in the inspection of \(name)")
    }

    /// The process that looks after a container: the parent of its first process.
    public func monitor(_ name: String) async throws -> pid_t {
        let status = contents("/proc/\(try await process(name))/status")
        let line = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }
        return try #require(line.flatMap { pid_t($0.dropFirst(5).drop { $0.isWhitespace }) })
    }

    /// A container's control group directories, by controller (`unified` on version 2).
    public func groups(_ id: String) -> [String: String] {
        var result: [String: String] = [:]
        for controller in list("/sys/fs/cgroup") {
            let path = "/sys/fs/cgroup/\(controller)/berth-\(token)/\(id)/payload"
            if exists(path) { result[controller] = path }
        }
        let pure = "/sys/fs/cgroup/berth-\(token)/\(id)/payload"
        if exists(pure) { for name in ["memory", "cpu", "pids", "unified"] { result[name] = pure } }
        return result
    }

    // MARK: The end

    /// What of this engine is still in the kernel, in the file system or among the processes.
    public func leftovers() async throws -> [String] {
        var found: [String] = []
        for line in contents("/proc/self/mountinfo").split(separator: "\n") where line.contains(root) {
            found.append("mount \(line)")
        }
        for name in list("/sys/class/net") where name == "berth-\(token)" || name.hasPrefix("v\(token)-") {
            found.append("link \(name)")
        }
        let tables = try await command(["nft", "list", "tables"])
        for line in tables.lines where line.contains("berth_\(token)") { found.append(line) }
        for controller in [""] + list("/sys/fs/cgroup").map({ "/" + $0 }) {
            let path = "/sys/fs/cgroup\(controller)/berth-\(token)"
            if exists(path) { found.append("control group \(path): \(list(path).filter { !$0.contains(".") })") }
        }
        for process in Processes.mentioning(root) where Processes.isAlive(process.pid) {
            found.append("process \(process.pid) \(process.command)")
        }
        for folder in ["/run/berth-claims/subnets", "/run/berth-claims/ports"] {
            for name in list(folder) where link("\(folder)/\(name)")?.contains(root) == true {
                found.append("claim \(folder)/\(name)")
            }
        }
        for name in list("/var/lib/berth-claims/ids") where contents("/var/lib/berth-claims/ids/\(name)").contains(root)
        {
            found.append("claim of ids \(name)")
        }
        if exists(root) { found.append("directory \(root): \(list(root))") }
        return found
    }

    /// Removes the engine and records an issue when anything is left after 5 seconds.
    func tearDown(at location: SourceLocation) async throws {
        var reset = "not run"
        if exists(root) {
            let output = try await berth("system", "reset", "--force", seconds: 90)
            reset = output.all
            #expect(output.status == 0, "berth system reset: \(reset)", sourceLocation: location)
        }
        var left: [String] = []
        // Links of a dead network namespace vanish some 20 ms later, in bulk later still.
        _ = try await eventually(seconds: 5) {
            left = try await leftovers()
            return left.isEmpty
        }
        guard !left.isEmpty else { return }
        Issue.record(
            "left behind after system reset (\(reset)):\n\(left.joined(separator: "\n"))", sourceLocation: location)
        try await scrub()
    }

    /// Takes away what a failing program left, so that one failure does not become many.
    private func scrub() async throws {
        for process in Processes.mentioning(root) { kill(process.pid, SIGKILL) }
        try await shell(
            """
            for d in /sys/fs/cgroup/berth-\(token) /sys/fs/cgroup/*/berth-\(token); do
                [ -d "$d" ] || continue
                for i in 1 2 3 4 5; do
                    find "$d" -name cgroup.procs -exec cat {} + 2>/dev/null | xargs -r kill -9 2>/dev/null; sleep 0.05
                    find "$d" -depth -type d -exec rmdir {} + 2>/dev/null && break
                done
            done
            awk -v r="\(root)" 'index($5, r) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null
            nft delete table inet berth_\(token) 2>/dev/null; nft delete table bridge berth_\(token) 2>/dev/null
            ip link delete berth-\(token) 2>/dev/null
            for l in /sys/class/net/v\(token)-*; do [ -e "$l" ] && ip link delete "${l##*/}" 2>/dev/null; done
            for l in /run/berth-claims/*/*; do case $(readlink "$l") in *\(root)*) rm -f "$l";; esac; done
            grep -ls "\(root)" /var/lib/berth-claims/ids/* 2>/dev/null | xargs -r rm -f
            awk -v r="\(root)" 'index($5, r) == 1 {e=1} END {exit e}' /proc/self/mountinfo && rm -rf --one-file-system "\(root)"
            """)
    }
}

/// Gives a test an engine with the base image, and afterwards looks whether anything is left of it.
public func withEngine(
    images: Bool = true, at location: SourceLocation = #_sourceLocation, _ body: (TestEngine) async throws -> Void
) async throws {
    await Gate.engines.enter()
    do {
        let engine = try await TestEngine.make(images: images)
        do { try await body(engine) } catch {
            try? await engine.tearDown(at: location)
            throw error
        }
        try await engine.tearDown(at: location)
    } catch {
        await Gate.engines.leave()
        throw error
    }
    await Gate.engines.leave()
}

/// A directory for a test's files, removed with its owner.
public final class Scratch: Sendable {
    /// The directory.
    public let path: String

    /// Makes one; `mode` lets unprivileged owners through.
    public init(mode: mode_t = 0o755) throws {
        path = "/var/tmp/berth-f-" + String(UInt64.random(in: .min ... .max), radix: 36)
        guard mkdir(path, mode) == 0 else { throw ChildFailure(description: "cannot make \(path)") }
        chmod(path, mode)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
