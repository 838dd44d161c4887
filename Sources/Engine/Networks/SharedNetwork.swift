import Glibc
import LinuxKernel

/// A running container whose network namespace another one shares.
struct SharedNetwork {
    let record: ContainerRecord
    let directory: ContainerDirectory
    /// Its first process.
    let pid: Int32
}

extension Engine {
    /// The container that a new one is to share the network of, by name or ID.
    ///
    /// - Throws: ``EngineError`` when it does not run, or has no network of its own.
    func sharedNetwork(_ text: String) throws(EngineError) -> SharedNetwork {
        let (record, state, directory) = try inspect(text)
        guard state.status == .running else {
            throw EngineError("cannot join network of a non running container: \(record.name)", exitCode: 125)
        }
        guard record.network != "host", record.sharedNetworkContainer == nil else {
            throw EngineError(
                "cannot share the network of container \(record.name): it has none of its own; name the container that has it, or use --network host",
                exitCode: 125)
        }
        return SharedNetwork(record: record, directory: directory, pid: state.pid)
    }
}
