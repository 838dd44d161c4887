import LinuxKernel
import Netlink

/// The host's side of the links.
struct HostLinks: ~Copyable {
    private var route: RouteConnection

    init() throws(NetworkError) {
        route = try RouteConnection.openRoute()
    }

    /// The bridge, nil when it is not there or not switched on.
    mutating func bridge(_ name: String) throws(NetworkError) -> LinkInfo? {
        do throws(NetlinkError) {
            guard let link = try route.link(named: name), link.isUp, link.kind == "bridge" else { return nil }
            return link
        } catch { throw NetworkError(error) }
    }

    /// Whether there is an interface of this name.
    mutating func exists(_ name: String) throws(NetworkError) -> Bool {
        do throws(NetlinkError) { return try route.link(named: name) != nil } catch { throw NetworkError(error) }
    }

    /// The network card that macvlan stations share.
    mutating func parent(_ endpoint: Endpoint) throws(NetworkError) -> LinkInfo {
        do throws(NetlinkError) {
            if let link = try route.link(named: endpoint.bridge) { return link }
        } catch { throw NetworkError(error) }
        throw NetworkError(
            operation: "connect to network", object: endpoint.network,
            cause: "the host has no interface \(endpoint.bridge)", remedy: "`ip link` lists those there are")
    }

    /// Makes the bridge of a network where it is missing, switched off: nobody uses it before the rules know it.
    mutating func makeBridge(_ network: NetworkRecord) throws(NetworkError) {
        do throws(NetlinkError) {
            if let link = try route.link(named: network.bridge) {
                if link.kind == "bridge" { return }
                throw NetlinkError(
                    operation: "make the bridge", object: network.bridge, cause: .fileExists,
                    remedy: "another interface has this name: rename or remove it")
            }
            var batch = NetlinkBatch()
            var mtu: UInt32
            if let wanted = network.mtu { mtu = wanted } else { mtu = try defaultRouteMTU() }
            if network.v6 != nil { mtu = max(mtu, 1280) }
            batch.addBridge(network.bridge, macAddress: network.bridgeMAC, mtu: mtu)
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// Gives the bridge its addresses and switches it on.
    mutating func startBridge(_ network: NetworkRecord) throws(NetworkError) {
        do throws(NetlinkError) {
            guard let link = try route.link(named: network.bridge) else {
                throw NetlinkError(operation: "find the bridge", object: network.bridge, cause: .noSuchFile)
            }
            var batch = NetlinkBatch()
            // Members know the bridge's link-layer address for good: one that was made by hand gets the same.
            if link.macAddress != network.bridgeMAC { batch.setLink(.index(link.index), macAddress: network.bridgeMAC) }
            batch.disableIPv6Autoconfiguration(.index(link.index))
            for address in network.plans.compactMap(\.gatewayNetwork) { batch.addAddress(address, to: link.index) }
            batch.setLink(.index(link.index), up: true)
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// Makes an endpoint's link and connects the host's end.
    ///
    /// - Returns: false when the name of an end is in use.
    mutating func make(_ endpoint: Endpoint, _ parent: LinkInfo, namespace: Int32) throws(NetworkError) -> Bool {
        var batch = NetlinkBatch()
        let peer = LinkPeer(name: endpoint.containerInterface, macAddress: endpoint.macAddress, namespace: namespace)
        if endpoint.driver == .macvlan {
            batch.addMacvlan(parent: parent.index, mode: endpoint.macvlanMode, end: peer)
        } else {
            let port = LinkReference.name(endpoint.hostInterface)
            batch.addVeth(endpoint.hostInterface, master: parent.index, mtu: parent.mtu, peer: peer)
            batch.disableIPv6Autoconfiguration(port)
            if HostSettings.bridgesFilterPackets { batch.setHairpin(port, true) }
            batch.setLink(port, up: true)
            for own in endpoint.addresses {
                batch.setNeighbour(own.address, macAddress: endpoint.macAddress, index: parent.index)
            }
        }
        do throws(NetlinkError) {
            let outcomes = try route.execute(batch)
            if outcomes[0].error?.cause == .fileExists { return false }
            for outcome in outcomes { if let error = outcome.error { throw error } }
            return true
        } catch {
            if error.cause == Errno(rawValue: 54 /* EXFULL */) {
                throw NetworkError(
                    operation: "connect to the bridge", object: endpoint.bridge,
                    cause: "the kernel allows at most 1,023 ports on one bridge",
                    remedy: "use another network for more containers")
            }
            throw NetworkError(error)
        }
    }

    /// Removes an endpoint's links at once, where their set-up failed half way.
    mutating func removeLinks(of endpoint: Endpoint, inside: inout ContainerNamespace) {
        if endpoint.driver == .macvlan {
            try? inside.remove(endpoint)
            return
        }
        var batch = NetlinkBatch()
        batch.removeLink(.name(endpoint.hostInterface))
        _ = try? route.execute(batch)
    }

    /// Forgets the link-layer addresses of a container.
    mutating func forgetNeighbours(_ endpoints: [Endpoint]) throws(NetworkError) {
        var batch = NetlinkBatch()
        for endpoint in endpoints where endpoint.bridgeIndex != 0 {
            for own in endpoint.addresses { batch.removeNeighbour(own.address, index: endpoint.bridgeIndex) }
        }
        if batch.isEmpty { return }
        do throws(NetlinkError) { try route.run(batch) } catch { throw NetworkError(error) }
    }

    /// Removes a bridge if there is one; an interface of another kind is not ours.
    mutating func removeOldBridge(_ name: String) throws(NetworkError) {
        do throws(NetlinkError) {
            guard let link = try route.link(named: name), link.kind == "bridge" else { return }
            var batch = NetlinkBatch()
            batch.removeLink(.index(link.index))
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// Removes a link.
    mutating func removeLink(_ name: String) throws(NetworkError) {
        var batch = NetlinkBatch()
        batch.removeLink(.name(name))
        do throws(NetlinkError) { try route.run(batch) } catch { throw NetworkError(error) }
    }

    /// All links.
    mutating func all() throws(NetworkError) -> [LinkInfo] {
        do throws(NetlinkError) { return try route.links() } catch { throw NetworkError(error) }
    }

    /// Connects a member's end to a bridge that was made anew. One that is gone is no error: its container has ended.
    mutating func rejoin(_ endpoint: Endpoint, _ bridge: LinkInfo) throws(NetworkError) {
        do throws(NetlinkError) {
            guard let link = try route.link(named: endpoint.hostInterface) else { return }
            var batch = NetlinkBatch()
            if link.master != bridge.index { batch.setLink(.index(link.index), master: bridge.index) }
            if HostSettings.bridgesFilterPackets { batch.setHairpin(.index(link.index), true) }
            batch.setLink(.index(link.index), up: true)
            for own in endpoint.addresses {
                batch.setNeighbour(own.address, macAddress: endpoint.macAddress, index: bridge.index)
            }
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// The names of all links that start with `prefix`.
    mutating func names(startingWith prefix: String) throws(NetworkError) -> [String] {
        do throws(NetlinkError) {
            return try route.links().map(\.name).filter { PathText.begins($0, with: prefix) }
        } catch { throw NetworkError(error) }
    }

    /// Everything the host has a route to or an address in, but by the link `except`.
    mutating func usedSubnets(except name: String) throws(NetworkError) -> [IPNetwork] {
        do throws(NetlinkError) {
            let own = try route.link(named: name)?.index
            return try route.routes().filter { own == nil || $0.index != own }.map(\.destination)
                + route.addresses().filter { own == nil || $0.index != own }.map(\.network.subnet)
        } catch { throw NetworkError(error) }
    }

    /// The addresses of one link.
    mutating func addresses(of index: Int32) throws(NetworkError) -> [IPNetwork] {
        do throws(NetlinkError) { return try route.addresses().filter { $0.index == index }.map(\.network) } catch {
            throw NetworkError(error)
        }
    }

    /// The largest packet of the link that the default route leaves by; 1500 without one.
    private mutating func defaultRouteMTU() throws(NetlinkError) -> UInt32 {
        let defaults = try route.routes().filter {
            $0.destination.prefixLength == 0 && $0.destination.address == .anyV4 && $0.table == 254
        }
        guard let best = defaults.min(by: { $0.metric < $1.metric }), let index = best.index else { return 1500 }
        let mtu = try route.links().first { $0.index == index }?.mtu ?? 1500
        // 68 is the least IPv4 allows; a loopback-like 65536 is more than a veth takes.
        return min(max(mtu, 576), 65535)
    }
}
