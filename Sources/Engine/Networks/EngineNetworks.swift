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
    private func translated<Value>(_ body: () throws(NetworkError) -> Value) throws(EngineError) -> Value {
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

    /// `network connect`: now, when the container runs; and for its next start in any case.
    ///
    /// - Returns: what stands in the way although all is well.
    public func connect(_ text: String, _ wanted: Attachment) throws(EngineError) -> [NetworkWarning] {
        let (record, state, directory) = try inspect(text)
        let entry = try networkEntry(wanted.network)
        var attachment = wanted
        attachment.network = entry.name
        guard entry.record != nil else {
            throw EngineError("container cannot be connected to network \(entry.name): it is not a network of its own")
        }
        guard record.joinsNetworks else {
            throw EngineError(
                "container \(record.name) uses the network \(record.network) and cannot be connected to others; start it with --network \(entry.name)"
            )
        }
        // A command that was killed between the two leaves one without the other: what is real counts.
        let isThere =
            state.status == .running
            ? networks.endpoints(of: record.id).contains { $0.network == entry.name }
            : record.attachments.contains { $0.network == entry.name }
        guard !isThere else {
            throw EngineError("endpoint with name \(record.name) already exists in network \(entry.name)")
        }
        var warnings = [NetworkWarning]()
        if state.status == .running {
            let process = try openProcess(record, state)
            let result = try translated { () throws(NetworkError) in
                try networks.attach(
                    containerID: record.id, attachment, names: record.networkNames, namespace: process
                ) { (try? Poll.readable(process.rawValue, milliseconds: 0)) == false }
            }
            warnings = result.warnings
            try NameFiles.change(directory, removing: "", adding: NameFiles.lines(result.endpoint, record))
        }
        var changed = record
        changed.networking.attachments = record.attachments.filter { $0.network != entry.name } + [attachment]
        changed.networking.isDetached = false
        changed.network = changed.networking.attachments[0].network
        try directory.write(changed)
        return warnings
    }

    /// `network disconnect`.
    ///
    /// - Parameter force: forget the container even where it does not exist any more.
    public func disconnect(_ text: String, network: String, force: Bool) throws(EngineError) {
        let entry = try networkEntry(network)
        let found: (record: ContainerRecord, state: ContainerState, directory: ContainerDirectory)
        do throws(EngineError) { found = try inspect(text) } catch {
            guard force, PathText.begins(error.description, with: "No such container") else { throw error }
            return
        }
        let (record, state, directory) = found
        let isReal = state.status == .running && networks.endpoints(of: record.id).contains { $0.network == entry.name }
        guard isReal || record.attachments.contains(where: { $0.network == entry.name }) else {
            if force { return }
            throw EngineError("container \(record.name) is not connected to network \(entry.name)")
        }
        if isReal {
            let process = try openProcess(record, state)
            let result = try translated { () throws(NetworkError) in
                try networks.detach(containerID: record.id, network: entry.name, namespace: process)
            }
            try NameFiles.change(directory, removing: NameFiles.lines(result.gone, record), adding: "")
        }
        var changed = record
        changed.networking.attachments = record.attachments.filter { $0.network != entry.name }
        if changed.networking.attachments.isEmpty {
            // Without a network left it has its loopback interface alone, also after the next start.
            changed.networking.isDetached = true
        } else if changed.network == entry.name {
            changed.network = changed.networking.attachments[0].network
        }
        try directory.write(changed)
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
