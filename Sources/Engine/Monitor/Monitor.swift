import ContainerNetwork
import ContainerRuntime
import ControlGroups
import Glibc
import LinuxKernel
import Netlink
import OCI

/// The one small process that stands for a running container: its parent, the reader of its output, the one that starts it
/// again as its policy says, and the one that puts everything away when it ends.
final class Monitor {
    private let engine: Engine
    private var record: ContainerRecord
    private let directory: ContainerDirectory
    private let options: MonitorOptions
    private var state: ContainerState
    private var group: ControlGroup?
    /// Milliseconds waited before the last start by policy.
    private var delay: Int64 = 0
    private var wantsRestart = false

    private init(
        _ engine: Engine, _ record: ContainerRecord, _ directory: ContainerDirectory, _ options: MonitorOptions
    ) {
        self.engine = engine
        self.record = record
        self.directory = directory
        self.options = options
        state = directory.readState()
    }

    /// Starts a monitor for a container whose lock the caller holds; the monitor keeps the lock.
    ///
    /// - Returns: the monitor, and our end of the conversation, on which the first frame is `started` or `failed`.
    static func spawn(
        engine: Engine, record: ContainerRecord, directory: ContainerDirectory, options: MonitorOptions
    ) throws(EngineError) -> SpawnedMonitor {
        let pair = try attempt("make", "socket pair") { () throws(Errno) in try SocketPair(.stream) }
        let ours = pair.first.rawValue, theirs = pair.second.rawValue
        let process = try attempt("start the monitor of", record.name) { () throws(Errno) in
            try ProcessClone.run {
                close(ours)
                Monitor(engine, record, directory, options).serve(SharedDescriptor(FileDescriptor(owning: theirs)))
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
            let loop = try MonitorLoop(
                listener: SharedDescriptor(try directory.listen()),
                log: LogWriter(path: directory.logPath, bounds: .init(record.extras)))
            loop.request = { [unowned self, unowned loop] frame throws(EngineError) in try self.answer(frame, loop) }
            try loop.add(client, sendsInput: options.isAttached)
            var status: ExitStatus
            repeat {
                do { status = try runContainer(host, loop) } catch {
                    let frame = fail(error)
                    leaveOwnGroup()
                    loop.tell(frame, role: .restarting)
                    loop.tell(frame)
                    return
                }
            } while startsAgain(loop, status)
            leaveOwnGroup()
            loop.finish(.exited(state.exitCode))
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

    // MARK: A run

    /// Everything from the network to the end of the program.
    private func runContainer(_ host: HostControlGroups, _ loop: MonitorLoop) throws -> ExitStatus {
        var state = ContainerState()
        state.monitorPID = getpid()
        state.bootID = Boot.id()
        state.finishedAt = self.state.finishedAt
        state.restartCount = self.state.status == .restarting ? self.state.restartCount : 0
        let shared = try record.sharedNetworkContainer.map { try engine.sharedNetwork($0) }
        var network = try MonitorNetwork(engine, record)
        network.describe(&state)
        if shared == nil {
            try NameFiles(record: record, directory: directory, endpoints: network.endpoints).write()
        }

        var streams = try ContainerStreams(record)
        var request = try launchRequest(host, streams, shared)
        if let size = options.size {
            request.configuration.process?.consoleSize = RuntimeConsoleSize(height: size.rows, width: size.columns)
        }
        let plan = network.plan
        var connection = Connection()
        var container = try Launcher(request).launch { process in connection = try plan.connect(process.pidfd) }
        streams.closeContainerEnds()
        group = request.controlGroup
        state.status = .running
        state.pid = container.process.pid
        state.processStart = ProcessInformation.startTime(of: container.process.pid) ?? 0
        state.startedAt = WallClock.now()
        try directory.write(state)
        try container.start()
        self.state = state
        engine.report("start", record)

        let terminal = container.terminal
        // The loop alone owns the ends from here on: closing its input is what the container sees as end of file.
        try loop.begin(
            ContainerRun(
                process: container.process.pidfd.rawValue, output: terminal ?? streams.output.take(),
                errorOutput: streams.errorOutput.take(), input: streams.input.take(), terminal: terminal?.number,
                closesInput: record.closesInput, services: try network.services(connection),
                health: HealthChecks(engine, record, state, directory)))
        for warning in connection.warnings { loop.tell(.warning(warning.description)) }
        loop.tell(.started)
        loop.tell(.started, role: .restarting)
        if !options.isAttached { loop.release() }
        let begun = MonotonicClock.milliseconds()
        loop.serveRun()
        let status = try container.process.wait()
        delay = MonotonicClock.milliseconds() - begun >= 10_000 ? 0 : delay
        finish(status)
        network.close()
        return status
    }

    private func launchRequest(
        _ host: HostControlGroups, _ streams: borrowing ContainerStreams, _ shared: SharedNetwork?
    ) throws -> LaunchRequest {
        let (configuration, ownerMapped) = try SpecificationBuilder(
            record: record, directory: directory, shared: shared
        ).build()
        if record.autoRemove {
            // The mark of a volatile overlay that was in use before: its files need not have reached the disk, and this
            // machine has not been restarted since.
            try? Files.removeTree(directory.workDirectory + "/work/incompat")
        }
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

    // MARK: Requests

    private func answer(_ frame: AttachFrame, _ loop: MonitorLoop) throws(EngineError) {
        switch frame {
        case .pause:
            guard state.status == .running, let group else {
                throw EngineError("container \(record.name) is not running")
            }
            guard !state.isPaused else { throw EngineError("container \(record.name) is already paused") }
            do throws(ControlGroupError) { try group.freeze() } catch { throw EngineError("\(error)") }
            state.isPaused = true
            try directory.write(state)
            engine.report("pause", record)
        case .unpause:
            guard state.isPaused, let group else { throw EngineError("container \(record.name) is not paused") }
            do throws(ControlGroupError) { try group.thaw() } catch { throw EngineError("\(error)") }
            state.isPaused = false
            try directory.write(state)
            engine.report("unpause", record)
        case .stopping:
            state.stoppedByHand = true
            wantsRestart = false
            loop.isWoken = true
            if state.status == .running { try directory.write(state) }
        case .restart(let signal, let timeout):
            wantsRestart = true
            loop.isWoken = true
            guard state.status == .running, let process = try? engine.openProcess(record, state) else { return }
            try? ProcessSignal.send(pidfd: process.rawValue, signal)
            if state.isPaused { try? group?.thaw() }
            if timeout >= 0 { loop.killTime = MonotonicClock.milliseconds() + Int64(timeout) * 1000 }
        default: break
        }
    }

    // MARK: The end of a run

    /// The program has ended: gives back what others may want, and records it.
    private func finish(_ status: ExitStatus) {
        // Commands may have renamed or updated it meanwhile.
        if let now = try? directory.readRecord() { record = now }
        state.oomKilled = ((try? group?.outOfMemoryKills()) ?? 0) > 0
        state.exitCode = status.code
        try? group?.remove(emptyParents: 2)
        group = nil
        try? engine.networks.release(containerID: record.id)
        state.isPaused = false
        state.pid = 0
        state.finishedAt = WallClock.now()
        if state.oomKilled { engine.report("oom", record) }
        engine.report("die", record, ["exitCode": String(status.code)])
    }

    /// Decides what follows a run: another one, after a while, or the end, which is then on disk.
    private func startsAgain(_ loop: MonitorLoop, _ status: ExitStatus) -> Bool {
        if !wantsRestart,
            record.restart.applies(
                exitCode: status.code, stoppedByHand: state.stoppedByHand, count: state.restartCount)
        {
            delay = RestartPolicy.delay(after: delay, ranMilliseconds: 0)
            state.status = .restarting
            state.restartCount += 1
            try? directory.write(state)
            loop.finish(.exited(status.code))
            loop.serveWait(milliseconds: delay)
            if let now = try? directory.readRecord() { record = now }
            if !state.stoppedByHand || wantsRestart {
                if wantsRestart { state.restartCount = 0 }
                wantsRestart = false
                return true
            }
        }
        if wantsRestart {
            wantsRestart = false
            state.status = .restarting
            state.restartCount = 0
            try? directory.write(state)
            engine.report("restart", record)
            return true
        }
        if record.autoRemove {
            try? engine.discard(record, directory)
            return false
        }
        state.status = .exited
        try? directory.write(state)
        return false
    }

    /// It could not be started: nothing stays but the reason.
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
        if state.isAlive, record.autoRemove {
            try? engine.discard(record, directory)
            return .failed(text, code: code)
        }
        // One that has run before stays as it ended then.
        if state.isAlive { state.status = .exited }
        state.pid = 0
        state.exitCode = code
        state.error = text
        try? directory.write(state)
        return .failed(text, code: code)
    }
}

/// What a monitor is to know of whoever starts it.
struct MonitorOptions {
    /// The size of the client's terminal.
    var size: TerminalSize?
    /// Whether the client stays, and what it sends is the container's input.
    var isAttached = false
}

/// A monitor as its starter sees it.
struct SpawnedMonitor: ~Copyable {
    let process: ChildHandle
    let socket: FileDescriptor
}
