import LinuxKernel
import Netlink

/// Something that is not as the records say it should be.
public struct NetworkFinding: Sendable, Equatable, CustomStringConvertible {
    /// One sentence.
    public var description: String
    /// Whether it is a fault of what Berth has made; otherwise it is something that others do.
    public var isFault = true
    /// Whether it was put right.
    public var isMended = false

    init(_ description: String, isFault: Bool = true) {
        self.description = description
        self.isFault = isFault
    }
}

extension NetworkEngine {
    /// Compares the kernel, the leases and the claims with the records.
    ///
    /// What is only on its way (a container that starts or ends this moment) is looked at again after a moment, and no finding
    /// if it has passed.
    ///
    /// - Parameters:
    ///   - repair: put right what can be put right.
    ///   - isAlive: whether a container, by its ID, runs or is being started.
    public func check(repair: Bool, isAlive: (String) -> Bool) throws(NetworkError) -> [NetworkFinding] {
        var findings = try inspectAll(isAlive)
        for _ in 0..<5 where findings.contains(where: \.isFault) {
            ShortWait.sleep(microseconds: 150_000)
            let again = try inspectAll(isAlive)
            findings = findings.filter { finding in again.contains { $0.description == finding.description } }
        }
        guard repair, findings.contains(where: \.isFault) else { return findings }
        try self.repair(isAlive)
        let left = try inspectAll(isAlive)
        for index in findings.indices {
            findings[index].isMended =
                findings[index].isFault
                && !left.contains { $0.description == findings[index].description }
        }
        return findings
    }

    private func inspectAll(_ isAlive: (String) -> Bool) throws(NetworkError) -> [NetworkFinding] {
        guard Files.exists(endpoints.directory) else { return [] }
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        var findings = [NetworkFinding]()
        var members = [Endpoint]()
        for container in endpoints.containerIDs() {
            let own = endpoints.read(container)
            if isAlive(container) {
                members += own.filter(\.isConnected)
            } else {
                findings.append(
                    NetworkFinding(
                        "container \(container.prefix(12)) is gone, and its addresses and ports are still recorded"))
            }
        }
        findings += try inspectRules(hasMembers: !members.isEmpty)
        findings += try inspectLinks(members)
        findings += inspectLeases(isAlive)
        if !members.isEmpty {
            if (try? Files.readLine("/proc/sys/net/ipv4/ip_forward")) == "0" {
                findings.append(NetworkFinding("the host does not forward IPv4 packets (net.ipv4.ip_forward is 0)"))
            }
            if members.contains(where: { $0.v6 != nil }), !HostSettings.forwardsIPv6 {
                findings.append(
                    NetworkFinding("the host does not forward IPv6 packets (net.ipv6.conf.all.forwarding is 0)"))
            }
        }
        // For each bridge that somebody is on: what is to be allowed bears its name.
        let bridges = Set(members.filter { $0.driver == .bridge }.map(\.bridge))
        let warnings = bridges.isEmpty ? obstacles() : bridges.sorted().flatMap { obstacles(bridge: $0) }
        for warning in warnings { findings.append(NetworkFinding(warning.description, isFault: false)) }
        return findings
    }

    /// The tables and every element in them.
    private func inspectRules(hasMembers: Bool) throws(NetworkError) -> [NetworkFinding] {
        var loader = try loader()
        guard try loader.isCurrent() else {
            return hasMembers
                ? [
                    NetworkFinding(
                        "the firewall rules of table \(names.table) are missing or not those of this version")
                ] : []
        }
        let wanted = try allElements()
        // A network whose bridge is not there, or off, has its elements or not: its first container brings them.
        var links = try HostLinks()
        let standing = Set(try links.all().filter(\.isUp).map(\.name))
        let needed = Set(try allElements(where: { standing.contains($0.bridge) }).map { Self.identity($0) })
        var findings = [NetworkFinding]()
        for (set, family) in RuleText.allSets {
            let present = Set(try loader.elements(of: set, family).map { [$0.key, $0.data ?? []] })
            let right = Set(
                wanted.filter { $0.set == set && $0.family == family }.map {
                    [$0.setElement.key, $0.setElement.data ?? []]
                })
            let missing = wanted.filter {
                $0.set == set && $0.family == family && needed.contains(Self.identity($0))
                    && !present.contains([$0.setElement.key, $0.setElement.data ?? []])
            }.count
            let extra = present.subtracting(right).count
            if missing > 0 {
                findings.append(
                    NetworkFinding(
                        "the set \(set) of table \(names.table) lacks \(missing) element\(missing == 1 ? "" : "s")"))
            }
            if extra > 0 {
                findings.append(
                    NetworkFinding(
                        "the set \(set) of table \(names.table) has \(extra) element\(extra == 1 ? "" : "s") too many"))
            }
        }
        return findings
    }

    private static func identity(_ element: RuleElement) -> [[UInt8]] {
        [Array(element.set.utf8), [element.family.rawValue], element.setElement.key, element.setElement.data ?? []]
    }

    /// Bridges with members, and the members' ends.
    private func inspectLinks(_ members: [Endpoint]) throws(NetworkError) -> [NetworkFinding] {
        var links = try HostLinks()
        var findings = [NetworkFinding]()
        let present = try links.all()
        let bridged = members.filter { $0.driver == .bridge }
        for bridge in Set(bridged.map(\.bridge)).sorted() {
            guard let link = present.first(where: { $0.name == bridge }), link.isUp else {
                findings.append(NetworkFinding("the bridge \(bridge) is missing or switched off"))
                continue
            }
            let has = try links.addresses(of: link.index)
            if let name = bridged.first(where: { $0.bridge == bridge })?.network, let record = try networks.read(name) {
                for own in record.plans.compactMap(\.gatewayNetwork) where !has.contains(own) {
                    findings.append(NetworkFinding("the bridge \(bridge) lacks its address \(own)"))
                }
            }
            for endpoint in bridged where endpoint.bridge == bridge {
                let name = endpoint.names.first ?? String(endpoint.containerID.prefix(12))
                guard let port = present.first(where: { $0.name == endpoint.hostInterface }) else {
                    findings.append(
                        NetworkFinding("container \(name) has lost its link to network \(endpoint.network)"))
                    continue
                }
                if port.master != link.index || !port.isUp {
                    findings.append(
                        NetworkFinding("the link of container \(name) is not connected to the bridge \(bridge)"))
                }
            }
        }
        let known = Set(members.map(\.hostInterface))
        for link in present where PathText.begins(link.name, with: names.portPrefix) && !known.contains(link.name) {
            findings.append(NetworkFinding("the link \(link.name) belongs to no container"))
        }
        return findings
    }

    /// Addresses, names, ports and subnets that nobody has.
    private func inspectLeases(_ isAlive: (String) -> Bool) -> [NetworkFinding] {
        func isGone(_ id: String) -> Bool { !Files.exists("\(endpoints.directory)/\(id).json") && !isAlive(id) }
        var findings = [NetworkFinding]()
        let all = networks.names()
        for network in all {
            for lease in leases(of: network).all() where isGone(lease.containerID) {
                findings.append(
                    NetworkFinding(
                        "the address \(lease.address) of network \(network) is leased to a container that is gone"))
            }
        }
        for entry in nameIndex.all() where isGone(entry.containerID) {
            findings.append(
                NetworkFinding("the name \(entry.key) in network \(entry.network) is that of a container that is gone"))
        }
        for note in claims.ownPortNotes() where isGone(note.containerID) {
            findings.append(NetworkFinding("the port \(note.name) is noted for a container that is gone"))
        }
        for claim in claims.staleSubnets(networks: Set(all)) {
            findings.append(NetworkFinding("the subnet claim \(claim) is for a network that is gone"))
        }
        return findings
    }

    private func repair(_ isAlive: (String) -> Bool) throws(NetworkError) {
        try reconcile(isAlive: isAlive)
        func isGone(_ id: String) -> Bool { !Files.exists("\(endpoints.directory)/\(id).json") && !isAlive(id) }
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        for note in claims.ownPortNotes() where isGone(note.containerID) { claims.removePortNote(note.name) }
        for claim in claims.staleSubnets(networks: Set(networks.names())) { claims.removeSubnetClaim(claim) }
        var members = [Endpoint]()
        for container in endpoints.containerIDs() { members += endpoints.read(container).filter(\.isConnected) }
        var links = try HostLinks()
        let known = Set(members.map(\.hostInterface))
        for link in try links.all()
        where PathText.begins(link.name, with: names.portPrefix) && !known.contains(link.name) {
            try links.removeLink(link.name)
        }
        if members.isEmpty { return }
        var loader = try loader()
        try loader.load(allElements())
        let bridged = members.filter { $0.driver == .bridge }
        for name in Set(bridged.map(\.network)).sorted() {
            guard let record = try networks.read(name) else { continue }
            try links.makeBridge(record)
            if record.v6 != nil { try HostSettings.enableIPv6(bridge: record.bridge) }
            try links.startBridge(record)
            guard let bridge = try links.bridge(record.bridge) else { continue }
            try prepareHost(bridge, six: record.v6 != nil)
            for var endpoint in bridged where endpoint.network == name {
                try links.rejoin(endpoint, bridge)
                guard endpoint.bridgeIndex != bridge.index else { continue }
                endpoint.bridgeIndex = bridge.index
                let others = endpoints.read(endpoint.containerID).filter { $0.network != name }
                try endpoints.write(others + [endpoint], of: endpoint.containerID)
            }
        }
    }
}
