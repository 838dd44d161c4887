import LinuxKernel
import Netlink

/// A container's own network namespace, seen from the host: a socket in it and a file that names it.
struct ContainerNamespace: ~Copyable {
    private let file: FileDescriptor
    private var route: RouteConnection
    private var resolver: ResolverSockets?

    /// Enters the namespace for as long as it takes to open sockets and write its settings.
    init(
        _ namespace: borrowing FileDescriptor, groups: ClosedRange<UInt32>?, container name: String,
        resolver wantsResolver: Bool = false, isNew: Bool = true
    ) throws(NetworkError) {
        let operation = "enter the network namespace of"
        let visit: NetworkNamespaceVisit
        do throws(Errno) { visit = try NetworkNamespaceVisit(entering: namespace) } catch {
            throw NetworkError(
                operation, name, error, remedy: error == .noSuchProcess ? "the container has ended meanwhile" : "")
        }
        let own: FileDescriptor
        do throws(Errno) { own = try visit.namespaceFile() } catch { throw NetworkError(operation, name, error) }
        var socket = try RouteConnection.openRoute()
        if isNew { try HostSettings.openUnprivilegedUse(groups: groups) }
        var sockets: ResolverSockets?
        if wantsResolver {
            // Before there is a local address, bind(2) takes every one for a broadcast address, and answers would come from
            // another.
            var batch = NetlinkBatch()
            batch.setLink(.index(1), up: true)
            do throws(NetlinkError) { try socket.run(batch) } catch { throw NetworkError(error) }
            sockets = try ResolverSockets.open(container: name)
        }
        visit.leave()
        file = own
        route = socket
        resolver = sockets
    }

    /// The `nsfs` file's number, for links that are born in the namespace.
    var fileNumber: Int32 { file.rawValue }

    /// The resolver's sockets, once.
    mutating func takeResolver() -> ResolverSockets? {
        let result = resolver
        resolver = nil
        return result
    }

    /// Switches the loopback interface on. It is always number 1.
    mutating func setUpLoopback() throws(NetworkError) {
        var batch = NetlinkBatch()
        batch.setLink(.index(1), up: true)
        do throws(NetlinkError) { try route.run(batch) } catch { throw NetworkError(error) }
    }

    /// Switches the loopback interface and the container's end of a link on, with addresses, routes and, where it is known,
    /// the gateway's link-layer address.
    mutating func setUp(_ endpoint: Endpoint, gatewayMAC: MACAddress?) throws(NetworkError) {
        do throws(NetlinkError) {
            guard let link = try route.link(named: endpoint.containerInterface) else {
                throw NetlinkError(operation: "find the link", object: endpoint.containerInterface, cause: .noSuchFile)
            }
            var batch = NetlinkBatch()
            batch.setLink(.index(1), up: true)
            batch.disableIPv6Autoconfiguration(.index(link.index))
            batch.setLink(.index(link.index), up: true)
            for own in endpoint.addresses {
                batch.addAddress(own.network, to: link.index)
                if own.isDefaultRoute { batch.addDefaultRoute(own, index: link.index) }
                if let gateway = own.gateway, let gatewayMAC {
                    batch.setNeighbour(gateway, macAddress: gatewayMAC, index: link.index)
                }
            }
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// Lets default routes lead over an endpoint that is there already.
    mutating func addDefaultRoutes(_ endpoint: Endpoint, six: Bool) throws(NetworkError) {
        do throws(NetlinkError) {
            guard let own = six ? endpoint.v6 : endpoint.v4,
                let link = try route.link(named: endpoint.containerInterface)
            else { return }
            var batch = NetlinkBatch()
            batch.addDefaultRoute(own, index: link.index)
            try route.run(batch)
        } catch { throw NetworkError(error) }
    }

    /// Removes the container's end of a link, and with it the link.
    mutating func remove(_ endpoint: Endpoint) throws(NetworkError) {
        var batch = NetlinkBatch()
        batch.removeLink(.name(endpoint.containerInterface))
        do throws(NetlinkError) { try route.run(batch) } catch { throw NetworkError(error) }
    }

    /// The names of the interfaces that are there.
    mutating func interfaces() throws(NetworkError) -> [String] {
        do throws(NetlinkError) { return try route.links().map(\.name) } catch { throw NetworkError(error) }
    }
}

extension NetlinkBatch {
    fileprivate mutating func addDefaultRoute(_ own: EndpointAddress, index: Int32) {
        guard let gateway = own.gateway,
            let everywhere = IPNetwork(gateway.bitCount == 32 ? .anyV4 : .anyV6, prefixLength: 0)
        else { return }
        addRoute(to: everywhere, via: gateway, index: index)
    }
}

extension RouteConnection {
    static func openRoute() throws(NetworkError) -> RouteConnection {
        do throws(NetlinkError) { return try RouteConnection(opening: .route) } catch { throw NetworkError(error) }
    }
}
