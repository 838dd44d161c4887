import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Records what a container wants and leases its address: nothing in the kernel changes yet.
    ///
    /// A container that has an endpoint in the network already gets a new one with the same address.
    ///
    /// - Parameters:
    ///   - containerID: the container; the caller sees to it that it counts as alive for ``reconcile(isAlive:)`` from
    ///     before this call on.
    ///   - network: the network's name.
    ///   - names: what the container is called there: name, host name, aliases.
    ///   - ports: what is to be published.
    public func endpoint(
        for containerID: String, network: String = defaultNetwork, names containerNames: [String] = [],
        ports: [PortRequest] = []
    ) throws(NetworkError) -> Endpoint {
        try Self.checkName(containerID, "container ID")
        try Self.checkName(network, "network name")
        try Self.check(ports)
        let record = try ensureClaimed(network)
        let earlier = endpoints.read(containerID)
        let old = earlier.first { $0.network == network }
        if let old, old.isConnected { try disconnect(old) }
        if let old { for port in old.ports { claims.forgetPort(port, of: containerID) } }

        let leases = leases(of: network)
        let others = earlier.filter { $0.network != network }
        while true {
            let address = leases.candidate(
                in: record.subnet, except: [record.gateway], for: containerID, preferred: old?.address.address)
            guard let address, let own = IPNetwork(address, prefixLength: record.subnet.prefixLength) else {
                if old == nil { try endpoints.write(others, of: containerID) }
                throw NetworkError(
                    operation: "lease an address in network", object: network,
                    cause: "all \(record.subnet.size - 3) addresses of \(record.subnet) are taken",
                    remedy: "remove containers that are not needed, or use another network")
            }
            let endpoint = Endpoint(
                containerID: containerID, network: network, names: containerNames, bridge: record.bridge,
                hostInterface: names.randomPort(), containerInterface: "eth\(others.count)",
                address: own, gateway: record.gateway, macAddress: MACAddress(for: address),
                ports: ports.map {
                    PublishedPort(
                        request: $0, hostPort: $0.hostPorts.flatMap { $0.count == 1 ? $0.lowerBound : nil } ?? 0)
                },
                serial: MonotonicClock.nanoseconds())
            // The record first: whoever is killed now leaves an address that its record leads to.
            try endpoints.write(others + [endpoint], of: containerID)
            if try leases.take(address, for: containerID) {
                if address != old?.address.address { leases.rememberLastGiven(address, in: record.subnet) }
                return endpoint
            }
        }
    }

    /// The endpoints a container has, as recorded: for `ps`, `port` and `inspect`.
    public func endpoints(of containerID: String) -> [Endpoint] {
        (try? Self.checkName(containerID, "container ID")) == nil ? [] : endpoints.read(containerID)
    }

    static func check(_ ports: [PortRequest]) throws(NetworkError) {
        var seen = [UInt64: [IPAddress]]()
        for port in ports {
            func refusal(_ cause: String, _ remedy: String) -> NetworkError {
                NetworkError(operation: "publish", object: "\(port)", cause: cause, remedy: remedy)
            }
            guard port.containerPort != 0 else { throw refusal("there is no port 0 in a container", "give its number") }
            guard port.hostAddress.bitCount == 32 else {
                throw refusal("this network has no IPv6", "publish on an IPv4 address")
            }
            guard let wanted = port.hostPorts, wanted.count == 1 else { continue }
            let key = UInt64(port.portProtocol.number) << 16 | UInt64(wanted.lowerBound)
            for other in seen[key] ?? [] where other == port.hostAddress || other.isAny || port.hostAddress.isAny {
                throw refusal("host port \(wanted.lowerBound) is asked for twice", "leave one of them out")
            }
            seen[key, default: []].append(port.hostAddress)
        }
    }
}
