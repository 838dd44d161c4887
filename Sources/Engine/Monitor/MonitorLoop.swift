import Glibc
import LinuxKernel

/// Stands between a container and its clients: moves bytes, writes the log, passes signals and sizes on, hears requests.
/// It outlives the runs of a container that is started again.
final class MonitorLoop {
    private enum Token {
        static let process: UInt64 = 1
        static let output: UInt64 = 2
        static let errorOutput: UInt64 = 3
        static let input: UInt64 = 5
        static let services: UInt64 = 6
        static let listener: UInt64 = 7
        static let health: UInt64 = 8
        static let firstClient: UInt64 = 16
    }

    /// How long a guest may leave the container waiting for it.
    private static let guestPatience: Int64 = 30_000

    private let poller: Poller
    private let listener: SharedDescriptor?
    private var clients: [UInt64: MonitorClient] = [:]
    private var nextToken = Token.firstClient
    private var log: LogWriter
    private var run: ContainerRun?
    private var toContainer = [UInt8]()
    private var inputEnded = false
    private var outputPaused = false
    private var ended = false

    /// What a client asks the monitor for; a thrown error becomes its answer.
    var request: (AttachFrame) throws(EngineError) -> Void = { (_) throws(EngineError) in }
    /// Woken with the loop: when the container is to be killed.
    var killTime: Int64?
    /// Whether the wait between two runs is over.
    var isWoken = false

    /// - Parameters:
    ///   - listener: where further clients come.
    ///   - log: where the output goes.
    init(listener: SharedDescriptor?, log: consuming LogWriter) throws(Errno) {
        poller = try Poller()
        self.listener = listener
        self.log = log
        if let number = listener?.number { try poller.add(number, .readable, token: Token.listener) }
    }

    private static func setNonBlocking(_ number: Int32) throws(Errno) {
        let flags = fcntl(number, F_GETFL, 0)
        if fcntl(number, F_SETFL, flags | O_NONBLOCK) != 0 { throw Errno(rawValue: errno) }
    }

    // MARK: A run

    /// Takes a container's ends over. Its process must outlive the run.
    func begin(_ run: ContainerRun) throws(Errno) {
        self.run = run
        ended = false
        inputEnded = false
        outputPaused = false
        toContainer = []
        killTime = nil
        try poller.add(run.process, .readable, token: Token.process)
        for (descriptor, token) in [(run.output, Token.output), (run.errorOutput, Token.errorOutput)] {
            guard let number = descriptor?.number else { continue }
            try Self.setNonBlocking(number)
            try poller.add(number, .readable, token: token)
        }
        if let number = run.input?.number { try Self.setNonBlocking(number) }
        if let services = run.services { try? poller.add(services.number, .readable, token: Token.services) }
        if let health = run.health { try? poller.add(health.number, .readable, token: Token.health) }
    }

    /// Returns when the container's process has ended and its output is read to the end.
    func serveRun() {
        while !ended { if !turn(until: nil) { break } }
        drain()
        log.finish()
        guard let run else { return }
        let numbers = [
            run.process, run.output?.number, run.errorOutput?.number, run.input?.number, run.services?.number,
            run.health?.number,
        ]
        for number in numbers { if let number { try? poller.remove(number) } }
        run.health?.end()
        self.run = nil
    }

    /// Waits between two runs, hearing requests: until the time has come or somebody wakes us.
    func serveWait(milliseconds: Int64) {
        isWoken = false
        let deadline = MonotonicClock.milliseconds() + milliseconds
        while !isWoken, MonotonicClock.milliseconds() < deadline { if !turn(until: deadline) { return } }
    }

    private func turn(until deadline: Int64?) -> Bool {
        var times = [Int64]()
        if let deadline { times.append(deadline) }
        if let killTime { times.append(killTime) }
        if let health = run?.health?.deadline { times.append(health) }
        if outputPaused { for client in clients.values where client.isGuest { times.append(patience(client)) } }
        let now = MonotonicClock.milliseconds()
        let wait = times.min().map { Int32(clamping: max(0, $0 - now)) }
        guard let events = try? poller.wait(milliseconds: wait) else { return false }
        for event in events { handle(event.token, event.events) }
        if times.isEmpty { return true }
        let then = MonotonicClock.milliseconds()
        if let health = run?.health, let due = health.deadline, due <= then { health.serve() }
        if let due = killTime, due <= then, let run {
            killTime = nil
            try? ProcessSignal.send(pidfd: run.process, SIGKILL)
        }
        for client in Array(clients.values) where client.isGuest && client.isFull && patience(client) <= then {
            // Everything is in the log; the container and the others go on.
            drop(client)
        }
        return true
    }

    private func patience(_ client: MonitorClient) -> Int64 {
        (client.fullSince ?? MonotonicClock.milliseconds()) + Self.guestPatience
    }

    private func handle(_ token: UInt64, _ events: PollEvents) {
        switch token {
        case Token.process: ended = true
        case Token.output:
            // A terminal's master is both directions.
            if events.contains(.writable) { flushInput() }
            if events != .writable { readOutput() }
        case Token.errorOutput: readErrorOutput()
        case Token.input: flushInput()
        case Token.services: run?.services?.serve()
        case Token.health: run?.health?.serve()
        case Token.listener: acceptClient()
        default: if let client = clients[token] { serve(client, events) }
        }
    }

    // MARK: Output

    private func readOutput() {
        guard let number = run?.output?.number else { return }
        switch Self.read(number) {
        case .bytes(let bytes): deliver(bytes, isError: false)
        case .nothing: break
        case .end:
            try? poller.remove(number)
            // A terminal's master stays for its input and size; a pipe is done.
            if run?.terminal == nil { run?.output = nil }
        }
    }

    private func readErrorOutput() {
        guard let number = run?.errorOutput?.number else { return }
        switch Self.read(number) {
        case .bytes(let bytes): deliver(bytes, isError: true)
        case .nothing: break
        case .end:
            try? poller.remove(number)
            run?.errorOutput = nil
        }
    }

    private enum ReadResult {
        case bytes([UInt8])
        case nothing
        case end
    }

    private static func read(_ number: Int32) -> ReadResult {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        let count = buffer.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
        if count > 0 { return .bytes(Array(buffer[..<count])) }
        if count < 0, errno == EAGAIN || errno == EINTR { return .nothing }
        return .end
    }

    private func deliver(_ bytes: [UInt8], isError: Bool) {
        log.append(bytes[...], stream: isError ? "stderr" : "stdout")
        if clients.isEmpty { return }
        tell(isError ? .errorOutput(bytes) : .output(bytes))
        if clients.values.contains(where: \.isFull) { pauseOutput(true) }
    }

    private func pauseOutput(_ pause: Bool) {
        guard pause != outputPaused else { return }
        outputPaused = pause
        let events: PollEvents = pause ? [] : .readable
        if let number = run?.output?.number { try? poller.modify(number, events, token: Token.output) }
        if let number = run?.errorOutput?.number { try? poller.modify(number, events, token: Token.errorOutput) }
    }

    /// Reads what the dead container left in its pipes. Somebody else may hold the other ends, so: until they are empty.
    private func drain() {
        for isError in [false, true] {
            while let number = isError ? run?.errorOutput?.number : run?.output?.number {
                guard case .bytes(let bytes) = Self.read(number) else { break }
                log.append(bytes[...], stream: isError ? "stderr" : "stdout")
                let frame: AttachFrame = isError ? .errorOutput(bytes) : .output(bytes)
                for client in clients.values where client.role == .attached { client.add(frame) }
            }
        }
    }

    // MARK: Clients

    /// Adds the client that has started the container.
    func add(_ descriptor: SharedDescriptor, sendsInput: Bool) throws(Errno) {
        try admit(descriptor, role: .attached, sendsInput: sendsInput, isGuest: false)
    }

    private func admit(
        _ descriptor: SharedDescriptor, role: MonitorClient.Role, sendsInput: Bool, isGuest: Bool
    ) throws(Errno) {
        try Self.setNonBlocking(descriptor.number)
        try poller.add(descriptor.number, .readable, token: nextToken)
        clients[nextToken] = MonitorClient(
            descriptor, token: nextToken, role: role, sendsInput: sendsInput, isGuest: isGuest)
        nextToken += 1
    }

    private func acceptClient() {
        guard let listener else { return }
        guard let socket = try? UnixSocket.accept(number: listener.number) else { return }
        try? admit(SharedDescriptor(socket), role: .unknown, sendsInput: false, isGuest: true)
    }

    /// Tells those that have the output something at once.
    func tell(_ frame: AttachFrame) {
        for client in Array(clients.values) where client.role == .attached {
            client.add(frame)
            flush(client)
        }
    }

    /// Answers those that wait for something else.
    func tell(_ frame: AttachFrame, role: MonitorClient.Role) {
        for client in Array(clients.values) where client.role == role {
            client.role = .unknown
            client.add(frame)
            flush(client)
        }
    }

    /// Lets the client that has started the container in the background go; the container's input stays open.
    func release() {
        for client in Array(clients.values) where !client.isGuest { forget(client) }
    }

    /// Sends the last frame to those that wait for it, at most some seconds, until each has everything.
    func finish(_ frame: AttachFrame) {
        let waiting = clients.values.filter { $0.role == .attached || $0.role == .waiting }
        for client in waiting { client.add(frame) }
        let deadline = MonotonicClock.milliseconds() + 10_000
        for client in waiting {
            while clients[client.token] != nil {
                flush(client)
                let left = deadline - MonotonicClock.milliseconds()
                if client.outgoing.isEmpty || left <= 0 { break }
                var entry = pollfd(fd: client.descriptor.number, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, Int32(left))
                if entry.revents & Int16(POLLERR | POLLNVAL) != 0 { break }
            }
            forget(client)
        }
    }

    private func serve(_ client: MonitorClient, _ events: PollEvents) {
        if events.contains(.writable) { flush(client) }
        guard clients[client.token] != nil, !events.isDisjoint(with: [.readable, .hangUp, .error]) else { return }
        guard let frames = client.receive() else { return drop(client) }
        for frame in frames where clients[client.token] != nil { handle(frame, client) }
        updateInterest(client)
    }

    private func handle(_ frame: AttachFrame, _ client: MonitorClient) {
        switch frame {
        case .input(let bytes):
            guard client.sendsInput, run?.input != nil || run?.terminal != nil else { return }
            toContainer += bytes
            flushInput()
        case .inputEnded:
            guard client.sendsInput, run?.closesInput == true else { return }
            inputEnded = true
            flushInput()
        case .resize(let rows, let columns):
            if let terminal = run?.terminal {
                try? Terminal.setSize(terminal, TerminalSize(rows: rows, columns: columns))
            }
        case .signal(let number):
            guard (1...64).contains(number), let run else { return }
            try? ProcessSignal.send(pidfd: run.process, number)
        case .attach(let input):
            guard run != nil else { return answer(.failed("the container does not run", code: 1), client) }
            client.role = .attached
            client.sendsInput = input
            answer(.started, client)
        case .detach: forget(client)
        case .awaitExit: client.role = .waiting
        case .pause, .unpause, .stopping, .restart:
            if case .restart = frame { client.role = .restarting }
            do throws(EngineError) {
                try request(frame)
                if client.role != .restarting { answer(.done, client) }
            } catch {
                client.role = .unknown
                answer(.failed(error.description, code: error.exitCode), client)
            }
        default: break
        }
    }

    private func answer(_ frame: AttachFrame, _ client: MonitorClient) {
        client.add(frame)
        flush(client)
    }

    private func forget(_ client: MonitorClient) {
        try? poller.remove(client.descriptor.number)
        clients[client.token] = nil
        resumeOutput()
    }

    /// A client has gone; the container goes on, its standard input at the end if it was that client's alone.
    private func drop(_ client: MonitorClient) {
        forget(client)
        guard client.role == .attached, client.sendsInput, run?.closesInput == true else { return }
        inputEnded = true
        flushInput()
    }

    private func flush(_ client: MonitorClient) {
        guard clients[client.token] != nil else { return }
        guard client.flush() else { return drop(client) }
        resumeOutput()
        updateInterest(client)
    }

    private func resumeOutput() {
        if outputPaused, clients.values.allSatisfy({ $0.outgoing.count < MonitorClient.bufferLimit / 2 }) {
            pauseOutput(false)
        }
    }

    private func updateInterest(_ client: MonitorClient) {
        guard clients[client.token] != nil else { return }
        var events: PollEvents = client.outgoing.isEmpty ? [] : .writable
        // Input that the container does not read stays with the client.
        if toContainer.count < AttachFrame.payloadLimit || !client.sendsInput { events.insert(.readable) }
        try? poller.modify(client.descriptor.number, events, token: client.token)
    }

    // MARK: Input

    private func flushInput() {
        let number: Int32
        if let terminal = run?.terminal {
            number = terminal
        } else if let pipe = run?.input?.number {
            number = pipe
        } else {
            toContainer = []
            return
        }
        let terminal = run?.terminal
        var done = 0
        while done < toContainer.count {
            let count = toContainer[done...].withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count > 0 { done += count; continue }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            // Nobody reads any more.
            toContainer = []
            if terminal == nil { closeInput(number) }
            return
        }
        toContainer.removeFirst(done)
        watchInput(number, wanted: !toContainer.isEmpty)
        if toContainer.isEmpty, inputEnded, terminal == nil { closeInput(number) }
        for client in clients.values where client.sendsInput { updateInterest(client) }
    }

    private func closeInput(_ number: Int32) {
        try? poller.remove(number)
        run?.input = nil
    }

    private func watchInput(_ number: Int32, wanted: Bool) {
        if run?.terminal != nil {
            let events: PollEvents = wanted ? [.readable, .writable] : .readable
            // The master is watched as the output already.
            try? poller.modify(number, outputPaused ? [] : events, token: Token.output)
            return
        }
        if wanted {
            do throws(Errno) { try poller.add(number, .writable, token: Token.input) } catch {
                try? poller.modify(number, .writable, token: Token.input)
            }
        } else {
            try? poller.remove(number)
        }
    }
}

/// One run of a container, as the loop sees it.
struct ContainerRun {
    /// A pidfd of its first process.
    var process: Int32
    /// Pipe ends, or the terminal's master as output.
    var output: SharedDescriptor?
    var errorOutput: SharedDescriptor?
    var input: SharedDescriptor?
    /// The master's number when there is a terminal.
    var terminal: Int32?
    /// Whether its input ends with the first client that has it.
    var closesInput: Bool
    /// What else the monitor does beside its container, woken by a descriptor of its own.
    var services: NetworkServices?
    /// The checks whether the program works.
    var health: HealthChecks?
}
