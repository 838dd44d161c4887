import Glibc
import JSON
import LinuxKernel

/// A container's files: its directory in the state root and the one that dies with the boot.
public struct ContainerDirectory: Sendable {
    let roots: EngineRoots
    public let id: String

    init(roots: EngineRoots, id: String) {
        self.roots = roots
        self.id = id
    }

    public var path: String { roots.container(id) }
    var runPath: String { roots.runContainer(id) }
    var upperDirectory: String { path + "/upper" }
    var workDirectory: String { path + "/work" }
    /// The container's output in Docker's `json-file` form.
    public var logPath: String { path + "/log.json" }
    private var recordPath: String { path + "/container.json" }
    private var statePath: String { path + "/state.json" }
    /// What the health checks have found.
    var healthPath: String { runPath + "/health.json" }
    private var lockPath: String { runPath + "/lock" }

    /// The groups of the container: payload and monitor are leaves below it.
    var controlGroup: String { "\(roots.controlGroupParent)/\(id)" }
    var payloadGroup: String { controlGroup + "/payload" }
    var monitorGroup: String { controlGroup + "/monitor" }

    // MARK: Records

    func readRecord() throws(EngineError) -> ContainerRecord {
        let bytes = try attempt("read", recordPath) { () throws(Errno) in try Files.read(recordPath) }
        do throws(JSONError) { return try ContainerRecord(parsing: bytes) } catch {
            throw EngineError(
                "the record of container \(ContainerID.short(id)) cannot be read: \(recordPath): \(error)")
        }
    }

    func write(_ record: ContainerRecord) throws(EngineError) {
        try attempt("write", recordPath) { () throws(Errno) in
            try Files.replace(recordPath, with: record.json.serialized(), mode: 0o600)
        }
    }

    func readState() -> ContainerState {
        guard let bytes = try? Files.read(statePath), let state = try? ContainerState(parsing: bytes) else {
            return ContainerState()
        }
        return state
    }

    func write(_ state: ContainerState) throws(EngineError) {
        try attempt("write", statePath) { () throws(Errno) in
            try Files.replace(statePath, with: state.json.serialized(), mode: 0o600)
        }
    }

    /// Changes the record of a container that others may be changing too: reads, changes and replaces it under a lock of its
    /// own, which is held for no longer than that.
    func change(_ body: (inout ContainerRecord) throws(EngineError) -> Void) throws(EngineError) -> ContainerRecord {
        let lock = try attempt("lock the record of", ContainerID.short(id)) { () throws(Errno) in
            try makeRunDirectory()
            return try FileLock(runPath + "/record.lock")
        }
        defer { withExtendedLifetime(lock) {} }
        var record = try readRecord()
        try body(&record)
        try write(record)
        return record
    }

    /// Whether a state has been written: the container is one that somebody keeps, although it has not run.
    var hasState: Bool { Files.exists(statePath) }

    /// What the health checks have found; nil when there is none or the container does not run.
    public func health(_ record: ContainerRecord, _ state: ContainerState) -> HealthState? {
        guard record.health != nil, state.status == .running else { return nil }
        guard let bytes = try? Files.read(healthPath), let health = try? HealthState(parsing: bytes) else {
            return HealthState()
        }
        return health
    }

    // MARK: Conversation with the monitor

    private static let socketName = "monitor.sock"

    /// Listens for whoever wants something of this container's monitor.
    func listen() throws(Errno) -> FileDescriptor {
        let place = try Files.open(runPath, [.readOnly, .directory])
        defer { withExtendedLifetime(place) {} }
        try? Files.unlink(at: place.rawValue, Self.socketName)
        return try UnixSocket.listen(at: place.rawValue, Self.socketName)
    }

    /// A connection to the container's monitor.
    func connect() throws(Errno) -> FileDescriptor {
        let place = try Files.open(runPath, [.readOnly, .directory])
        defer { withExtendedLifetime(place) {} }
        return try UnixSocket.connect(at: place.rawValue, Self.socketName)
    }

    // MARK: Life

    /// Makes both directories; the record is what makes the container visible.
    func make() throws(EngineError) {
        try attempt("make", path) { () throws(Errno) in
            try Files.makeDirectory(path, mode: 0o711)
            try makeRunDirectory()
        }
    }

    private func makeRunDirectory() throws(Errno) {
        do throws(Errno) { try Files.makeDirectories(runPath, mode: 0o711) } catch {
            if error != .fileExists { throw error }
        }
    }

    /// Takes the container's lock, which whoever changes the container's life holds: its creator, then its monitor.
    ///
    /// - Returns: nil when somebody holds it: the container is alive or being changed.
    func lock() throws(EngineError) -> FileLock? {
        do throws(Errno) {
            // Between making the directory and locking its file somebody may sweep it away as a dead one's.
            for _ in 0..<3 where !Files.exists(lockPath) {
                try makeRunDirectory()
                if (try? Files.open(lockPath, [.readWrite, .create, .noFollow], mode: 0o600)) != nil { break }
            }
            // Somebody who only asks whether the lock is held has it for an instant: try again before believing it.
            for _ in 0..<3 {
                if let lock = try FileLock.attempt(lockPath) { return lock }
                usleep(500)
            }
            return nil
        } catch {
            throw EngineError("lock container \(ContainerID.short(id)) by", lockPath, error)
        }
    }

    /// Whether somebody holds the lock.
    var isLocked: Bool { FileLock.isHeld(lockPath) }

    /// Waits until nobody holds the lock, at most the given time (nil: for ever): the container has ended and its
    /// monitor has put everything away.
    ///
    /// - Returns: whether it is free.
    func waitUntilUnlocked(milliseconds: Int32?) -> Bool {
        let state = readState()
        if state.isAlive, let monitor = try? ProcessClone.open(pid: state.monitorPID), isLocked {
            // The monitor holds the lock until it dies; its pidfd says when, without polling.
            guard (try? Poll.readable(monitor.rawValue, milliseconds: milliseconds)) == true else { return false }
            return true
        }
        guard isLocked else { return true }
        guard let milliseconds else {
            _ = try? FileLock(lockPath, shared: true)
            return true
        }
        let deadline = MonotonicClock.milliseconds() + Int64(milliseconds)
        while isLocked {
            if MonotonicClock.milliseconds() >= deadline { return false }
            usleep(2000)
        }
        return true
    }

    /// Removes everything of the container from disk. The caller holds the lock or knows that nobody does.
    func remove() throws(EngineError) {
        // The record first: without it there is no container, whatever a crash leaves of the rest.
        try? Files.unlink(recordPath)
        do throws(Errno) {
            try Files.removeTree(path)
            try Files.removeTree(runPath)
        } catch {
            throw EngineError("remove", path, error)
        }
    }
}
