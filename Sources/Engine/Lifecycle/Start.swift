import ImageStore
import LinuxKernel

extension Engine {
    /// Runs a created container in the background and returns once its program runs.
    ///
    /// - Throws: why it could not start, with Docker's exit status; the container is gone then.
    public func startDetached(
        _ container: consuming CreatedContainer, warn: (String) -> Void = { _ in }
    ) throws(EngineError) {
        do throws(EngineError) { try launch(container.record, container.directory, warn: warn) } catch {
            discard(container)
            throw error
        }
    }

    /// Runs a created container with the caller's standard streams, until it ends.
    ///
    /// - Returns: the program's exit status.
    public func runAttached(
        _ container: consuming CreatedContainer, _ options: AttachOptions = AttachOptions(),
        warn: (String) -> Void = { _ in }
    ) throws(EngineError) -> Int32 {
        let client: StartedClient
        do throws(EngineError) {
            client = try launchAttached(
                container.record, container.directory, options,
                sendsInput: container.record.interactive && !options.withoutInput, warn: warn)
        } catch {
            discard(container)
            throw error
        }
        // The monitor holds the lock from here on; ours would keep others waiting after its death.
        _ = consume container
        return try client.client.run()
    }

    /// Starts a monitor for a container whose lock the caller holds, and waits until the program runs.
    private func launch(
        _ record: ContainerRecord, _ directory: ContainerDirectory, warn: (String) -> Void
    ) throws(EngineError) {
        let monitor = try Monitor.spawn(engine: self, record: record, directory: directory, options: MonitorOptions())
        let client = AttachClient(socket: monitor.socket, sendsInput: false, hasTerminal: false)
        do throws(EngineError) { try client.awaitStart(warn: warn) } catch {
            _ = try? monitor.process.wait()
            throw error
        }
    }

    private func launchAttached(
        _ record: ContainerRecord, _ directory: ContainerDirectory, _ options: AttachOptions, sendsInput: Bool,
        warn: (String) -> Void
    ) throws(EngineError) -> StartedClient {
        var monitorOptions = MonitorOptions()
        monitorOptions.isAttached = true
        if record.terminal { monitorOptions.size = Terminal.size(0) ?? Terminal.size(1) }
        let monitor = try Monitor.spawn(engine: self, record: record, directory: directory, options: monitorOptions)
        let client = AttachClient(
            socket: monitor.socket, sendsInput: sendsInput, hasTerminal: record.terminal, options: options)
        do throws(EngineError) { try client.awaitStart(warn: warn) } catch {
            _ = try? monitor.process.wait()
            throw error
        }
        return StartedClient(client: client, monitor: monitor)
    }

    /// `start`: runs a container that was created or has ended, in the background. One that runs is left alone.
    public func start(_ text: String, warn: (String) -> Void = { _ in }) throws(EngineError) {
        guard let container = try startable(text) else { return }
        try launch(container.record, container.directory, warn: warn)
    }

    /// `start -a` and `start -ai`.
    ///
    /// - Parameter interactive: whether standard input goes to the container.
    /// - Returns: the program's exit status.
    public func startAttached(
        _ text: String, interactive: Bool, _ options: AttachOptions, warn: (String) -> Void = { _ in }
    ) throws(EngineError) -> Int32 {
        guard let container = try startable(text) else {
            var options = options
            options.withoutInput = !interactive
            return try attach(text, options)
        }
        let record = container.record
        let client = try launchAttached(
            record, container.directory, options, sendsInput: interactive && record.interactive, warn: warn)
        _ = consume container
        return try client.client.run()
    }

    /// A container that can be started, with its lock; nil for one that runs already.
    private func startable(_ text: String) throws(EngineError) -> CreatedContainer? {
        let (_, state, directory) = try inspectStarted(text)
        if state.isPaused { throw EngineError("cannot start a paused container, try unpause instead") }
        // One whose policy is about to start it again waits no longer.
        if state.status == .restarting {
            try ask(directory, .restart(signal: 0, timeout: -1))
            return nil
        }
        if state.status == .running { return nil }
        guard let lock = try directory.lock() else {
            throw EngineError("container \(text) is being changed by another command")
        }
        return CreatedContainer(record: try directory.readRecord(), directory: directory, lock: lock)
    }

    /// `attach`: the output of a running container from now on, and its input.
    ///
    /// - Returns: its exit status, or 0 after the keys for detaching.
    public func attach(_ text: String, _ options: AttachOptions) throws(EngineError) -> Int32 {
        let (record, state, directory) = try inspectStarted(text)
        guard state.isAlive else { throw EngineError("You cannot attach to a stopped container, start it first") }
        if state.isPaused { throw EngineError("You cannot attach to a paused container, unpause it first") }
        if state.status == .restarting {
            throw EngineError("You cannot attach to a restarting container, wait until it is running")
        }
        let sendsInput = record.interactive && !options.withoutInput
        var options = options
        options.isGuest = true
        let socket = try connection(record, directory)
        try attempt("talk to the monitor of", record.name) { () throws(Errno) in
            _ = try StreamSocket.send(socket.rawValue, AttachFrame.attach(input: sendsInput).encoded[...], wait: true)
        }
        let client = AttachClient(
            socket: socket, sendsInput: sendsInput, hasTerminal: record.terminal, options: options)
        try client.awaitStart { _ in }
        report("attach", record)
        let code = try client.run()
        withExtendedLifetime(socket) {}
        return code
    }

    private func connection(
        _ record: ContainerRecord, _ directory: ContainerDirectory
    ) throws(EngineError) -> FileDescriptor {
        do throws(Errno) { return try directory.connect() } catch {
            throw EngineError("container \(record.name) is not running")
        }
    }
}

/// A client and the monitor that it talks with, whose socket must stay open.
private struct StartedClient: ~Copyable {
    let client: AttachClient
    let monitor: SpawnedMonitor
}
