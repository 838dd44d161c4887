import LinuxKernel
import Netlink

/// The networks of one engine: leases, links, rules. A value without state of its own; what it knows is in files and in the
/// kernel, so any number of processes may use it at once, and any of them may die at any instruction.
///
/// The order of a container's life: ``lease(containerID:attachments:names:ports:)`` records the intent,
/// ``holdPorts(_:ownerName:)`` binds the host's ports, ``connect(_:namespace:groups:resolver:)`` makes it real,
/// ``release(containerID:)`` takes everything back. All but connecting may be done in any state, any number of times.
public struct NetworkEngine: Sendable {
    /// The name of the network a container joins when nothing is said.
    public static let defaultNetwork = "bridge"

    /// What outlives the boot.
    public let stateRoot: String
    /// What dies with the boot.
    public let runRoot: String
    /// What the engine's owner decided.
    public let settings: NetworkSettings
    let names: InstanceNames
    let claims: MachineClaims
    let networks: NetworkRecords
    let endpoints: EndpointRecords

    /// An engine's networks.
    ///
    /// - Parameters:
    ///   - stateRoot: absolute path of a directory that outlives the boot; made when missing.
    ///   - runRoot: absolute path of a directory that dies with the boot (leases, locks); made when missing.
    ///   - instance: makes the names of bridges and tables unique: empty for the default root, else
    ///     ``instanceToken(forRoot:)``.
    ///   - machineRoot: absolute path of the directory that all engines of the machine share, for claims.
    public init(
        stateRoot: String, runRoot: String, instance: String, machineRoot: String,
        settings: NetworkSettings = NetworkSettings()
    ) {
        self.settings = settings
        self.stateRoot = stateRoot
        self.runRoot = runRoot
        names = InstanceNames(instance)
        claims = MachineClaims(directory: machineRoot, stateRoot: stateRoot)
        networks = NetworkRecords(directory: "\(stateRoot)/networks")
        endpoints = EndpointRecords(directory: "\(runRoot)/endpoints")
    }

    /// The instance token of an engine whose root is not the default one.
    public static func instanceToken(forRoot root: String) -> String { StableHash.word(root, length: 7) }

    /// The nf_tables table's name (in the families inet and bridge), for explanations.
    public var tableName: String { names.table }

    /// The bridge of a network, for explanations.
    public func bridgeName(network: String = defaultNetwork) -> String { names.bridge(forNetwork: network) }

    func leases(of network: String) -> AddressLeases { AddressLeases(directory: "\(runRoot)/addresses/\(network)") }

    var nameIndex: NameIndex { NameIndex(directory: "\(runRoot)/names") }

    /// Held while the endpoints of one container change: its monitor and `network connect` may meet. A few files that stay
    /// serve all containers.
    func lock(container: String) throws(NetworkError) -> FileLock {
        let path = "\(runRoot)/locks/\(StableHash.number(container) % 64)"
        do throws(Errno) {
            do throws(Errno) { return try FileLock(path) } catch {
                guard error == .noSuchFile else { throw error }
                try Files.makeDirectories("\(runRoot)/locks", mode: 0o700)
                return try FileLock(path)
            }
        } catch { throw NetworkError("lock the network of container", container, error) }
    }

    func loader() throws(NetworkError) -> RuleLoader {
        try RuleLoader(RuleText(names: names, connectionLimit: settings.connectionLimit))
    }

    /// Held while rules and elements, bridges and networks change.
    func lock() throws(NetworkError) -> FileLock {
        do throws(Errno) { return try FileLock("\(runRoot)/lock") } catch {
            throw NetworkError("lock the networks in", runRoot, error)
        }
    }

    func makeDirectories(network: String) throws(NetworkError) {
        for path in [
            "\(stateRoot)/networks", "\(runRoot)/endpoints", "\(runRoot)/addresses/\(network)", "\(runRoot)/ready",
            "\(runRoot)/names/\(network)", "\(runRoot)/locks",
        ] {
            do throws(Errno) { try Files.makeDirectories(path, mode: 0o700) } catch {
                throw NetworkError("make the directory", path, error)
            }
        }
        try claims.prepare()
    }

    /// Names become file names: a letter or digit, then also `_`, `.` and `-`, at most 128 bytes.
    static func checkName(_ name: String, _ what: String) throws(NetworkError) {
        func isWord(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        let bytes = Array(name.utf8)
        guard let first = bytes.first, isWord(first), bytes.count <= 128,
            bytes.allSatisfy({ isWord($0) || $0 == 0x5F || $0 == 0x2E || $0 == 0x2D })
        else {
            throw NetworkError(
                operation: "use the \(what)", object: "\"\(name.prefix(64).filter { $0.isASCII && !$0.isNewline })\"",
                cause: "it is empty, too long or has characters that a name must not have",
                remedy: "use letters, digits, \"_\", \".\" and \"-\", beginning with a letter or digit")
        }
    }
}
