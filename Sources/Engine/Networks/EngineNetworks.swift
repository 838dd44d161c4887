import ContainerNetwork
import Glibc
import LinuxKernel
import Netlink

/// One line of `network ls`.
public struct NetworkEntry: Sendable {
    public var id: String
    public var name: String
    public var driver: String
    /// The network's record; nil for `host` and `none`, which have none.
    public var record: NetworkRecord?

    /// An entry.
    public init(id: String, name: String, driver: String, record: NetworkRecord?) {
        self.id = id
        self.name = name
        self.driver = driver
        self.record = record
    }
}

extension Engine {
    func translated<Value>(_ body: () throws(NetworkError) -> Value) throws(EngineError) -> Value {
        do throws(NetworkError) { return try body() } catch { throw EngineError(error.description) }
    }

    /// `network create`.
    ///
    /// - Returns: the network's ID.
    public func createNetwork(_ request: NetworkRequest) throws(EngineError) -> String {
        try translated { () throws(NetworkError) in try networks.createNetwork(request, now: WallClock.now()).id }
    }

    /// All networks, `host` and `none` among them, by name.
    public func networkEntries() throws(EngineError) -> [NetworkEntry] {
        settleNetworkChanges()
        networks.sweep()
        let own = try translated { () throws(NetworkError) in try networks.allNetworks() }
        var entries = own.map { NetworkEntry(id: $0.id, name: $0.name, driver: $0.driver.rawValue, record: $0) }
        for (name, driver) in [("host", "host"), ("none", "null")] {
            entries.append(NetworkEntry(id: networks.fixedID(name), name: name, driver: driver, record: nil))
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// One network by name, ID or the beginning of its ID.
    public func networkEntry(_ text: String) throws(EngineError) -> NetworkEntry {
        let all = try networkEntries()
        if let named = all.first(where: { $0.name == text }) { return named }
        let matches = text.isEmpty ? [] : all.filter { PathText.begins($0.id, with: text) }
        guard let match = matches.first else {
            throw EngineError("network \(ContainerRegistry.printable(text)) not found")
        }
        guard matches.count == 1 else {
            throw EngineError("the ID \(text) is the beginning of \(matches.count) networks' IDs; write more of it")
        }
        return match
    }

    /// Puts right what killed monitors left, so that they do not count as members.
    func settleMembers(of network: String) throws(EngineError) {
        for endpoint in networks.endpoints(in: network) {
            guard ContainerID.isID(endpoint.containerID) else { continue }
            let directory = ContainerDirectory(roots: roots, id: endpoint.containerID)
            if Files.exists(directory.path + "/container.json") {
                _ = try current(directory)
            } else {
                sweep()
                // A record that leads to no container at all.
                if !directory.isLocked {
                    try translated { () throws(NetworkError) in try networks.release(containerID: endpoint.containerID)
                    }
                }
            }
        }
    }

    /// `network rm`.
    public func removeNetwork(_ text: String) throws(EngineError) {
        let entry = try networkEntry(text)
        try settleMembers(of: entry.name)
        guard entry.record != nil else {
            throw EngineError("\(entry.name) is a pre-defined network and cannot be removed")
        }
        try translated { () throws(NetworkError) in try networks.removeNetwork(entry.name) }
    }

    /// `network prune`: removes networks that no container uses, not even one that does not run.
    ///
    /// - Parameter matches: whether a network is meant at all.
    /// - Returns: the names of those that are gone.
    public func pruneNetworks(where matches: (NetworkRecord) -> Bool) throws(EngineError) -> [String] {
        var used = Set<String>()
        for (record, _) in try list() { for attachment in record.attachments { used.insert(attachment.network) } }
        var gone = [String]()
        for entry in try networkEntries() {
            guard let record = entry.record, !NetworkEngine.reservedNames.contains(record.name), matches(record),
                !used.contains(record.name)
            else { continue }
            try settleMembers(of: record.name)
            if networks.endpoints(in: record.name).isEmpty {
                try translated { () throws(NetworkError) in try networks.removeNetwork(record.name) }
                gone.append(record.name)
            }
        }
        return gone
    }

    /// The ports a container really publishes this moment.
    public func publishedPorts(_ text: String) throws(EngineError) -> (name: String, ports: [PublishedPort]) {
        let (record, state, _) = try inspect(text)
        guard state.status == .running else { return (record.name, []) }
        return (record.name, networks.endpoints(of: record.id).flatMap(\.ports))
    }
}

extension Engine {
    /// `network check`: what is not as it should be, put right where that was asked for.
    public func checkNetworks(repair: Bool) throws(EngineError) -> [NetworkFinding] {
        // What a command puts right anyway: dead containers and half-made ones.
        if repair { _ = try list() }
        do throws(NetworkError) {
            return try networks.check(repair: repair) { id in
                guard ContainerID.isID(id) else { return false }
                return ContainerDirectory(roots: roots, id: id).isLocked
            }
        } catch { throw EngineError(error.description) }
    }
}
