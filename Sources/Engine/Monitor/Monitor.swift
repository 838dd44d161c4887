import ContainerNetwork
import ContainerRuntime
import ControlGroups
import Glibc
import LinuxKernel
import Netlink
import OCI

/// The one small process that stands for a running container: its parent, the reader of its output, and the one that
/// puts everything away when it ends.
struct Monitor {
    let engine: Engine
    let record: ContainerRecord
    let directory: ContainerDirectory
    /// The size of the client's terminal.
    let size: TerminalSize?

    /// Starts a monitor for a container whose lock the caller holds; the monitor keeps the lock.
    ///
    /// - Returns: the monitor, and our end of the conversation, on which the first frame is `started` or `failed`.
    static func spawn(
        engine: Engine, record: ContainerRecord, directory: ContainerDirectory, size: TerminalSize?
    ) throws(EngineError) -> SpawnedMonitor {
        let pair = try attempt("make", "socket pair") { () throws(Errno) in try SocketPair(.stream) }
        let ours = pair.first.rawValue, theirs = pair.second.rawValue
        let monitor = Monitor(engine: engine, record: record, directory: directory, size: size)
        let process = try attempt("start the monitor of", record.name) { () throws(Errno) in
            try ProcessClone.run {
                close(ours)
                monitor.serve(SharedDescriptor(FileDescriptor(owning: theirs)))
                return 0
            }
        }
        try? pair.second.close()
        return SpawnedMonitor(process: process, socket: pair.first)
    }

    private var payloadPath: String { directory.payloadGroup }

    private func serve(_ client: SharedDescriptor) {
        becomeDaemon()
        var ownGroup: ControlGroup?
        // The last word to the client comes when nothing is left but this process, whose own end may take the kernel a
        // while longer (the nf_tables socket waits for readers of the rules).
        func leaveOwnGroup() {
            ownGroup?.leaveToRoot()
            try? ownGroup?.remove(emptyParents: 2)
        }
        do {
            let host = try HostControlGroups.detect()
            ownGroup = try host.leaveCallerGroups(to: directory.monitorGroup)
            let (loop, status) = try runContainer(host, client)
            leaveOwnGroup()
            loop.finish(.exited(status.code))
        } catch {
            let frame = fail(error)
            leaveOwnGroup()
            _ = try? StreamSocket.send(client.number, frame.encoded[...], wait: true)
        }
    }

    private func becomeDaemon() {
        _ = setsid()
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTTIN, SIGTTOU] { Signals.ignore(signal) }
        ProcessControl.becomeSubreaper()
        ProcessTitle.set("berth-monitor", arguments: ["berth-monitor", record.id])
        chdir("/")
        if let null = try? Files.open("/dev/null", .readWrite) {
            for number in Int32(0)...2 { dup2(null.rawValue, number) }
        }
    }

    /// Everything from the network to the exit record.
    private func runContainer(
        _ host: HostControlGroups, _ client: SharedDescriptor
    ) throws -> (loop: MonitorLoop, status: ExitStatus) {
        var state = ContainerState()
        state.monitorPID = getpid()
        state.bootID = Boot.id()
        let shared = try record.sharedNetworkContainer.map { try engine.sharedNetwork($0) }
        var network = try MonitorNetwork(engine, record)
        network.describe(&state)
        if shared == nil {
            try NameFiles(record: record, directory: directory, endpoints: network.endpoints).write()
        }

        var streams = try Streams(record)
        var request = try launchRequest(host, streams, shared)
        if let size {
            request.configuration.process?.consoleSize = RuntimeConsoleSize(height: size.rows, width: size.columns)
        }
        let plan = network.plan
        var connection = Connection()
        var container = try Launcher(request).launch { process in connection = try plan.connect(process.pidfd) }
        streams.closeContainerEnds()
        state.status = .running
        state.pid = container.process.pid
        state.processStart = ProcessInformation.startTime(of: container.process.pid) ?? 0
        state.startedAt = WallClock.now()
        try directory.write(state)
        try container.start()

        let terminal = container.terminal
        // The loop alone owns the ends from here on: closing its input is what the container sees as end of file.
        let loop = try MonitorLoop(
            process: container.process.pidfd.rawValue, output: terminal ?? streams.output.take(),
            errorOutput: streams.errorOutput.take(), input: streams.input.take(), terminal: terminal?.number,
            client: client, log: LogWriter(path: directory.logPath))
        loop.services = try network.services(connection)
        for warning in connection.warnings { loop.tell(.warning(warning.description)) }
        loop.tell(.started)
        loop.run()
        let status = try container.process.wait()
        finish(&state, status, request.controlGroup)
        network.close()
        return (loop, status)
    }

    private func launchRequest(
        _ host: HostControlGroups, _ streams: borrowing Streams, _ shared: SharedNetwork?
    ) throws -> LaunchRequest {
        let (configuration, ownerMapped) = try SpecificationBuilder(
            record: record, directory: directory, shared: shared
        ).build()
        let overlay = OverlayRoot(
            layers: record.layers.map { OverlayRoot.Layer(path: $0.path, idBase: $0.idBase) },
            upperDirectory: directory.upperDirectory, workDirectory: directory.workDirectory,
            volatile: record.autoRemove)
        var request = LaunchRequest(id: record.id, configuration: configuration, root: .overlay(overlay))
        request.userSpecification = record.user
        request.additionalGroups = record.groupAdd
        request.makeWorkingDirectory = true
        request.ownerMappedMounts = ownerMapped
        request.standardStreams = streams.numbers
        request.ownsStreams = !record.terminal
        request.diesWithParent = true
        request.usesInit = record.usesInit
        request.seccompCacheDirectory = engine.roots.seccompCache
        var limits = ResourceLimits()
        if let resources = configuration.linux.resources { limits = try ResourceLimits(resources) }
        request.controlGroup = try ControlGroup.create(host: host, path: payloadPath, limits: limits)
        return request
    }

    /// The container has ended: gives back what others may want, then records it, or removes it.
    private func finish(_ state: inout ContainerState, _ status: ExitStatus, _ group: ControlGroup?) {
        state.oomKilled = ((try? group?.outOfMemoryKills()) ?? 0) > 0
        state.exitCode = status.code
        try? group?.remove(emptyParents: 2)
        try? engine.networks.release(containerID: record.id)
        if record.autoRemove {
            try? engine.discard(record, directory)
            return
        }
        state.status = .exited
        state.pid = 0
        state.finishedAt = WallClock.now()
        try? directory.write(state)
    }

    /// It never ran: nothing stays but the reason.
    private func fail(_ error: any Error) -> AttachFrame {
        let group = try? ControlGroup.open(host: HostControlGroups.detect(), path: payloadPath)
        let outOfMemory = ((try? group?.outOfMemoryKills()) ?? 0) > 0
        try? group?.kill()
        try? group?.remove(emptyParents: 2)
        try? engine.networks.release(containerID: record.id)
        let code: Int32 =
            switch error {
            case let error as RuntimeError: error.kind == .notFound ? 127 : error.kind == .notExecutable ? 126 : 125
            default: 125
            }
        var text = ForeignPlatform.named("\(error)", image: record.imageID, in: engine.images)
        if let limit = record.limits.memory,
            outOfMemory || (error as? RuntimeError)?.cause == Errno.noMemory.description
        {
            text =
                "the memory limit of \(limit) bytes is too small to start container \(record.name); give it more with --memory"
        }
        var state = ContainerState()
        state.exitCode = code
        state.error = text
        try? directory.write(state)
        return .failed(text, code: code)
    }
}

/// A monitor as its starter sees it.
struct SpawnedMonitor: ~Copyable {
    let process: ChildHandle
    let socket: FileDescriptor
}

/// The pipes between a container and its monitor.
private struct Streams: ~Copyable {
    /// What becomes 0, 1 and 2 in the container.
    let numbers: (input: Int32, output: Int32, error: Int32)
    /// The monitor's ends.
    var output: SharedDescriptor?
    var errorOutput: SharedDescriptor?
    var input: SharedDescriptor?

    init(_ record: ContainerRecord) throws(EngineError) {
        if record.terminal {
            numbers = (0, 1, 2)
            output = nil
            errorOutput = nil
            input = nil
            return
        }
        let outputPipe = try Self.pipe(), errorPipe = try Self.pipe()
        output = SharedDescriptor(FileDescriptor(owning: outputPipe.read))
        errorOutput = SharedDescriptor(FileDescriptor(owning: errorPipe.read))
        if record.interactive {
            let inputPipe = try Self.pipe()
            input = SharedDescriptor(FileDescriptor(owning: inputPipe.write))
            numbers = (inputPipe.read, outputPipe.write, errorPipe.write)
        } else {
            // 0 is /dev/null in a monitor.
            input = nil
            numbers = (0, outputPipe.write, errorPipe.write)
        }
    }

    private static func pipe() throws(EngineError) -> (read: Int32, write: Int32) {
        var numbers: [Int32] = [-1, -1]
        guard pipe2(&numbers, O_CLOEXEC) == 0 else { throw EngineError("make", "pipe", Errno(rawValue: errno)) }
        return (numbers[0], numbers[1])
    }

    func closeContainerEnds() {
        for number in [numbers.input, numbers.output, numbers.error] where number > 2 { close(number) }
    }
}
