import JSON
import Netlink

/// How the addresses of one family are given out in a network.
public struct AddressPlan: Sendable, Equatable {
    /// The subnet.
    public var subnet: IPNetwork
    /// The address of the way out: the bridge's own, or with macvlan the router's. Nil where there is none.
    public var gateway: IPAddress?
    /// The part of the subnet that addresses are chosen from; nil is all of it.
    public var range: IPNetwork?
    /// Addresses that belong to something else, by what the user calls it.
    public var reserved: [String: IPAddress] = [:]
    /// Whether Berth chose the subnet, and may choose another while nobody uses it.
    public var isAutomatic = true

    /// A plan with the first address as the gateway.
    public init(subnet: IPNetwork) {
        self.subnet = subnet.subnet
        gateway = subnet.base.advanced(by: 1) ?? subnet.base
    }

    /// The gateway with the subnet's prefix length.
    public var gatewayNetwork: IPNetwork? { gateway.flatMap { IPNetwork($0, prefixLength: subnet.prefixLength) } }

    /// Addresses no container may have.
    var excluded: Set<IPAddress> {
        var result = Set(reserved.values)
        result.insert(subnet.base)
        // IPv6 has no broadcast address.
        if subnet.address.bitCount == 32 { result.insert(subnet.last) }
        if let gateway { result.insert(gateway) }
        return result
    }

    /// How many containers the plan has room for.
    var room: Int {
        let place = range ?? subnet
        return place.size == Int.max ? Int.max : place.size - excluded.filter { place.contains($0) }.count
    }
}

extension AddressPlan {
    var json: JSONValue {
        var object = JSONObject([("subnet", .string(subnet.description)), ("automatic", .bool(isAutomatic))])
        object["gateway"] = gateway.map { .string($0.description) }
        object["range"] = range.map { .string($0.description) }
        if !reserved.isEmpty { object["reserved"] = JSONValue(reserved.mapValues(\.description)) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        func invalid(_ key: String) -> JSONError { JSONError(path: [key], problem: "makes no sense") }
        guard let subnet = IPNetwork(try object.string("subnet") ?? "") else { throw invalid("subnet") }
        self.subnet = subnet.subnet
        if let text = try object.string("gateway") {
            guard let gateway = IPAddress(text), subnet.contains(gateway) else { throw invalid("gateway") }
            self.gateway = gateway
        }
        if let text = try object.string("range") {
            guard let range = IPNetwork(text), subnet.contains(range.address) else { throw invalid("range") }
            self.range = range.subnet
        }
        for (name, text) in try object.stringMap("reserved") ?? [:] {
            guard let address = IPAddress(text) else { throw invalid("reserved") }
            reserved[name] = address
        }
        isAutomatic = try object.bool("automatic") ?? true
    }
}
