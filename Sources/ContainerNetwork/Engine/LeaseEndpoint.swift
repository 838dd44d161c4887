import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Records what a container wants and leases its addresses: nothing in the kernel changes yet.
    ///
    /// What the container had before is given up, its addresses kept where they will still do.
    ///
    /// - Parameters:
    ///   - containerID: the container; the caller sees to it that it counts as alive for ``reconcile(isAlive:)`` from
    ///     before this call on.
    ///   - attachments: the networks, in the order of their interfaces.
    ///   - names: what the container is called in all of them: name, short ID, host name.
    ///   - ports: what is to be published.
    /// - Returns: one endpoint for each attachment, in order. The default route leads over the first that reaches the
    ///   world, or over the one that publishes ports.
    public func lease(
        containerID: String, attachments: [Attachment], names containerNames: [String] = [], ports: [PortRequest] = []
    ) throws(NetworkError) -> [Endpoint] {
        try Self.checkName(containerID, "container ID")
        var records = [NetworkRecord]()
        for attachment in attachments {
            try Self.checkName(attachment.network, "network name")
            guard !records.contains(where: { $0.name == attachment.network }) else {
                throw NetworkError(
                    operation: "connect to network", object: attachment.network, cause: "it is asked for twice",
                    remedy: "leave one of them out")
            }
            records.append(try ensureClaimed(attachment.network))
        }
        let earlier = endpoints.read(containerID)
        for old in earlier {
            if old.isConnected { try disconnect(old) }
            for port in old.ports { claims.forgetPort(port, of: containerID) }
        }
        var result = [Endpoint]()
        for (index, record) in records.enumerated() {
            result.append(
                try draft(
                    containerID, attachments[index], record, names: containerNames, interface: "eth\(index)",
                    like: earlier.first { $0.network == record.name }))
        }
        try place(ports, of: &result, records)
        try chooseRoutes(&result, records)
        try take(&result, attachments, records, keeping: [])
        for old in earlier where !result.contains(where: { $0.network == old.network }) { giveBack(old) }
        return result
    }

    /// One endpoint in the default network, for callers that need no more.
    public func endpoint(
        for containerID: String, network: String = defaultNetwork, names: [String] = [], ports: [PortRequest] = []
    ) throws(NetworkError) -> Endpoint {
        let all = try lease(
            containerID: containerID, attachments: [Attachment(network: network)], names: names, ports: ports)
        return all[0]
    }

    /// An endpoint with addresses that are free this moment.
    func draft(
        _ containerID: String, _ attachment: Attachment, _ record: NetworkRecord, names containerNames: [String],
        interface: String, like old: Endpoint? = nil
    ) throws(NetworkError) -> Endpoint {
        for (wish, plan) in [(attachment.address4, record.v4), (attachment.address6, record.v6)] {
            guard let wish else { continue }
            func refusal(_ cause: String, _ remedy: String) -> NetworkError {
                NetworkError(operation: "use the address", object: "\(wish)", cause: cause, remedy: remedy)
            }
            guard let plan, plan.subnet.contains(wish) else {
                throw refusal(
                    "it is in no subnet of network \(record.name)",
                    plan.map { "choose one in \($0.subnet)" } ?? "the network has no addresses of this family")
            }
            if plan.isAutomatic, record.name == Self.defaultNetwork {
                throw refusal(
                    "the default network's subnet may change", "create a network with --subnet and use it in that one")
            }
            guard !plan.excluded.contains(wish) else {
                throw refusal("it is the subnet's own, the gateway's or reserved", "choose another")
            }
        }
        let leases = leases(of: record.name)
        func choose(_ plan: AddressPlan?, _ wish: IPAddress?, _ last: IPAddress?) throws(NetworkError)
            -> EndpointAddress?
        {
            guard let plan else { return nil }
            guard let address = wish ?? leases.candidate(in: plan, for: containerID, preferred: last),
                let own = IPNetwork(address, prefixLength: plan.subnet.prefixLength)
            else {
                throw NetworkError(
                    operation: "lease an address in network", object: record.name,
                    cause: "all \(plan.room) addresses of \(plan.range ?? plan.subnet) are taken",
                    remedy: "remove containers that are not needed, or use another network")
            }
            return EndpointAddress(network: own, gateway: plan.gateway)
        }
        let v4 = try choose(record.v4, attachment.address4, old?.v4?.address)
        let v6 = try choose(record.v6, attachment.address6, old?.v6?.address)
        if let mac = attachment.macAddress, !mac.isUnicast {
            throw NetworkError(
                operation: "use the link-layer address", object: "\(mac)", cause: "it is not one interface's",
                remedy: "choose one whose first byte is even")
        }
        var names = containerNames
        for alias in attachment.aliases {
            guard NameIndex.key(alias) != nil else {
                throw NetworkError(
                    operation: "use the alias",
                    object: "\"\(alias.prefix(64).filter { $0.isASCII && !$0.isNewline })\"",
                    cause: "it has characters that a name must not have", remedy: "use letters, digits, -, _ and .")
            }
            names.append(alias)
        }
        let isBridge = record.driver == .bridge
        let base = v4?.address ?? v6?.address ?? .anyV4
        return Endpoint(
            containerID: containerID, network: record.name, networkID: record.id, driver: record.driver, names: names,
            bridge: record.bridge, hostInterface: isBridge ? self.names.randomPort() : "",
            containerInterface: interface,
            v4: v4, v6: v6, macAddress: attachment.macAddress ?? MACAddress(for: base), ports: [],
            isApart: isBridge && !record.allowsMembers,
            macvlanMode: MacvlanMode(rawValue: record.macvlanMode) ?? .bridge, serial: MonotonicClock.nanoseconds())
    }

    /// Takes the addresses that drafts have chosen. The records come first: whoever is killed now leaves addresses that they
    /// lead to.
    func take(
        _ drafts: inout [Endpoint], _ attachments: [Attachment], _ records: [NetworkRecord], keeping others: [Endpoint]
    ) throws(NetworkError) {
        guard let containerID = drafts.first?.containerID else { return }
        while true {
            try endpoints.write(others + drafts, of: containerID)
            var again = false
            for index in drafts.indices {
                let record = records[index], attachment = attachments[index]
                let leases = leases(of: record.name)
                for (own, wish, plan) in [
                    (drafts[index].v4, attachment.address4, record.v4),
                    (drafts[index].v6, attachment.address6, record.v6),
                ] {
                    guard let own, let plan else { continue }
                    if try leases.take(own.address, for: containerID) {
                        if wish == nil { leases.rememberLastGiven(own.address, in: plan) }
                        continue
                    }
                    if let wish {
                        let owner = leases.owner(of: wish).map { String($0.prefix(12)) } ?? "somebody"
                        for draft in drafts { giveBack(draft) }
                        try endpoints.writeOrRemove(others, of: containerID)
                        throw NetworkError(
                            operation: "use the address", object: "\(wish)", cause: "container \(owner) has it",
                            remedy: "choose another, or remove that container")
                    }
                    again = true
                }
            }
            if !again { return }
            // Somebody was faster: others, for those that were lost.
            for index in drafts.indices {
                let old = drafts[index]
                var fresh = try draft(
                    containerID, attachments[index], records[index], names: [], interface: old.containerInterface,
                    like: old)
                fresh = Endpoint(
                    containerID: containerID, network: old.network, networkID: old.networkID, driver: old.driver,
                    names: old.names, bridge: old.bridge, hostInterface: old.hostInterface,
                    containerInterface: old.containerInterface, v4: fresh.v4, v6: fresh.v6,
                    macAddress: fresh.macAddress, ports: old.ports, isApart: old.isApart, macvlanMode: old.macvlanMode,
                    serial: fresh.serial)
                fresh.v4?.isDefaultRoute = old.v4?.isDefaultRoute ?? false
                fresh.v6?.isDefaultRoute = old.v6?.isDefaultRoute ?? false
                drafts[index] = fresh
            }
        }
    }

    /// Gives back the addresses of an endpoint.
    func giveBack(_ endpoint: Endpoint) {
        let leases = leases(of: endpoint.network)
        for own in endpoint.addresses { leases.giveBack(own.address, of: endpoint.containerID) }
    }

    /// Says over which endpoint each family's default route leads.
    func chooseRoutes(_ drafts: inout [Endpoint], _ records: [NetworkRecord]) throws(NetworkError) {
        var order = Array(drafts.indices)
        if let publisher = drafts.firstIndex(where: { !$0.ports.isEmpty }) {
            order.removeAll { $0 == publisher }
            order.insert(publisher, at: 0)
        }
        for index in drafts.indices {
            drafts[index].v4?.isDefaultRoute = false
            drafts[index].v6?.isDefaultRoute = false
        }
        let open = order.filter { records[$0].allowsOutside }
        if let first = open.first(where: { drafts[$0].v4?.gateway != nil }) { drafts[first].v4?.isDefaultRoute = true }
        if let first = open.first(where: { drafts[$0].v6?.gateway != nil }) { drafts[first].v6?.isDefaultRoute = true }
    }

    /// The endpoints a container has, as recorded: for `ps`, `port` and `inspect`.
    public func endpoints(of containerID: String) -> [Endpoint] {
        (try? Self.checkName(containerID, "container ID")) == nil ? [] : endpoints.read(containerID)
    }
}
