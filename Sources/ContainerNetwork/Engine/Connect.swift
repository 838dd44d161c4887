import LinuxKernel
import Netlink

/// What came of connecting a container.
public struct Connection: Sendable {
    /// What stands in the container's way although all is well here (foreign firewalls). Looked for only when the rules had
    /// to be loaded, see ``NetworkEngine/obstacles(network:)``.
    public var warnings: [NetworkWarning] = []
    /// The resolver's sockets in the container's namespace, where they were asked for.
    public var resolver: ResolverSockets?

    /// Nothing to say of it.
    public init() {}
}

extension NetworkEngine {
    /// Connects a container to the networks of its endpoints: bridges, rules, links with the container's ends in its
    /// namespace as `eth0`…, addresses, routes, loopback, neighbour entries, then the elements that let its packets through
    /// and publish its ports.
    ///
    /// - Parameters:
    ///   - endpoints: what ``lease(containerID:attachments:names:ports:)`` gave, after ``holdPorts(_:ownerName:)``.
    ///   - namespace: a pidfd of a process in the container's network namespace, or an `nsfs` file of it. The caller must
    ///     have a single thread.
    ///   - groups: the container's groups as the host numbers them, who may all use `ping`; nil for every group (which a
    ///     container with a user namespace reads as 65534).
    ///   - resolver: whether to open the sockets that the container's names are served from.
    @discardableResult
    public func connect(
        _ endpoints: [Endpoint], namespace: borrowing FileDescriptor, groups: ClosedRange<UInt32>? = nil,
        resolver: Bool = false
    ) throws(NetworkError) -> Connection {
        guard let containerID = endpoints.first?.containerID else {
            try setUpLoopbackOnly(namespace: namespace, groups: groups)
            return Connection()
        }
        var inside = try ContainerNamespace(namespace, groups: groups, container: containerID, resolver: resolver)
        var links = try HostLinks()
        var all = endpoints
        var connection = Connection()
        connection.resolver = inside.takeResolver()
        do throws(NetworkError) {
            try join(&all, keeping: [], &inside, &links, &connection.warnings)
            return connection
        } catch {
            for endpoint in all { links.removeLinks(of: endpoint, inside: &inside) }
            throw error
        }
    }

    /// Connects one endpoint.
    @discardableResult
    public func connect(
        _ endpoint: Endpoint, namespace: borrowing FileDescriptor, groups: ClosedRange<UInt32>? = nil
    ) throws(NetworkError) -> [NetworkWarning] {
        try connect([endpoint], namespace: namespace, groups: groups).warnings
    }

    /// Makes the links of the endpoints, and then what the rules and others know of them.
    func join(
        _ all: inout [Endpoint], keeping others: [Endpoint], _ inside: inout ContainerNamespace,
        _ links: inout HostLinks, _ warnings: inout [NetworkWarning]
    ) throws(NetworkError) {
        var bridges = [LinkInfo]()
        for index in all.indices {
            let bridge: LinkInfo
            if all[index].driver == .bridge {
                bridge = try ensureBridge(all[index], &links, &warnings)
            } else {
                bridge = try links.parent(all[index])
            }
            bridges.append(bridge)
            all[index].isConnected = true
            all[index].bridgeIndex = bridge.index
        }
        try endpoints.write(others + all, of: all[0].containerID)
        for index in all.indices {
            // The name on the host is random: one that is in use is not met twice.
            if try links.make(all[index], bridges[index], namespace: inside.fileNumber) { continue }
            if all[index].driver == .bridge { all[index].hostInterface = names.randomPort() }
            try endpoints.write(others + all, of: all[0].containerID)
            guard try links.make(all[index], bridges[index], namespace: inside.fileNumber) else {
                throw NetworkError(
                    operation: "make the interface", object: all[index].containerInterface,
                    cause: "the container's network namespace has one of this name already",
                    remedy: "start the container with a namespace of its own")
            }
        }
        for (index, bridge) in bridges.enumerated() {
            try inside.setUp(all[index], gatewayMAC: all[index].driver == .bridge ? bridge.macAddress : nil)
        }
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        for endpoint in all {
            guard try networks.read(endpoint.network)?.id == endpoint.networkID else {
                throw NetworkError(
                    operation: "connect to network", object: endpoint.network, cause: "it was removed meanwhile",
                    remedy: "create it again")
            }
        }
        let elements = all.flatMap(\.ruleElements)
        if !elements.isEmpty { warnings += try apply(elements, bridge: all[0].bridge) }
        for endpoint in all { try nameIndex.add(endpoint) }
    }

    /// Gives a container without a network its loopback interface (`--network none`).
    public func setUpLoopbackOnly(
        namespace: borrowing FileDescriptor, groups: ClosedRange<UInt32>? = nil
    ) throws(NetworkError) {
        var inside = try ContainerNamespace(namespace, groups: groups, container: "the container")
        try inside.setUpLoopback()
    }

    /// What keeps containers of a network from the outside, as far as other programs' rules tell.
    public func obstacles(network: String = defaultNetwork) -> [NetworkWarning] {
        obstacles(bridge: bridgeName(network: network))
    }

    func obstacles(bridge: String) -> [NetworkWarning] {
        guard var loader = try? loader() else { return [] }
        return loader.foreignObstacles(bridge: bridge)
    }
}
