import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Connects a container: bridge, rules, veth pair with the container's end in its namespace as `eth0`, addresses,
    /// default route, loopback, neighbour entries, then the elements that let its packets through and publish its ports.
    ///
    /// - Parameters:
    ///   - endpoint: what ``endpoint(for:network:names:ports:)`` gave, after ``holdPorts(_:ownerName:)``.
    ///   - namespace: a pidfd of a process in the container's network namespace, or an `nsfs` file of it. The caller must
    ///     have a single thread.
    ///   - groups: the container's groups as the host numbers them, who may all use `ping`; nil for every group (which a
    ///     container with a user namespace reads as 65534).
    /// - Returns: what stands in the container's way although all is well here (foreign firewalls). Looked for only when
    ///   the rules had to be loaded, see ``obstacles(network:)``.
    @discardableResult
    public func connect(
        _ endpoint: Endpoint, namespace: borrowing FileDescriptor, groups: ClosedRange<UInt32>? = nil
    ) throws(NetworkError) -> [NetworkWarning] {
        var endpoint = endpoint
        var inside = try ContainerNamespace(namespace, groups: groups, container: endpoint.containerID)
        var links = try HostLinks()
        var warnings = [NetworkWarning]()
        let bridge = try ensureBridge(endpoint.network, endpoint.bridge, &links, &warnings)
        let hairpin = HostSettings.bridgesFilterPackets
        endpoint.isConnected = true
        endpoint.bridgeIndex = bridge.index
        try record(endpoint)
        // The name on the host is random: one that is in use is not met twice.
        if try !links.makePair(endpoint, bridge: bridge, namespace: inside.fileNumber, hairpin: hairpin) {
            endpoint.hostInterface = names.randomPort()
            try record(endpoint)
            guard try links.makePair(endpoint, bridge: bridge, namespace: inside.fileNumber, hairpin: hairpin) else {
                throw NetworkError(
                    operation: "make the interface", object: endpoint.containerInterface,
                    cause: "the container's network namespace has one of this name already",
                    remedy: "start the container with a namespace of its own")
            }
        }
        do throws(NetworkError) {
            try inside.setUp(endpoint, gatewayMAC: bridge.macAddress ?? MACAddress(for: endpoint.gateway))
            let guardian = try lock()
            defer { withExtendedLifetime(guardian) {} }
            return try warnings + apply(endpoint.ruleElements, bridge: endpoint.bridge)
        } catch {
            links.removePair(endpoint)
            throw error
        }
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
        guard var loader = try? RuleLoader(names) else { return [] }
        return loader.foreignObstacles(bridge: names.bridge(forNetwork: network))
    }

    private func record(_ endpoint: Endpoint) throws(NetworkError) {
        let all = endpoints.read(endpoint.containerID)
        try endpoints.write(all.filter { $0.network != endpoint.network } + [endpoint], of: endpoint.containerID)
    }
}
