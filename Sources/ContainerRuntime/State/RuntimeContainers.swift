import ControlGroups
import Glibc
import JSON
import LinuxKernel
import OCI

/// The containers of an OCI runtime: one directory each below the root, made exclusively, changed under its lock.
public struct RuntimeContainers: Sendable {
    private let root: String

    /// The containers below a directory (`--root`), made when missing.
    public init(root: String) throws(RuntimeError) {
        self.root = root
        try attempt("make", root) { () throws(Errno) in try Files.makeDirectories(root, mode: 0o711) }
    }

    /// How a container is created.
    public struct CreateOptions: Sendable {
        public var bundle: String
        public var configurationPath: String?
        public var pidFile: String?
        public var consoleSocket: String?
        public var keepsKeyring = false
        public var noPivot = false
        public var preservedDescriptors = 0
        /// The standard streams' numbers, for a caller that gives others than its own.
        /// Creates a container from a bundle.
        public init(bundle: String) { self.bundle = bundle }
    }

    // MARK: Identity

    /// Refuses what could leave the root: letters, digits and `_ + - .` only, as runc.
    private func directory(_ id: String) throws(RuntimeError) -> String {
        let allowed = id.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
        guard allowed, !id.isEmpty, id.utf8.count <= 1024, id != ".", id != "..", !id.hasPrefix("-") else {
            throw RuntimeError("use container id", "\"\(id.prefix(80))\"", cause: "letters, digits, _, +, - and . are allowed")
        }
        return "\(root)/\(id)"
    }

    private func lock(_ directory: String, _ id: String) throws(RuntimeError) -> FileLock {
        do throws(Errno) { return try FileLock("\(directory)/lock") } catch {
            throw error == .noSuchFile
                ? RuntimeError("find", "container \(id)", cause: "container does not exist") : RuntimeError("lock", directory, error)
        }
    }

    private func read(_ directory: String, _ id: String) throws(RuntimeError) -> RuntimeState {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read("\(directory)/state.json") } catch {
            throw error == .noSuchFile
                ? RuntimeError("find", "container \(id)", cause: "container does not exist")
                : RuntimeError("read the state of", id, error)
        }
        do throws(JSONError) { return try RuntimeState(parsing: bytes) } catch {
            throw RuntimeError("read the state of", id, cause: error.description)
        }
    }

    private func write(_ state: RuntimeState, _ directory: String) throws(RuntimeError) {
        try attempt("write the state of", state.id) { () throws(Errno) in
            try Files.replace("\(directory)/state.json", with: state.json.serialized(), mode: 0o600)
        }
    }

    private func status(_ state: RuntimeState) -> RuntimeState.Status {
        if state.pid == 0 { return .creating }
        guard ProcessInformation.startTime(of: state.pid) == state.processStart, ProcessInformation.isAlive(state.pid) else {
            return .stopped
        }
        return state.isStarted ? .running : .created
    }

    // MARK: Commands

    /// `create`: everything but the program. The container's first process waits for ``start(_:)``.
    @discardableResult
    public func create(_ id: String, _ options: CreateOptions) throws -> Int32 {
        let directory = try directory(id)
        let bundle = try Bundle(path: options.bundle, configurationPath: options.configurationPath)
        do throws(Errno) { try Files.makeDirectory(directory, mode: 0o711) } catch {
            throw error == .fileExists
                ? RuntimeError("create", "container \(id)", cause: "container with id exists already")
                : RuntimeError("make", directory, error)
        }
        let lock = try lock(directory, id)
        defer { withExtendedLifetime(lock) {} }
        var state = RuntimeState(
            id: id, bundle: bundle.path, ociVersion: bundle.configuration.ociVersion, created: WallClock.now())
        state.annotations = bundle.configuration.annotations
        state.controlGroup = bundle.controlGroupPath(id: id)
        var group: ControlGroup?
        do {
            // The intent before the first kernel object: `delete --force` finds the group by it.
            try write(state, directory)
            var request = try bundle.request(id: id, seccompCache: "\(root)/.seccomp")
            group = request.controlGroup
            request.keepsKeyring = options.keepsKeyring
            request.noPivot = options.noPivot
            request.preservedDescriptors = options.preservedDescriptors
            let place = try Files.open(directory, [.pathOnly, .directory])
            let listener = try UnixSocket.listen(at: place.rawValue, "start.sock", kind: .sequencedPacket, backlog: 4)
            request.startListener = listener.rawValue
            let container = try Launcher(request).launch()
            state.pid = container.process.pid
            state.processStart = ProcessInformation.startTime(of: container.process.pid) ?? 0
            try write(state, directory)
            if let terminal = container.terminal { try hand(terminal, to: options.consoleSocket) }
            if let path = options.pidFile { try Files.replace(path, with: Array(String(state.pid).utf8)) }
            return state.pid
        } catch {
            if state.pid > 0 { _ = Glibc.kill(state.pid, SIGKILL) }
            try? group?.kill()
            try? group?.remove(emptyParents: bundle.emptyGroupParents)
            try? Files.removeTree(directory)
            throw error
        }
    }

    private func hand(_ terminal: SharedDescriptor, to socket: String?) throws {
        guard let socket else {
            throw RuntimeError("hand over", "terminal", cause: "process.terminal is true and no --console-socket was given")
        }
        let connection = try UnixSocket.connect(at: WorkingDirectory.rawValue, socket)
        try connection.sendMessage(Array("/dev/ptmx".utf8), descriptors: [terminal.number])
    }

    /// `start`: lets a created container's program run, and waits until it does.
    public func start(_ id: String) throws {
        let directory = try directory(id)
        let lock = try lock(directory, id)
        defer { withExtendedLifetime(lock) {} }
        var state = try read(directory, id)
        let current = status(state)
        guard current == .created else {
            throw RuntimeError("start", "container \(id)", cause: "it is \(current.rawValue), not created")
        }
        let place = try Files.open(directory, [.pathOnly, .directory])
        let socket = try UnixSocket.connect(at: place.rawValue, "start.sock", kind: .sequencedPacket)
        let answer = try socket.receiveMessage()
        if let kind = answer.bytes.first, kind == SyncMessage.failed {
            throw RuntimeError(message: answer.bytes.dropFirst())
        }
        state.isStarted = true
        try write(state, directory)
        try? Files.unlink(at: place.rawValue, "start.sock")
    }

    /// `state`.
    public func state(_ id: String) throws(RuntimeError) -> JSONValue {
        let state = try read(try directory(id), id)
        return state.publicJSON(status(state))
    }

    /// `list`: every container's public state.
    public func list() throws(RuntimeError) -> [JSONValue] {
        let entries = try attempt("list", root) { () throws(Errno) in
            try Files.open(root, [.readOnly, .directory]).directoryEntries()
        }
        return entries.compactMap { try? state($0.name.description) }
    }

    /// `kill`: sends a signal to the first process, with `all` to every process of the container.
    public func kill(_ id: String, signal: Int32, all: Bool) throws {
        let state = try read(try directory(id), id)
        let current = status(state)
        if all, !state.controlGroup.isEmpty {
            let group = try ControlGroup.open(host: HostControlGroups.detect(), path: state.controlGroup)
            if signal == SIGKILL { return try group.kill() }
            for pid in try group.processes() { Glibc.kill(pid, signal) }
            return
        }
        guard current == .created || current == .running else {
            throw RuntimeError("kill", "container \(id)", cause: "container not running")
        }
        let process = try ProcessClone.open(pid: state.pid)
        guard ProcessInformation.startTime(of: state.pid) == state.processStart else {
            throw RuntimeError("kill", "container \(id)", cause: "container not running")
        }
        try ProcessSignal.send(pidfd: process.rawValue, signal)
    }

    /// `delete`: clears what is left of a stopped container; with `force` ends it first, and is content when there is none.
    public func delete(_ id: String, force: Bool) throws {
        let directory = try directory(id)
        guard Files.exists(directory) else {
            if force { return }
            throw RuntimeError("find", "container \(id)", cause: "container does not exist")
        }
        let lock = try lock(directory, id)
        defer { withExtendedLifetime(lock) {} }
        if let state = try? read(directory, id) {
            let current = status(state)
            guard force || current == .stopped else {
                throw RuntimeError(
                    "delete", "container \(id)", cause: "cannot delete container that is not stopped: \(current.rawValue)")
            }
            if current == .created || current == .running, let process = try? ProcessClone.open(pid: state.pid) {
                try? ProcessSignal.send(pidfd: process.rawValue, SIGKILL)
                _ = try? Poll.readable(process.rawValue, milliseconds: 10_000)
            }
            if !state.controlGroup.isEmpty {
                let group = try ControlGroup.open(host: HostControlGroups.detect(), path: state.controlGroup)
                if group.exists {
                    try group.kill()
                    try group.remove(emptyParents: state.controlGroup.hasPrefix("/berth-runtime/") ? 1 : 0)
                }
            }
        } else if !force {
            throw RuntimeError("delete", "container \(id)", cause: "its state cannot be read; use --force")
        }
        try attempt("remove", directory) { () throws(Errno) in try Files.removeTree(directory) }
    }

    /// `run` in the foreground: the container is this process's child, its signals are passed on, and nothing of it is left
    /// when this returns.
    ///
    /// - Returns: the program's exit status.
    public func run(_ id: String, _ options: CreateOptions) throws -> Int32 {
        let directory = try directory(id)
        let bundle = try Bundle(path: options.bundle, configurationPath: options.configurationPath)
        do throws(Errno) { try Files.makeDirectory(directory, mode: 0o711) } catch {
            throw error == .fileExists
                ? RuntimeError("create", "container \(id)", cause: "container with id exists already")
                : RuntimeError("make", directory, error)
        }
        defer { try? Files.removeTree(directory) }
        var state = RuntimeState(
            id: id, bundle: bundle.path, ociVersion: bundle.configuration.ociVersion, created: WallClock.now())
        state.annotations = bundle.configuration.annotations
        state.controlGroup = bundle.controlGroupPath(id: id)
        state.isStarted = true
        try write(state, directory)
        var request = try bundle.request(id: id, seccompCache: "\(root)/.seccomp")
        defer { try? request.controlGroup?.remove(emptyParents: bundle.emptyGroupParents) }
        request.keepsKeyring = options.keepsKeyring
        request.noPivot = options.noPivot
        request.preservedDescriptors = options.preservedDescriptors
        var container = try Launcher(request).launch()
        state.pid = container.process.pid
        state.processStart = ProcessInformation.startTime(of: container.process.pid) ?? 0
        try write(state, directory)
        if let path = options.pidFile { try Files.replace(path, with: Array(String(state.pid).utf8)) }
        try container.start()
        return try ForegroundProcess(
            pid: container.process.pid, pidfd: container.process.pidfd.rawValue, terminal: container.terminal, sendsInput: true
        ).run().code
    }
}
