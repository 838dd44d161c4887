import LinuxKernel
import Netlink

extension NetworkEngine {
    /// The network's record, with a subnet that is claimed since this boot.
    func ensureClaimed(_ network: String) throws(NetworkError) -> NetworkRecord {
        if Files.exists(readyPath(network)), let record = try networks.read(network) { return record }
        try makeDirectories(network: network)
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        if Files.exists(readyPath(network)), let record = try networks.read(network) { return record }
        let record = try claim(network)
        do throws(Errno) { try Files.replace(readyPath(network), with: []) } catch {
            throw NetworkError("record the network", network, error)
        }
        return record
    }

    /// Made when the subnet is claimed and the network's rules are known to be complete; dies with the boot.
    private func readyPath(_ network: String) -> String { "\(runRoot)/ready/\(network)" }

    func forgetReady(_ network: String) { try? Files.unlink(readyPath(network)) }

    /// Chooses a subnet for a network without one, or sees whether the one it has is still free, and claims it. Under the
    /// engine's lock; takes the machine's.
    private func claim(_ network: String) throws(NetworkError) -> NetworkRecord {
        let machine = try claims.lock()
        defer { withExtendedLifetime(machine) {} }
        let known = try networks.read(network)
        guard known != nil || network == Self.defaultNetwork else {
            throw NetworkError(
                operation: "find the network", object: network, cause: "there is no network with this name",
                remedy: "create it first")
        }
        let bridge = known?.bridge ?? names.bridge(forNetwork: network)
        var links = try HostLinks()
        let used = try links.usedSubnets(except: bridge)
        let others = claims.otherSubnets(than: network)
        if let known {
            let obstacle = (used.filter { $0.prefixLength >= 8 } + others.map(\.subnet)).first {
                $0.overlaps(known.subnet)
            }
            guard let obstacle else {
                try claims.claimSubnet(known.subnet, for: network)
                return known
            }
            guard known.isAutomatic else {
                throw NetworkError(
                    operation: "use the subnet", object: "\(known.subnet)",
                    cause: "the host or another engine uses \(obstacle) by now",
                    remedy: "remove the network \(network) and create it with another subnet")
            }
        }
        let resolvers = SubnetPool.nameServers(
            inResolverConfiguration: (try? Files.read("/etc/resolv.conf", limit: 1 << 20)) ?? [])
        guard let subnet = SubnetPool.firstFree(taken: used + others.map(\.subnet) + resolvers) else {
            throw NetworkError(
                operation: "find a subnet for network", object: network,
                cause: "the host's routes and other networks use every private range",
                remedy: "remove networks that are not needed, or give this one a subnet")
        }
        // A bridge that is there has another address, from a record that is gone or no longer good. Nobody is on it: the
        // first container since the boot only now arrives.
        try links.removeOldBridge(bridge)
        let record = NetworkRecord(name: network, bridge: bridge, subnet: subnet)
        try networks.write(record)
        try claims.claimSubnet(subnet, for: network)
        return record
    }

    /// The network's bridge, made when it is missing, with the host's settings as they must be.
    ///
    /// A bridge that is switched on is complete: the rules know it. A process that dies on the way leaves one that is off,
    /// and the next process does it all again.
    func ensureBridge(
        _ network: String, _ bridge: String, _ links: inout HostLinks, _ warnings: inout [NetworkWarning]
    ) throws(NetworkError) -> LinkInfo {
        var link = try links.bridge(bridge)
        if link == nil {
            let guardian = try lock()
            defer { withExtendedLifetime(guardian) {} }
            link = try links.bridge(bridge)
            if link == nil {
                guard let record = try networks.read(network) else {
                    throw NetworkError(operation: "find the network", object: network, cause: "its record is gone")
                }
                try links.makeBridge(record)
                warnings += try apply(record.ruleElements, bridge: bridge)
                try links.startBridge(record)
                link = try links.bridge(bridge)
            }
        }
        guard let link else {
            throw NetworkError(
                operation: "make the bridge", object: bridge, cause: "it disappeared at once",
                remedy: "see whether another program removes it")
        }
        try HostSettings.enableLocalRouting(bridge: bridge)
        if try HostSettings.enableForwarding() { claims.noteForwardingEnabled() }
        return link
    }

    /// Adds elements, or loads everything where the kernel's tables are not what they should be. Under the lock, since what
    /// is in the kernel and what a replacement carries must not drift apart; the records have the elements already.
    ///
    /// - Returns: what other firewalls do, when everything was loaded.
    func apply(_ elements: [RuleElement], bridge: String) throws(NetworkError) -> [NetworkWarning] {
        var loader = try RuleLoader(names)
        if try loader.isCurrent(), try loader.add(elements) { return [] }
        try loader.load(allElements())
        return loader.foreignObstacles(bridge: bridge)
    }

    /// The elements of all networks and of all connected containers, from their records. Of two containers that claim one
    /// host port the later is right: the earlier is dead, or it would hold the port.
    func allElements() throws(NetworkError) -> [RuleElement] {
        var elements = [RuleElement]()
        for name in networks.names() { if let record = try networks.read(name) { elements += record.ruleElements } }
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

extension MachineClaims {
    private var forwardingPath: String { "\(directory)/forwarding-was-off" }

    /// Remembers that an engine switched forwarding on, so that the last one to go can switch it off again.
    func noteForwardingEnabled() { try? Files.replace(forwardingPath, with: []) }

    /// Whether an engine switched forwarding on; forgets it.
    func takeForwardingNote() -> Bool {
        guard Files.exists(forwardingPath) else { return false }
        try? Files.unlink(forwardingPath)
        return true
    }
}
