import Glibc

/// What a program left.
public struct Output: Sendable {
    /// The exit status; 128 and the signal's number when a signal ended it.
    public var status: Int32
    /// Standard output.
    public var out: String
    /// Standard error.
    public var err: String

    /// Standard output without the line ends around it.
    public var text: String { out.trimmed }
    /// Everything, for a failed expectation's comment.
    public var all: String { "status \(status)\nstdout: \(out)\nstderr: \(err)" }
    /// Standard output's lines.
    public var lines: [String] { out.split(whereSeparator: \.isNewline).map(String.init) }
}

/// Why a program under test gave no result.
public struct ChildFailure: Error, CustomStringConvertible {
    public let description: String

    /// A reason.
    public init(description: String) { self.description = description }
}

/// A program that runs in a session of its own, with its output collected as it comes.
///
/// Everything is polled with an asynchronous sleep: a blocked thread would stall the other tests of this process.
public actor Child {
    /// The process.
    public nonisolated let pid: pid_t
    /// What it was started with, for messages.
    public nonisolated let words: [String]
    private var input: Int32
    private var output: Int32
    private var errors: Int32
    private var outBytes: [UInt8] = []
    private var errBytes: [UInt8] = []
    private var ended: Int32?

    /// Where standard streams lead.
    public enum Streams: Sendable {
        /// Pipes; input is `/dev/null` unless it is to be written.
        case pipes(input: Bool)
        /// A new terminal of this size, which becomes the controlling one; output and errors come together.
        case terminal(rows: UInt16, columns: UInt16)
    }

    /// Starts a program.
    public init(
        _ words: [String], streams: Streams = .pipes(input: false), environment: [String: String] = [:],
        directory: String? = nil
    ) throws {
        self.words = words
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var theirs: [Int32] = []
        defer { for end in theirs { close(end) } }
        switch streams {
        case .pipes(let hasInput):
            let out = try Self.makePipe(), err = try Self.makePipe()
            (output, errors) = (out.read, err.read)
            theirs = [out.write, err.write]
            input = -1
            if hasInput {
                let pipe = try Self.makePipe()
                input = pipe.write
                theirs.append(pipe.read)
                posix_spawn_file_actions_adddup2(&actions, pipe.read, 0)
            } else {
                posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            }
            posix_spawn_file_actions_adddup2(&actions, out.write, 1)
            posix_spawn_file_actions_adddup2(&actions, err.write, 2)
        case .terminal(let rows, let columns):
            let master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)
            var name = [CChar](repeating: 0, count: 64)
            guard master >= 0, grantpt(master) == 0, unlockpt(master) == 0, ptsname_r(master, &name, name.count) == 0
            else {
                throw ChildFailure(description: "cannot make a terminal: errno \(errno)")
            }
            var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
            _ = ioctl(master, UInt(TIOCSWINSZ), &size)
            (input, output, errors) = (master, master, -1)
            // Opened by the leader of a new session without O_NOCTTY it becomes that session's terminal (tty_ioctl(2)).
            posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
            posix_spawn_file_actions_adddup2(&actions, 0, 2)
        }
        if let directory { posix_spawn_file_actions_addchdir_np(&actions, directory) }
        for end in [output, errors] where end >= 0 { _ = fcntl(end, F_SETFL, O_NONBLOCK) }

        // Threads of the test runner block signals, which a child would inherit.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t(), all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | 0x80 /* SETSID */))

        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = Self.merged(environment).map { strdup($0) } + [nil]
        defer { for string in arguments + variables { free(string) } }
        var process: pid_t = 0
        let failure = posix_spawnp(&process, words[0], &actions, &attributes, &arguments, &variables)
        guard failure == 0 else {
            throw ChildFailure(
                description: "cannot run \(words.joined(separator: " ")): \(String(cString: strerror(failure)))")
        }
        pid = process
    }

    deinit {
        if ended == nil {
            Glibc.kill(-pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        for end in Set([input, output, errors]) where end >= 0 { close(end) }
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw ChildFailure(description: "pipe2: errno \(errno)") }
        return (ends[0], ends[1])
    }

    private static func merged(_ extra: [String: String]) -> [String] {
        var result: [String] = []
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            let name = String(text.prefix { $0 != "=" })
            // An outer setting must not choose what is tested.
            if extra[name] == nil, name != "BERTH_ROOT" { result.append(text) }
            next += 1
        }
        return result + extra.map { "\($0.key)=\($0.value)" }
    }

    // MARK: Input and signals

    /// Writes to standard input or the terminal.
    public func send(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Ends standard input.
    public func closeInput() {
        guard input >= 0, input != output else { return }
        close(input)
        input = -1
    }

    /// Signals the program itself.
    public nonisolated func signal(_ number: Int32) { Glibc.kill(pid, number) }
    /// Signals the program's whole session leader group.
    public nonisolated func signalGroup(_ number: Int32) { Glibc.kill(-pid, number) }

    /// Gives the terminal another size; the kernel tells the program by SIGWINCH.
    public func resize(rows: UInt16, columns: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(output, UInt(TIOCSWINSZ), &size)
    }

    // MARK: Output and end

    /// What came so far on standard output (or the terminal).
    public func outputSoFar() -> String {
        drain()
        return String(decoding: outBytes, as: UTF8.self)
    }

    /// Waits until standard output holds a text.
    @discardableResult
    public func waitFor(_ text: String, seconds: Double = 20) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let now = outputSoFar()
            if now.contains(text) { return now }
            let isOver = poll()
            if isOver || ContinuousClock.now > deadline {
                let last = outputSoFar()
                if last.contains(text) { return last }
                let reason = isOver ? "ended with \(ended ?? -1)" : "\(seconds) s passed"
                throw ChildFailure(
                    description:
                        "\(words.joined(separator: " ")): \(reason) without \"\(text)\" in its output: \(last)\n"
                        + String(decoding: errBytes, as: UTF8.self))
            }
            try await Task.sleep(for: .milliseconds(4))
        }
    }

    /// Whether the program still runs.
    public func isRunning() -> Bool { !poll() }

    /// Waits for the end; after the time everything the program started in its process group is killed.
    public func finish(seconds: Double = 60) async throws -> Output {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var pause = 1
        while !poll() {
            drain()
            if ContinuousClock.now > deadline {
                Glibc.kill(-pid, SIGKILL)
                Glibc.kill(pid, SIGKILL)
                while !poll() { try await Task.sleep(for: .milliseconds(5)) }
                drain()
                throw ChildFailure(
                    description: "\(words.joined(separator: " ")): not finished after \(seconds) s; output so far: "
                        + String(decoding: outBytes + errBytes, as: UTF8.self))
            }
            try await Task.sleep(for: .milliseconds(pause))
            pause = min(pause * 2, 8)
        }
        drain()
        return Output(
            status: ended ?? -1, out: String(decoding: outBytes, as: UTF8.self),
            err: String(decoding: errBytes, as: UTF8.self))
    }

    private func poll() -> Bool {
        if ended != nil { return true }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return false }
        ended = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        return true
    }

    private func drain() {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while output >= 0, case let count = read(output, &chunk, chunk.count), count > 0 { outBytes += chunk[..<count] }
        while errors >= 0, case let count = read(errors, &chunk, chunk.count), count > 0 { errBytes += chunk[..<count] }
    }
}

/// Runs a program to its end.
public func command(
    _ words: [String], input: String? = nil, environment: [String: String] = [:], directory: String? = nil,
    seconds: Double = 60
) async throws -> Output {
    let child = try Child(words, streams: .pipes(input: input != nil), environment: environment, directory: directory)
    if let input {
        await child.send(input)
        await child.closeInput()
    }
    return try await child.finish(seconds: seconds)
}

/// Runs a shell script; its exit status is not looked at.
@discardableResult
public func shell(_ script: String, environment: [String: String] = [:], seconds: Double = 60) async throws -> Output {
    try await command(["/bin/bash", "-c", script], environment: environment, seconds: seconds)
}

extension String {
    /// Without white space and line ends around it.
    public var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}

/// Waits until something is so.
///
/// - Returns: whether it became so within the time.
public func eventually(seconds: Double = 5, _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        if try await condition() { return true }
        if ContinuousClock.now > deadline { return false }
        try await Task.sleep(for: .milliseconds(20))
    }
}
