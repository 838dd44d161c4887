import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Names that mean something else than a network that was created.
    public static let reservedNames: Set<String> = [defaultNetwork, "host", "none", "default", "container"]

    /// Makes a network: its record and its claims. The bridge is made by the first container.
    ///
    /// - Parameter now: the time for the record, RFC 3339.
    /// - Returns: the network.
    public func createNetwork(_ request: NetworkRequest, now: String) throws(NetworkError) -> NetworkRecord {
        let name = request.name
        try Self.checkName(name, "network name")
        func refusal(_ cause: String, _ remedy: String) -> NetworkError {
            NetworkError(operation: "create the network", object: name, cause: cause, remedy: remedy)
        }
        guard !Self.reservedNames.contains(name) else {
            throw refusal("the name stands for a network that is always there", "choose another name")
        }
        guard request.driver == .bridge || !request.isInternal else {
            throw refusal("a macvlan network is outside already and cannot be internal", "use the driver bridge")
        }
        var generator = SystemRandomNumberGenerator()
        let id = (0..<4).map { _ in
            let part = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - part.utf8.count) + part
        }.joined()
        var record = try request.record(id: id, bridge: names.bridge(forNetwork: name))
        record.created = now
        try makeDirectories(network: name)
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        if try networks.read(name) != nil {
            throw refusal("network with name \(name) already exists", "remove it first, or choose another name")
        }
        let machine = try claims.lock()
        defer { withExtendedLifetime(machine) {} }
        try checkInterface(record)
        if record.driver == .bridge {
            let used = try occupied(except: record)
            for plan in record.plans {
                guard let obstacle = used.first(where: { $0.overlaps(plan.subnet) }) else { continue }
                throw NetworkError(
                    operation: "use the subnet", object: "\(plan.subnet)",
                    cause: "it overlaps with \(obstacle), which \(owner(of: obstacle, name)) uses",
                    remedy: "choose another subnet, or leave --subnet out")
            }
            if request.usesIPv4, record.v4 == nil { record = try choose(record, isSix: false, taken: used) }
            if request.usesIPv6, record.v6 == nil { record = try choose(record, isSix: true, taken: used) }
        } else if record.plans.isEmpty {
            throw refusal(
                "a macvlan network needs the subnet of its network card", "give it with --subnet and --gateway")
        }
        // The record first: a claim without one is stale, and removed by whoever meets it.
        try networks.write(record)
        if record.driver == .bridge { try claims.claimSubnets(record.plans, for: name) }
        try markReady(name)
        return record
    }

    private func owner(of subnet: IPNetwork, _ network: String) -> String {
        claims.otherSubnets(than: network).first { $0.subnet == subnet }?.owner ?? "the host"
    }

    /// A bridge that bears the name already is somebody else's, and so is another network's; a network card must be there.
    private func checkInterface(_ record: NetworkRecord) throws(NetworkError) {
        func refusal(_ cause: String, _ remedy: String) -> NetworkError {
            NetworkError(operation: "create the network", object: record.name, cause: cause, remedy: remedy)
        }
        var links = try HostLinks()
        let isThere = try links.exists(record.bridge)
        if record.driver == .macvlan {
            if !isThere {
                throw refusal("the host has no interface \(record.bridge)", "`ip link` lists those there are")
            }
            return
        }
        if isThere {
            throw refusal("the host has an interface \(record.bridge) already", "choose another name for the bridge")
        }
        if PathText.begins(record.bridge, with: names.portPrefix) || record.bridge == names.defaultBridge {
            throw refusal("\(record.bridge) is a name that Berth gives", "choose another name for the bridge")
        }
        for name in networks.names() {
            if let other = try? networks.read(name), other.bridge == record.bridge {
                throw refusal("network \(name) has the bridge \(record.bridge)", "choose another name for the bridge")
            }
        }
    }

    /// All networks of the engine by name, the default one also before it was first used.
    public func allNetworks() throws(NetworkError) -> [NetworkRecord] {
        var result = [NetworkRecord]()
        for name in networks.names() { if let record = try networks.read(name) { result.append(record) } }
        if !result.contains(where: { $0.name == Self.defaultNetwork }) {
            result.append(NetworkRecord(name: Self.defaultNetwork, id: defaultNetworkID, bridge: names.defaultBridge))
        }
        return result.sorted { $0.name < $1.name }
    }

    /// A network by its name, its ID or a unique beginning of its ID.
    public func findNetwork(_ text: String) throws(NetworkError) -> NetworkRecord {
        let all = try allNetworks()
        if let named = all.first(where: { $0.name == text }) { return named }
        let matches = text.utf8.isEmpty ? [] : all.filter { PathText.begins($0.id, with: text) }
        guard let match = matches.first else {
            throw NetworkError(
                operation: "find the network", object: Self.shown(text), cause: "there is no network with this name",
                remedy: "`berth network ls` lists them")
        }
        guard matches.count == 1 else {
            throw NetworkError(
                operation: "find the network", object: text,
                cause: "this is the beginning of \(matches.count) networks' IDs", remedy: "write more of it")
        }
        return match
    }

    /// Text of unknown origin for a message.
    static func shown(_ text: String) -> String {
        String(decoding: text.utf8.prefix(64).map { $0 < 32 || $0 > 126 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }

    /// The endpoints of a network, whoever they belong to.
    public func endpoints(in network: String) -> [Endpoint] {
        endpoints.containerIDs().flatMap { endpoints.read($0) }.filter { $0.network == network }
    }

    /// Removes a network that no container is connected to.
    ///
    /// The record goes last: whoever is killed on the way leaves a network that is still there, and is made whole by its next
    /// use or removed by the next try.
    public func removeNetwork(_ text: String) throws(NetworkError) {
        let record = try findNetwork(text)
        let name = record.name
        guard !Self.reservedNames.contains(name) else {
            throw NetworkError(
                operation: "remove the network", object: name, cause: "it is a pre-defined network",
                remedy: "leave it: it costs nothing")
        }
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        guard try networks.read(name)?.id == record.id else { throw Self.noNetwork(name) }
        let members = endpoints(in: name)
        if !members.isEmpty {
            let shown = members.prefix(5).map { $0.names.first ?? String($0.containerID.prefix(12)) }.joined(
                separator: ", ")
            throw NetworkError(
                operation: "remove the network", object: name,
                cause:
                    "\(members.count == 1 ? "a container is" : "\(members.count) containers are") connected to it (\(shown)\(members.count > 5 ? ", …" : ""))",
                remedy: "disconnect or remove the containers first")
        }
        forgetReady(name)
        if record.driver == .bridge {
            var links = try HostLinks()
            try links.removeOldBridge(record.bridge)
            var loader = try loader()
            if try loader.isCurrent() { try loader.remove(record.ruleElements) }
        }
        claims.giveBackSubnets(of: name)
        for folder in ["addresses", "names"] {
            do throws(Errno) { try Files.removeTree("\(runRoot)/\(folder)/\(name)") } catch {
                throw NetworkError("remove", "\(runRoot)/\(folder)/\(name)", error)
            }
        }
        try networks.remove(name)
    }
}
