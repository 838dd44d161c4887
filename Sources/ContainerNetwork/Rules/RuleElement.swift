import Netlink

/// What is different from network to network and from container to container: elements of the rules' sets and maps. Each
/// has two forms, the kernel's bytes for single changes and nft's text for loading everything.
enum RuleElement: Hashable, Sendable {
    /// A network's bridge.
    case bridge(String)
    /// A bridge whose members may talk to one another.
    case within(String)
    /// A bridge whose members may not.
    case apart(String)
    /// A port of such a bridge: no frame of it goes to another port.
    case apartPort(String)
    /// The same port twice: a frame may go back where it came from, to a container that asks its own published port.
    case ownPort(String)
    /// A bridge whose members may talk to the world.
    case outbound(String)
    /// A bridge whose members' packets to the world carry the host's address.
    case masqueraded(String)
    /// A bridge whose members have nothing to do with other networks, not even by published ports.
    case isolated(String)
    /// A bridge whose members may not reach link-local addresses beyond the host.
    case withoutLinkLocal(String)
    /// A bridge's subnet.
    case subnet(bridge: String, IPNetwork)
    /// The only source addresses that a container's port of a bridge may use.
    case source(interface: String, MACAddress, IPAddress)
    /// The only IPv6 address that a container may say is its own (neighbour advertisements, RFC 4861).
    case target(interface: String, IPAddress)
    /// A container that talks to itself by a published port of its own, where members are kept apart.
    case itself(IPAddress)
    /// A published port: who asks the host's address is answered by the container.
    case published(PublishedPort, container: IPAddress)

    /// The family of the table the set is in.
    var family: TableFamily {
        switch self {
        case .source, .target, .apartPort, .ownPort: .bridge
        default: .inet
        }
    }

    private static func six(_ name: String, _ address: IPAddress) -> String {
        address.bitCount == 128 ? name + "6" : name
    }

    /// The set or map.
    var set: String {
        switch self {
        case .bridge: "bridges"
        case .within: "within"
        case .apart: "apart"
        case .apartPort: "apart_ports"
        case .ownPort: "own_ports"
        case .outbound: "outbound"
        case .masqueraded: "masqueraded"
        case .isolated: "isolated"
        case .withoutLinkLocal: "without_link_local"
        case .subnet(_, let subnet): Self.six("subnets", subnet.address)
        case .source(_, _, let address): Self.six("sources", address)
        case .target: "targets6"
        case .itself(let address): Self.six("itself", address)
        case .published(let port, let container):
            Self.six("published", container) + (port.hostAddress.isAny ? "_any" : "")
        }
    }

    /// As the kernel takes it.
    var setElement: SetElement {
        var key = ConcatenatedValue()
        switch self {
        case .bridge(let name), .outbound(let name), .masqueraded(let name), .isolated(let name),
            .withoutLinkLocal(let name), .apartPort(let name):
            key.append(interface: name)
        case .within(let name), .apart(let name), .ownPort(let name):
            key.append(interface: name)
            key.append(interface: name)
        case .subnet(let name, let subnet):
            var end = key
            key.append(interface: name)
            key.append(subnet.base.bytes)
            end.append(interface: name)
            end.append(subnet.last.bytes)
            return SetElement(set: set, key: key.bytes, keyEnd: end.bytes)
        case .source(let interface, let mac, let address):
            key.append(interface: interface)
            key.append(mac.bytes)
            key.append(address.bytes)
        case .target(let interface, let address):
            key.append(interface: interface)
            key.append(address.bytes)
        case .itself(let address):
            key.append(address.bytes)
            key.append(address.bytes)
        case .published(let port, let container):
            if !port.hostAddress.isAny { key.append(port.hostAddress.bytes) }
            key.append(port.request.portProtocol.number)
            key.append(port: port.hostPort)
            var target = ConcatenatedValue()
            target.append(container.bytes)
            target.append(port: port.request.containerPort)
            return SetElement(set: set, key: key.bytes, data: target.bytes)
        }
        return SetElement(set: set, key: key.bytes)
    }

    /// As nft reads it.
    var text: String {
        switch self {
        case .bridge(let name), .outbound(let name), .masqueraded(let name), .isolated(let name),
            .withoutLinkLocal(let name), .apartPort(let name):
            return "\"\(name)\""
        case .within(let name), .apart(let name), .ownPort(let name): return "\"\(name)\" . \"\(name)\""
        case .subnet(let name, let subnet): return "\"\(name)\" . \(subnet)"
        case .source(let interface, let mac, let address): return "\"\(interface)\" . \(mac) . \(address)"
        case .target(let interface, let address):
            // The set is of 128 plain bits, which nft writes as one number.
            return "\"\(interface)\" . 0x" + address.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case .itself(let address): return "\(address) . \(address)"
        case .published(let port, let container):
            let host = port.hostAddress.isAny ? "" : "\(port.hostAddress) . "
            return
                "\(host)\(port.request.portProtocol.number) . \(port.hostPort) : \(container) . \(port.request.containerPort)"
        }
    }
}

extension NetworkRecord {
    /// What the rules must know of the network.
    var ruleElements: [RuleElement] {
        guard driver == .bridge else { return [] }
        var elements: [RuleElement] = [.bridge(bridge)]
        for plan in plans { elements.append(.subnet(bridge: bridge, plan.subnet)) }
        elements.append(allowsMembers ? .within(bridge) : .apart(bridge))
        if allowsOutside { elements.append(.outbound(bridge)) }
        if allowsOutside && masquerades { elements.append(.masqueraded(bridge)) }
        if isIsolated { elements.append(.isolated(bridge)) }
        if !allowsLinkLocal { elements.append(.withoutLinkLocal(bridge)) }
        return elements
    }
}

extension Endpoint {
    /// What the rules must know of the container. A port that no host port was chosen for is not published yet.
    var ruleElements: [RuleElement] {
        guard driver == .bridge else { return [] }
        var elements = [RuleElement]()
        for own in addresses {
            elements.append(.source(interface: hostInterface, macAddress, own.address))
            if own.address.bitCount == 128 { elements.append(.target(interface: hostInterface, own.address)) }
            if isApart { elements.append(.itself(own.address)) }
        }
        if isApart { elements += [.apartPort(hostInterface), .ownPort(hostInterface)] }
        return elements + ports.compactMap { publication($0) }
    }

    /// The element that publishes a port; nil where the monitor does it alone, or no port is chosen yet.
    func publication(_ port: PublishedPort) -> RuleElement? {
        guard port.hostPort != 0, port.way != .monitor,
            let own = port.hostAddress.bitCount == 128 ? v6 : v4
        else { return nil }
        return .published(port, container: own.address)
    }
}
