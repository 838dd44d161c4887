import LinuxKernel
import OCI

extension RuntimeContainers {
    /// `start`: lets a created container's program run, and waits until it does.
    public func start(_ id: String) throws {
        let directory = try directory(id)
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        var state = try directory.readState()
        let refusal: String
        switch status(state, directory) {
        case .created: refusal = ""
        case .stopped: refusal = "cannot start a container that has stopped"
        case .running: refusal = "cannot start an already running container"
        case .paused: refusal = "cannot start a container in the paused state"
        case .creating: refusal = "cannot start a container that is being created"
        }
        guard refusal.isEmpty else { throw RuntimeError("start", "container \(id)", cause: refusal) }
        let place = try attempt("open", directory.path) { () throws(Errno) in
            try Files.open(directory.path, [.pathOnly, .directory])
        }
        let socket = try attempt("wake", "container \(id)") { () throws(Errno) in
            try UnixSocket.connect(at: place.rawValue, StartSocket.name, kind: .sequencedPacket)
        }
        // The end of the stream: the execution closed the other end.
        let answer = try attempt("wait for", "container \(id)") { () throws(Errno) in try socket.receiveMessage() }
        if let kind = answer.bytes.first, SyncMessage.failures.contains(kind) {
            throw RuntimeError(failure: answer.bytes)
        }
        state.isStarted = true
        try directory.write(state)
        try? Files.unlink(at: place.rawValue, StartSocket.name)
        try runPoststart(state, directory)
    }
}

extension RuntimeContainers {
    /// Runs the hooks that follow the program's start. One that fails ends the container (runtime.md, "Lifecycle", step 9
    /// and "Errors").
    func runPoststart(_ state: RuntimeState, _ directory: StateDirectory) throws {
        guard state.hasHooks else { return }
        let hooks = try directory.configuration().hooks
        do throws(RuntimeError) {
            try Hooks.run(.poststart, of: hooks, state: state.publicJSON(.running), directory: state.bundle)
        } catch {
            if let process = try? openProcess(state, for: "start") {
                try? ProcessSignal.send(pidfd: process.rawValue, ProcessSignal.kill)
            }
            throw error
        }
    }
}
