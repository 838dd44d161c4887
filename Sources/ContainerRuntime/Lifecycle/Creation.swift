import ControlGroups
import Glibc
import LinuxKernel
import OCI

extension RuntimeContainers {
    /// `create`: everything but the program. The container's first process waits for ``start(_:)``.
    ///
    /// - Throws: why it could not be made; nothing of it is left then.
    public func create(_ id: String, _ options: CreateOptions) throws {
        let bundle = try Bundle(path: options.bundle, configurationPath: options.configurationPath)
        try check(bundle, options, detached: true)
        let stub = try bundle.configuration.protectProgram(entering: bundle.configuration.process)
        var creation = try Creation(directory(id), bundle, groups)
        creation.stub = stub
        do {
            let place = try Files.open(creation.directory.path, [.pathOnly, .directory])
            let listener = try UnixSocket.listen(
                at: place.rawValue, StartSocket.name, kind: .sequencedPacket, backlog: 4)
            let container = try creation.launch(options, startListener: listener.rawValue)
            try Handover.send(terminal: container.terminal, to: options.consoleSocket)
            try creation.handOver(container, options)
        } catch {
            creation.undo()
            throw error
        }
    }

    /// `run`: creates and starts a container. In the foreground it is this process's child, its signals are passed on, and
    /// nothing of it is left when this returns, unless it is to be kept.
    ///
    /// - Returns: the program's exit status; 0 for a detached one, once it runs.
    public func run(_ id: String, _ options: CreateOptions) throws -> Int32 {
        let bundle = try Bundle(path: options.bundle, configurationPath: options.configurationPath)
        try check(bundle, options, detached: options.detached)
        let stub = try bundle.configuration.protectProgram(entering: bundle.configuration.process)
        var creation = try Creation(directory(id), bundle, groups)
        creation.stub = stub
        let container = try started(&creation, options)
        if options.detached { return 0 }
        let status = try ForegroundProcess(
            pid: container.process.pid, pidfd: container.process.pidfd.rawValue, terminal: container.terminal,
            sendsInput: true
        ).run()
        // Somebody else may have deleted it meanwhile.
        if !options.keeps, creation.directory.exists, try !removeEnded(creation) { try delete(id, force: true) }
        return status.code
    }

    private func started(_ creation: inout Creation, _ options: CreateOptions) throws -> LaunchedContainer {
        do {
            if !options.detached, options.isSubreaper { ProcessControl.becomeSubreaper() }
            var container = try creation.launch(
                options, startListener: nil, consoleSize: options.detached ? nil : Terminal.size(0))
            try creation.handOver(container, options)
            try container.start()
            // Its first message brought the terminal; what the program has written since waits in it.
            try Handover.send(terminal: container.terminal, to: options.consoleSocket)
            try runPoststart(creation.state, creation.directory)
            creation.unlock()
            return container
        } catch {
            creation.undo()
            throw error
        }
    }

    private func check(_ bundle: Bundle, _ options: CreateOptions, detached: Bool) throws(RuntimeError) {
        try Handover.check(
            terminal: bundle.configuration.process?.terminal ?? false, detached: detached, socket: options.consoleSocket
        )
    }
}

/// The socket on which a created container's first process waits.
enum StartSocket {
    static let name = "start.sock"
}

/// A container while it is made: what exists of it, so that it can be taken back.
struct Creation: ~Copyable {
    let directory: StateDirectory
    private let bundle: Bundle
    private let groups: GroupPolicy
    private(set) var state: RuntimeState
    private(set) var group: ControlGroup?
    /// Through which the program is executed, where ours must not be seen inside.
    var stub: ExecutionStub?
    private var lock: SharedLock?

    /// Takes the id.
    init(_ directory: StateDirectory, _ bundle: Bundle, _ groups: GroupPolicy) throws {
        self.directory = directory
        self.bundle = bundle
        self.groups = groups
        state = RuntimeState(id: directory.id, bundle: bundle)
        state.created = WallClock.now()
        state.resourceDirectories = ResourceDirector.missing(state.resourceDirectories)
        if let unit = try groups.unit(bundle, id: directory.id) {
            state.controlGroup = unit.groupPath
            state.systemdPath = bundle.configuration.linux.cgroupsPath ?? ""
        }
        try directory.make()
        lock = SharedLock(try directory.lock())
    }

    /// Records the intent, then makes the container. Its first process waits for `start`, or for ``LaunchedContainer/start()``.
    ///
    /// - Parameter consoleSize: for a terminal that the configuration gives no size.
    mutating func launch(
        _ options: CreateOptions, startListener: Int32?, consoleSize: TerminalSize? = nil
    ) throws -> LaunchedContainer {
        // Before the first object of the kernel's: `delete --force` finds them by this.
        try directory.write(state)
        try directory.keep(configuration: bundle.text)
        var request = try bundle.request(id: directory.id, seccompCache: directory.seccompCache, groups: groups)
        group = request.controlGroup
        request.keepsKeyring = options.keepsKeyring
        request.noPivot = options.noPivot
        request.preservedDescriptors = options.preservedDescriptors
        request.startListener = startListener
        request.executionStub = stub
        if let consoleSize, request.configuration.process?.consoleSize == nil {
            request.configuration.process?.consoleSize = RuntimeConsoleSize(
                height: consoleSize.rows, width: consoleSize.columns)
        }
        if options.activationSockets > 0 {
            request.configuration.process?.env += ["LISTEN_FDS=\(options.activationSockets)", "LISTEN_PID=1"]
        }
        state.isStarted = startListener == nil
        let container = try Launcher(request).launch()
        state.pid = container.process.pid
        state.processStart = ProcessInformation.startTime(of: container.process.pid) ?? 0
        try directory.write(state)
        return container
    }

    /// Records the intent and makes the group for processes that come from elsewhere.
    mutating func prepareRestore() throws {
        try directory.write(state)
        try directory.keep(configuration: bundle.text)
        group = try bundle.request(id: directory.id, seccompCache: nil, groups: groups).controlGroup
    }

    /// Takes a restored process in.
    mutating func adopt(_ pid: Int32, _ options: CreateOptions) throws {
        state.pid = pid
        state.processStart = ProcessInformation.startTime(of: pid) ?? 0
        state.isStarted = true
        try group?.add(pid: pid)
        try directory.write(state)
        try Handover.write(pid: pid, to: options.pidFile)
    }

    /// Gives the caller what it asked for of the new process.
    func handOver(_ container: borrowing LaunchedContainer, _ options: CreateOptions) throws(RuntimeError) {
        try Handover.send(pidfd: container.process.pidfd.rawValue, to: options.pidfdSocket)
        try Handover.write(pid: state.pid, to: options.pidFile)
    }

    /// Lets other commands at it.
    mutating func unlock() { lock = nil }

    /// Whether all of the container's processes end with its first: in a process namespace of its own.
    var ownsItsProcesses: Bool {
        bundle.configuration.linux.namespaces.contains { $0.type == "pid" && ($0.path ?? "").isEmpty }
    }

    /// Takes everything back.
    func undo() {
        // The number is still this process's child's, which nobody else can reap.
        if state.pid > 0 { _ = Glibc.kill(state.pid, SIGKILL) }
        try? group?.kill()
        try? group?.remove()
        try? ResourceDirector.remove(state.resourceDirectories)
        try? directory.remove()
    }
}

/// A lock that an optional can hold.
private final class SharedLock {
    private let lock: ProcessLock
    init(_ lock: consuming ProcessLock) { self.lock = lock }
}
