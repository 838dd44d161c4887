import JSON
import Netlink

/// A container's place in a network: leased before the container is made, given back when it is gone.
public struct Endpoint: Sendable, Equatable {
    /// The container it belongs to.
    public let containerID: String
    /// The network's name.
    public let network: String
    /// What the container is called in this network: its name, host name and aliases.
    public let names: [String]
    /// The bridge it is connected to.
    public let bridge: String
    /// The name of the host's end of its veth pair.
    public internal(set) var hostInterface: String
    /// The name of the container's end.
    public let containerInterface: String
    /// Its address, with the subnet's prefix length.
    public let address: IPNetwork
    /// The bridge's address, which is the default route.
    public let gateway: IPAddress
    /// Its link-layer address.
    public let macAddress: MACAddress
    /// Its published ports.
    public internal(set) var ports: [PublishedPort]
    /// Whether the kernel may know of it: set before the first element is added.
    var isConnected = false
    /// The bridge's number when the container was connected: asking again at the end would wait behind the kernel's
    /// clean-up of dead namespaces.
    var bridgeIndex: Int32 = 0
    /// Grows from record to record: of two that claim one port the later one is right (nanoseconds since boot).
    var serial: Int64 = 0
}

extension Endpoint {
    /// As it is kept in a record.
    var json: JSONValue {
        let ports = ports.map { port -> JSONValue in
            var object: JSONObject = JSONObject([
                ("protocol", .string(port.request.portProtocol.rawValue)),
                ("hostAddress", .string(port.request.hostAddress.description)),
                ("hostPort", JSONValue(port.hostPort)),
                ("containerPort", JSONValue(port.request.containerPort)),
            ])
            if let range = port.request.hostPorts {
                object["firstHostPort"] = JSONValue(range.lowerBound)
                object["lastHostPort"] = JSONValue(range.upperBound)
            }
            return .object(object)
        }
        return .object(
            JSONObject([
                ("network", .string(network)), ("names", JSONValue(names)), ("bridge", .string(bridge)),
                ("hostInterface", .string(hostInterface)), ("containerInterface", .string(containerInterface)),
                ("address", .string(address.description)), ("gateway", .string(gateway.description)),
                ("macAddress", .string(macAddress.description)), ("connected", .bool(isConnected)),
                ("bridgeIndex", JSONValue(bridgeIndex)), ("serial", JSONValue(serial)), ("ports", .array(ports)),
            ]))
    }

    /// From a record of the container.
    init(containerID: String, _ object: JSONObject) throws(JSONError) {
        func required(_ key: String) throws(JSONError) -> String { try object.required(key, try object.string(key)) }
        func invalid(_ key: String) -> JSONError { JSONError(path: [key], problem: "makes no sense") }
        self.containerID = containerID
        network = try required("network")
        names = try object.strings("names") ?? []
        bridge = try required("bridge")
        hostInterface = try required("hostInterface")
        containerInterface = try required("containerInterface")
        guard let address = IPNetwork(try required("address")) else { throw invalid("address") }
        guard let gateway = IPAddress(try required("gateway")) else { throw invalid("gateway") }
        guard let macAddress = MACAddress(try required("macAddress")) else { throw invalid("macAddress") }
        self.address = address
        self.gateway = gateway
        self.macAddress = macAddress
        isConnected = try object.bool("connected") ?? false
        bridgeIndex = try object.integer("bridgeIndex") ?? 0
        serial = try object.integer("serial") ?? 0
        ports = try object.decodeArray("ports", Self.port) ?? []
    }

    private static func port(_ object: JSONObject) throws(JSONError) -> PublishedPort {
        func invalid(_ key: String) -> JSONError { JSONError(path: [key], problem: "makes no sense") }
        guard let known = PortProtocol(rawValue: try object.string("protocol") ?? "") else { throw invalid("protocol") }
        guard let address = IPAddress(try object.string("hostAddress") ?? "") else { throw invalid("hostAddress") }
        guard let containerPort = try object.integer("containerPort", as: UInt16.self) else {
            throw invalid("containerPort")
        }
        var request = PortRequest(hostAddress: address, containerPort: containerPort, portProtocol: known)
        if let first = try object.integer("firstHostPort", as: UInt16.self),
            let last = try object.integer("lastHostPort", as: UInt16.self), first <= last
        {
            request.hostPorts = first...last
        }
        return PublishedPort(request: request, hostPort: try object.integer("hostPort") ?? 0)
    }
}
