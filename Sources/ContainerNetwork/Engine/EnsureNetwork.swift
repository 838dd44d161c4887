import LinuxKernel
import Netlink

extension NetworkEngine {
    /// The network's record, with subnets that are claimed since this boot.
    func ensureClaimed(_ network: String) throws(NetworkError) -> NetworkRecord {
        if Files.exists(readyPath(network)), let record = try networks.read(network) { return record }
        try makeDirectories(network: network)
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        if Files.exists(readyPath(network)), let record = try networks.read(network) { return record }
        let record = try claim(network)
        try markReady(network)
        return record
    }

    /// Made when the subnet is claimed; dies with the boot.
    private func readyPath(_ network: String) -> String { "\(runRoot)/ready/\(network)" }

    func markReady(_ network: String) throws(NetworkError) {
        do throws(Errno) {
            _ = try Files.open(readyPath(network), [.writeOnly, .create, .noFollow], mode: 0o600)
        } catch {
            throw NetworkError("record the network", network, error)
        }
    }

    func forgetReady(_ network: String) { try? Files.unlink(readyPath(network)) }

    /// Chooses a subnet for the default network, or sees whether those that a network has are still free, and claims them.
    /// Under the engine's lock; takes the machine's.
    private func claim(_ network: String) throws(NetworkError) -> NetworkRecord {
        let machine = try claims.lock()
        defer { withExtendedLifetime(machine) {} }
        var record: NetworkRecord
        if let known = try networks.read(network) {
            record = known
        } else {
            guard network == Self.defaultNetwork else { throw Self.noNetwork(network) }
            record = NetworkRecord(name: network, id: defaultNetworkID, bridge: names.defaultBridge)
        }
        if record.driver == .macvlan { return record }
        let used = try occupied(except: record)
        let before = record
        for isSix in [false, true] {
            guard let plan = isSix ? record.v6 : record.v4 else { continue }
            guard let obstacle = used.first(where: { $0.overlaps(plan.subnet) && $0.prefixLength >= 8 }) else {
                continue
            }
            guard plan.isAutomatic else {
                throw NetworkError(
                    operation: "use the subnet", object: "\(plan.subnet)",
                    cause: "the host or another engine uses \(obstacle) by now",
                    remedy: "remove the network \(network) and create it with another subnet")
            }
            if isSix { record.v6 = nil } else { record.v4 = nil }
            record = try choose(record, isSix: isSix, taken: used)
        }
        if record.v4 == nil, record.v6 == nil { record = try choose(record, isSix: false, taken: used) }
        if record != before {
            // A bridge that is there has another address, from a record that is gone or no longer good. Nobody is on it: the
            // first container since the boot only now arrives.
            var links = try HostLinks()
            try links.removeOldBridge(record.bridge)
            try networks.write(record)
        }
        try claims.claimSubnets(record.plans, for: network)
        return record
    }

    static func noNetwork(_ name: String) -> NetworkError {
        NetworkError(
            operation: "find the network", object: name, cause: "there is no network with this name",
            remedy: "`berth network ls` lists them, `berth network create` makes one")
    }

    /// The default network's ID: the same for every command, also before there is a record.
    var defaultNetworkID: String { Self.fixedID("bridge", stateRoot) }

    /// The ID of a network that needs no record (`host`, `none`).
    public func fixedID(_ name: String) -> String { Self.fixedID(name, stateRoot) }

    /// 64 hexadecimal digits made of a name.
    static func fixedID(_ name: String, _ root: String) -> String {
        (0..<4).map { number -> String in
            let part = String(StableHash.number("\(number)/\(name)/\(root)"), radix: 16)
            return String(repeating: "0", count: 16 - part.utf8.count) + part
        }.joined()
    }

    /// Everything a subnet must not touch: routes and addresses of the host, other networks, name servers.
    func occupied(except record: NetworkRecord) throws(NetworkError) -> [IPNetwork] {
        var links = try HostLinks()
        let resolvers = SubnetPool.nameServers(
            inResolverConfiguration: (try? Files.read("/etc/resolv.conf", limit: 1 << 20)) ?? [])
        // A route to everything, or to half of it (a VPN), is no obstacle.
        return try links.usedSubnets(except: record.bridge).filter { $0.prefixLength >= 8 }
            + claims.otherSubnets(than: record.name).map(\.subnet) + resolvers
    }

    /// Gives a record a subnet that shares nothing with what is taken.
    func choose(_ record: NetworkRecord, isSix: Bool, taken: [IPNetwork]) throws(NetworkError) -> NetworkRecord {
        var record = record
        guard let subnet = isSix ? SubnetPool.uniqueLocal(taken: taken) : SubnetPool.firstFree(taken: taken) else {
            throw NetworkError(
                operation: "find a subnet for network", object: record.name,
                cause: "the host's routes and other networks use every private range",
                remedy: "remove networks that are not needed, or give this one a subnet")
        }
        if isSix { record.v6 = AddressPlan(subnet: subnet) } else { record.v4 = AddressPlan(subnet: subnet) }
        return record
    }

    /// The endpoint's bridge, made when it is missing, with the host's settings as they must be.
    ///
    /// A bridge that is switched on is complete: the rules know it. A process that dies on the way leaves one that is off,
    /// and the next process does it all again.
    func ensureBridge(
        _ endpoint: Endpoint, _ links: inout HostLinks, _ warnings: inout [NetworkWarning]
    ) throws(NetworkError) -> LinkInfo {
        var link = try links.bridge(endpoint.bridge)
        if link == nil {
            let guardian = try lock()
            defer { withExtendedLifetime(guardian) {} }
            link = try links.bridge(endpoint.bridge)
            if link == nil {
                guard let record = try networks.read(endpoint.network), record.id == endpoint.networkID else {
                    throw NetworkError(
                        operation: "find the network", object: endpoint.network, cause: "it was removed meanwhile",
                        remedy: "create it again")
                }
                warnings += try makeBridge(record, &links)
                link = try links.bridge(endpoint.bridge)
            }
        }
        guard let link else {
            throw NetworkError(
                operation: "make the bridge", object: endpoint.bridge, cause: "it disappeared at once",
                remedy: "see whether another program removes it")
        }
        try prepareHost(link, six: endpoint.v6 != nil)
        return link
    }

    /// Makes a network's bridge. Under the lock.
    func makeBridge(_ record: NetworkRecord, _ links: inout HostLinks) throws(NetworkError) -> [NetworkWarning] {
        try links.makeBridge(record)
        let warnings = try apply(record.ruleElements, bridge: record.bridge)
        if record.v6 != nil { try HostSettings.enableIPv6(bridge: record.bridge) }
        try links.startBridge(record)
        return warnings
    }

    /// The few settings that the host must have.
    ///
    /// What the kernel said of the bridge tells whether they are as they should be: the host's forwarding setting is copied to
    /// every link. Under /proc/sys each look costs a microsecond for every network namespace there is.
    func prepareHost(_ bridge: LinkInfo, six: Bool) throws(NetworkError) {
        if bridge.routesLoopback != true { try HostSettings.enableLocalRouting(bridge: bridge.name) }
        if bridge.forwards4 != true, try HostSettings.enableForwarding() { claims.noteForwardingEnabled() }
        guard six, bridge.forwards6 != true, !HostSettings.forwardsIPv6 else { return }
        let routed = try HostSettings.keepRouterAdvertisements()
        claims.noteForwarding6Enabled(routed)
        try HostSettings.enableForwarding6()
    }

    /// Adds elements, or loads everything where the kernel's tables are not what they should be. Under the lock, since what
    /// is in the kernel and what a replacement carries must not drift apart; the records have the elements already.
    ///
    /// - Returns: what other firewalls do, when everything was loaded.
    func apply(_ elements: [RuleElement], bridge: String) throws(NetworkError) -> [NetworkWarning] {
        var loader = try loader()
        if try loader.isCurrent(), try loader.add(elements) { return [] }
        try loader.load(allElements())
        return loader.foreignObstacles(bridge: bridge)
    }

    /// The elements of all networks and of all connected containers, from their records. Of two containers that claim one
    /// host port the later is right: the earlier is dead, or it would hold the port.
    ///
    /// - Parameter isMeant: whether a network's own elements are.
    func allElements(where isMeant: (NetworkRecord) -> Bool = { _ in true }) throws(NetworkError) -> [RuleElement] {
        var elements = [RuleElement]()
        for name in networks.names() {
            if let record = try networks.read(name), isMeant(record) { elements += record.ruleElements }
        }
        var newest = [[UInt8]: (serial: Int64, element: RuleElement)]()
        for container in endpoints.containerIDs() {
            for endpoint in endpoints.read(container) where endpoint.isConnected {
                for element in endpoint.ruleElements {
                    let key = Array(element.set.utf8) + [0] + element.setElement.key
                    if let other = newest[key], other.serial >= endpoint.serial { continue }
                    newest[key] = (endpoint.serial, element)
                }
            }
        }
        return elements + newest.values.map(\.element)
    }
}
