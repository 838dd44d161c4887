import Glibc
import LinuxKernel

extension Engine {
    /// Asks a container's monitor for something and waits until it is done.
    ///
    /// - Throws: the monitor's refusal, or that there is none.
    func ask(_ directory: ContainerDirectory, _ request: AttachFrame) throws(EngineError) {
        let answer = try converse(directory, request)
        switch answer {
        case .done, .started, .exited: return
        case .failed(let text, let code): throw EngineError(text, exitCode: code)
        default: throw EngineError("the monitor of container \(ContainerID.short(directory.id)) ended meanwhile")
        }
    }

    /// The exit status of a container's current run, once it has ended; nil when no monitor can say.
    func awaitExit(_ directory: ContainerDirectory) -> Int32? {
        guard case .exited(let code)? = try? converse(directory, .awaitExit) else { return nil }
        return code
    }

    private func converse(
        _ directory: ContainerDirectory, _ request: AttachFrame
    ) throws(EngineError) -> AttachFrame? {
        do throws(Errno) {
            let socket = try directory.connect()
            _ = try StreamSocket.send(socket.rawValue, request.encoded[...], wait: true)
            var buffer = [UInt8]()
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                if let frame = try? AttachFrame.decode(&buffer) { return frame }
                let count = chunk.withUnsafeMutableBytes { Glibc.read(socket.rawValue, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return nil }
                buffer += chunk[..<count]
            }
        } catch {
            throw EngineError("container \(ContainerID.short(directory.id)) is not running")
        }
    }

    /// `pause`.
    public func pause(_ text: String) throws(EngineError) {
        let (record, state, directory) = try inspectStarted(text)
        guard state.status == .running else {
            throw EngineError("container \(ContainerID.short(record.id)) is not running")
        }
        try ask(directory, .pause)
    }

    /// `unpause`.
    public func unpause(_ text: String) throws(EngineError) {
        let (record, state, directory) = try inspectStarted(text)
        guard state.status == .running else { throw EngineError("container \(record.name) is not paused") }
        try ask(directory, .unpause)
    }

    /// `restart`: what `stop` and `start` do, in one step of the monitor; a container that does not run is started.
    public func restart(_ text: String, signal: Int32? = nil, timeout: Int? = nil) throws(EngineError) {
        let (record, state, directory) = try inspectStarted(text)
        guard state.isAlive else { return try start(text) }
        let number = signal ?? Signals.number(record.stopSignal) ?? SIGTERM
        try ask(
            directory, .restart(signal: number, timeout: Int32(clamping: timeout ?? record.stopTimeout)))
    }
}
