import Netlink

/// What is different from network to network and from container to container: elements of the rules' sets and maps. Each
/// has two forms, the kernel's bytes for single changes and nft's text for loading everything.
enum RuleElement: Hashable, Sendable {
    /// A network's bridge.
    case bridge(String)
    /// A bridge whose members may talk to one another.
    case within(String)
    /// A bridge whose members may talk to the world.
    case outbound(String)
    /// A bridge whose members' packets to the world carry the host's address.
    case masqueraded(String)
    /// A bridge's subnet.
    case subnet(bridge: String, IPNetwork)
    /// The only source addresses that a container's port of a bridge may use.
    case source(interface: String, MACAddress, IPAddress)
    /// A published port: who asks the host's address is answered by the container.
    case published(PublishedPort, container: IPAddress)

    /// The family of the table the set is in.
    var family: TableFamily { if case .source = self { .bridge } else { .inet } }

    /// The set or map.
    var set: String {
        switch self {
        case .bridge: "bridges"
        case .within: "within"
        case .outbound: "outbound"
        case .masqueraded: "masqueraded"
        case .subnet: "subnets"
        case .source: "sources"
        case .published(let port, _): port.request.hostAddress.isAny ? "published_any" : "published"
        }
    }

    /// As the kernel takes it.
    var setElement: SetElement {
        var key = ConcatenatedValue()
        switch self {
        case .bridge(let name), .outbound(let name), .masqueraded(let name):
            key.append(interface: name)
        case .within(let name):
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
        case .published(let port, let container):
            if !port.request.hostAddress.isAny { key.append(port.request.hostAddress.bytes) }
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
        case .bridge(let name), .outbound(let name), .masqueraded(let name): return "\"\(name)\""
        case .within(let name): return "\"\(name)\" . \"\(name)\""
        case .subnet(let name, let subnet): return "\"\(name)\" . \(subnet)"
        case .source(let interface, let mac, let address): return "\"\(interface)\" . \(mac) . \(address)"
        case .published(let port, let container):
            let host = port.request.hostAddress.isAny ? "" : "\(port.request.hostAddress) . "
            return
                "\(host)\(port.request.portProtocol.number) . \(port.hostPort) : \(container) . \(port.request.containerPort)"
        }
    }
}

extension NetworkRecord {
    /// What the rules must know of the network.
    var ruleElements: [RuleElement] {
        var elements: [RuleElement] = [.bridge(bridge), .subnet(bridge: bridge, subnet)]
        if allowsMembers { elements.append(.within(bridge)) }
        if allowsOutside { elements.append(.outbound(bridge)) }
        if allowsOutside && masquerades { elements.append(.masqueraded(bridge)) }
        return elements
    }
}

extension Endpoint {
    /// What the rules must know of the container. A port that no host port was chosen for is not published yet.
    var ruleElements: [RuleElement] {
        var elements: [RuleElement] = [.source(interface: hostInterface, macAddress, address.address)]
        for port in ports where port.hostPort != 0 { elements.append(.published(port, container: address.address)) }
        return elements
    }
}
