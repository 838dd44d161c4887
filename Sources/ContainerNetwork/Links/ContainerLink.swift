import LinuxKernel
import Netlink

/// A container's own network namespace, seen from the host: a socket in it and a file that names it.
struct ContainerNamespace: ~Copyable {
    private let file: FileDescriptor
    private var route: RouteConnection

    /// Enters the namespace for as long as it takes to open a socket and write its settings.
    init(
        _ namespace: borrowing FileDescriptor, groups: ClosedRange<UInt32>?, container name: String
    ) throws(NetworkError) {
        let operation = "enter the network namespace of"
        let visit: NetworkNamespaceVisit
        do throws(Errno) { visit = try NetworkNamespaceVisit(entering: namespace) } catch {
            throw NetworkError(
                operation, name, error, remedy: error == .noSuchProcess ? "the container has ended meanwhile" : "")
        }
        let own: FileDescriptor
        do throws(Errno) { own = try visit.namespaceFile() } catch { throw NetworkError(operation, name, error) }
        let socket = try RouteConnection.openRoute()
        try HostSettings.openUnprivilegedUse(groups: groups)
        visit.leave()
        file = own
        route = socket
    }

    /// The `nsfs` file's number, for links that are born in the namespace.
    var fileNumber: Int32 { file.rawValue }

    /// Switches the loopback interface on. It is always number 1.
    mutating func setUpLoopback() throws(NetworkError) {
        var batch = NetlinkBatch()
        batch.setLink(.index(1), up: true)
        do throws(NetlinkError) { try route.run(batch) } catch { throw NetworkError(error) }
    }

    /// Switches the loopback interface and the container's end of the veth pair on, with address, default route and the
    /// gateway's link-layer address.
    mutating func setUp(_ endpoint: Endpoint, gatewayMAC: MACAddress) throws(NetworkError) {
        do throws(NetlinkError) {
            guard let link = try route.link(named: endpoint.containerInterface) else {
                throw NetlinkError(operation: "find the link", object: endpoint.containerInterface, cause: .noSuchFile)
            }
            var batch = NetlinkBatch()
            batch.setLink(.index(1), up: true)
            batch.disableIPv6Autoconfiguration(.index(link.index))
            batch.setLink(.index(link.index), up: true)
            batch.addAddress(endpoint.address, to: link.index)
            if let everywhere = IPNetwork(.anyV4, prefixLength: 0) {
                batch.addRoute(to: everywhere, via: endpoint.gateway, index: link.index)
            }
            batch.setNeighbour(endpoint.gateway, macAddress: gatewayMAC, index: link.index)
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }
}

extension RouteConnection {
    fileprivate static func openRoute() throws(NetworkError) -> RouteConnection {
        do throws(NetlinkError) { return try RouteConnection(opening: .route) } catch { throw NetworkError(error) }
    }
}

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
            let mtu: UInt32
            if let wanted = network.mtu { mtu = wanted } else { mtu = try defaultRouteMTU() }
            batch.addBridge(network.bridge, macAddress: network.bridgeMAC, mtu: mtu)
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// Gives the bridge its address and switches it on.
    mutating func startBridge(_ network: NetworkRecord) throws(NetworkError) {
        do throws(NetlinkError) {
            guard let link = try route.link(named: network.bridge), let address = network.bridgeAddress else {
                throw NetlinkError(operation: "find the bridge", object: network.bridge, cause: .noSuchFile)
            }
            var batch = NetlinkBatch()
            // Members know the bridge's link-layer address for good: one that was made by hand gets the same.
            if link.macAddress != network.bridgeMAC { batch.setLink(.index(link.index), macAddress: network.bridgeMAC) }
            batch.disableIPv6Autoconfiguration(.index(link.index))
            batch.addAddress(address, to: link.index)
            batch.setLink(.index(link.index), up: true)
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// Makes the pair of a container and connects the host's end.
    ///
    /// - Returns: false when the name of the host's end is in use.
    mutating func makePair(
        _ endpoint: Endpoint, bridge: LinkInfo, namespace: Int32, hairpin: Bool
    ) throws(NetworkError) -> Bool {
        let port = LinkReference.name(endpoint.hostInterface)
        var batch = NetlinkBatch()
        batch.addVeth(
            endpoint.hostInterface, master: bridge.index, mtu: bridge.mtu,
            peer: VethPeer(
                name: endpoint.containerInterface, macAddress: endpoint.macAddress, namespace: namespace))
        batch.disableIPv6Autoconfiguration(port)
        if hairpin { batch.setHairpin(port, true) }
        batch.setLink(port, up: true)
        batch.setNeighbour(endpoint.address.address, macAddress: endpoint.macAddress, index: bridge.index)
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

    /// Removes a container's pair at once, where its set-up failed half way.
    mutating func removePair(_ endpoint: Endpoint) {
        var batch = NetlinkBatch()
        batch.removeLink(.name(endpoint.hostInterface))
        _ = try? route.execute(batch)
    }

    /// Forgets the container's link-layer address.
    mutating func forgetNeighbour(_ endpoint: Endpoint) throws(NetworkError) {
        if endpoint.bridgeIndex == 0 { return }
        var batch = NetlinkBatch()
        batch.removeNeighbour(endpoint.address.address, index: endpoint.bridgeIndex)
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

    /// The names of all links that start with `prefix`.
    mutating func names(startingWith prefix: String) throws(NetworkError) -> [String] {
        do throws(NetlinkError) {
            return try route.links().map(\.name).filter { $0.hasPrefix(prefix) }
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
