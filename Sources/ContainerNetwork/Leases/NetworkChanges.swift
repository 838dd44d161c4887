import LinuxKernel

/// A change of a living container's networks (`network connect`, `disconnect`) that is under way.
///
/// `RUN/changing/CONTAINERID` is a symbolic link with the network's name, there for as long as the command works under a lock. One
/// whose lock is free belongs to a command that was killed: whoever meets it takes the container out of that network.
public struct NetworkChange: ~Copyable {
    /// The container.
    public let containerID: String
    /// The network that a killed command left half connected, nil when there was none.
    public let interrupted: String?
    private let path: String
    private let lock: FileLock

    fileprivate init(containerID: String, path: String, lock: consuming FileLock) {
        self.containerID = containerID
        self.path = path
        self.lock = lock
        interrupted = (try? Files.readLink(path))?.description
    }

    fileprivate func note(_ network: String) throws(Errno) {
        try? Files.unlink(path)
        try Files.symbolicLink(path, target: network)
    }

    /// Whether the note stays for the next command.
    public var isLeftOpen = false

    /// It ended, well or with an error that undid it.
    deinit { if !isLeftOpen { try? Files.unlink(path) } }
}

extension NetworkEngine {
    private var changes: String { "\(runRoot)/changing" }

    private func changeLock(_ containerID: String) -> String {
        "\(runRoot)/locks/change-\(StableHash.number(containerID) % 64)"
    }

    /// Waits for its turn to change the container's networks.
    public func beginChange(of containerID: String) throws(NetworkError) -> NetworkChange {
        try Self.checkName(containerID, "container ID")
        do throws(Errno) {
            try Files.makeDirectories("\(runRoot)/locks", mode: 0o700)
            try Files.makeDirectories(changes, mode: 0o700)
            return NetworkChange(
                containerID: containerID, path: "\(changes)/\(containerID)", lock: try FileLock(changeLock(containerID))
            )
        } catch { throw NetworkError("change the networks of container", containerID, error) }
    }

    /// Notes which network the change is about, after what ``NetworkChange/interrupted`` says was put right.
    public func note(_ network: String, in change: borrowing NetworkChange) throws(NetworkError) {
        do throws(Errno) { try change.note(network) } catch {
            throw NetworkError("change the networks of container", change.containerID, error)
        }
    }

    /// The containers whose networks somebody changes this moment, or was killed while he did.
    public func containersInChange() -> [String] {
        guard let opened = try? Files.open(changes, [.readOnly, .directory]),
            let entries = try? opened.directoryEntries()
        else { return [] }
        return entries.map(\.name.description).filter { (try? Self.checkName($0, "container ID")) != nil }
    }

    /// A change that a killed command left, nil when it is still at work or has ended.
    public func interruptedChange(of containerID: String) -> NetworkChange? {
        guard let lock = try? FileLock.attempt(changeLock(containerID)) else { return nil }
        let path = "\(changes)/\(containerID)"
        guard Files.exists(path) else { return nil }
        return NetworkChange(containerID: containerID, path: path, lock: lock)
    }
}
