import JSON
import Netlink

/// An address of a container in a network, with the way out beside it.
public struct EndpointAddress: Sendable, Equatable {
    /// The address, with the subnet's prefix length.
    public var network: IPNetwork
    /// The next router; nil where there is none (an internal network's is only the bridge itself).
    public var gateway: IPAddress?
    /// Whether the container's default route leads over this one.
    public var isDefaultRoute = false

    /// The address alone.
    public var address: IPAddress { network.address }
}

/// A container's place in a network: leased before the container is made, given back when it is gone.
public struct Endpoint: Sendable, Equatable {
    /// The container it belongs to.
    public let containerID: String
    /// The network's name.
    public let network: String
    /// The network's ID: one that was made again under the name is another.
    public let networkID: String
    /// How it is connected.
    public let driver: NetworkRecord.Driver
    /// What the container is called in this network: its name, short ID, host name and aliases.
    public let names: [String]
    /// The bridge it is connected to, or the network card.
    public let bridge: String
    /// The name of the host's end of its veth pair; empty with macvlan.
    public internal(set) var hostInterface: String
    /// The name of the container's end.
    public let containerInterface: String
    /// Its IPv4 address.
    public internal(set) var v4: EndpointAddress?
    /// Its IPv6 address.
    public internal(set) var v6: EndpointAddress?
    /// Its link-layer address.
    public let macAddress: MACAddress
    /// Its published ports; those of a container are all at one of its endpoints.
    public internal(set) var ports: [PublishedPort]
    /// Whether members of the network are kept from one another.
    var isApart = false
    /// How stations of one network card see one another.
    var macvlanMode = MacvlanMode.bridge
    /// Whether the kernel may know of it: set before the first element is added.
    var isConnected = false
    /// The bridge's number when the container was connected: asking again at the end would wait behind the kernel's
    /// clean-up of dead namespaces.
    var bridgeIndex: Int32 = 0
    /// Grows from record to record: of two that claim one port the later one is right (nanoseconds since boot).
    var serial: Int64 = 0

    /// 64 hexadecimal digits of its own.
    public var identifier: String { NetworkEngine.fixedID("\(networkID)/\(serial)", containerID) }

    /// The addresses there are, IPv4 first.
    public var addresses: [EndpointAddress] { [v4, v6].compactMap { $0 } }
}

extension EndpointAddress {
    var json: JSONValue {
        var object = JSONObject([("address", .string(network.description)), ("default", .bool(isDefaultRoute))])
        object["gateway"] = gateway.map { .string($0.description) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        guard let network = IPNetwork(try object.string("address") ?? "") else {
            throw JSONError(path: ["address"], problem: "makes no sense")
        }
        self.network = network
        gateway = try object.string("gateway").flatMap { IPAddress($0) }
        isDefaultRoute = try object.bool("default") ?? false
    }
}

extension Endpoint {
    /// As it is kept in a record.
    var json: JSONValue {
        var object = JSONObject([
            ("network", .string(network)), ("networkID", .string(networkID)), ("driver", .string(driver.rawValue)),
            ("names", JSONValue(names)), ("bridge", .string(bridge)),
            ("hostInterface", .string(hostInterface)), ("containerInterface", .string(containerInterface)),
            ("macAddress", .string(macAddress.description)), ("apart", .bool(isApart)),
            ("connected", .bool(isConnected)),
            ("bridgeIndex", JSONValue(bridgeIndex)), ("serial", JSONValue(serial)),
            ("ports", .array(ports.map(\.json))),
        ])
        object["ipv4"] = v4?.json
        object["ipv6"] = v6?.json
        if driver == .macvlan { object["mode"] = .string(macvlanMode.rawValue) }
        return .object(object)
    }

    /// From a record of the container.
    init(containerID: String, _ object: JSONObject) throws(JSONError) {
        func required(_ key: String) throws(JSONError) -> String { try object.required(key, try object.string(key)) }
        func invalid(_ key: String) -> JSONError { JSONError(path: [key], problem: "makes no sense") }
        self.containerID = containerID
        network = try required("network")
        networkID = try object.string("networkID") ?? ""
        guard let driver = NetworkRecord.Driver(rawValue: try object.string("driver") ?? "bridge") else {
            throw invalid("driver")
        }
        self.driver = driver
        names = try object.strings("names") ?? []
        bridge = try required("bridge")
        hostInterface = try required("hostInterface")
        containerInterface = try required("containerInterface")
        v4 = try object.decode("ipv4", EndpointAddress.init)
        v6 = try object.decode("ipv6", EndpointAddress.init)
        guard v4.map({ $0.address.bitCount == 32 }) ?? true else { throw invalid("ipv4") }
        guard v6.map({ $0.address.bitCount == 128 }) ?? true else { throw invalid("ipv6") }
        guard let macAddress = MACAddress(try required("macAddress")) else { throw invalid("macAddress") }
        self.macAddress = macAddress
        isApart = try object.bool("apart") ?? false
        macvlanMode = try object.string("mode").flatMap { MacvlanMode(rawValue: $0) } ?? .bridge
        isConnected = try object.bool("connected") ?? false
        bridgeIndex = try object.integer("bridgeIndex") ?? 0
        serial = try object.integer("serial") ?? 0
        ports = try object.decodeArray("ports", PublishedPort.init) ?? []
    }
}
