import ImageStore
import LinuxKernel

extension Engine {
    /// Runs a created container in the background and returns once its program runs.
    ///
    /// - Throws: why it could not start, with Docker's exit status; the container is gone then.
    public func startDetached(
        _ container: consuming CreatedContainer, warn: (String) -> Void = { _ in }
    ) throws(EngineError) {
        let monitor = try Monitor.spawn(engine: self, record: container.record, directory: container.directory, size: nil)
        let client = AttachClient(socket: monitor.socket, sendsInput: false, hasTerminal: false)
        do throws(EngineError) { try client.awaitStart(warn: warn) } catch {
            _ = try? monitor.process.wait()
            discard(container)
            throw error
        }
    }

    /// Runs a created container with the caller's standard streams, until it ends.
    ///
    /// - Returns: the program's exit status.
    public func runAttached(
        _ container: consuming CreatedContainer, warn: (String) -> Void = { _ in }
    ) throws(EngineError) -> Int32 {
        let record = container.record
        let monitor = try Monitor.spawn(
            engine: self, record: record, directory: container.directory,
            size: record.terminal ? Terminal.size(0) ?? Terminal.size(1) : nil)
        let client = AttachClient(socket: monitor.socket, sendsInput: record.interactive, hasTerminal: record.terminal)
        do throws(EngineError) { try client.awaitStart(warn: warn) } catch {
            _ = try? monitor.process.wait()
            discard(container)
            throw error
        }
        // The monitor holds the lock from here on; ours would keep others waiting after its death.
        _ = consume container
        return try client.run()
    }
}
