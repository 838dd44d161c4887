import ContainerNetwork
import JSON
import LinuxKernel
import Netlink

/// A network in the shape of `docker network inspect`.
struct NetworkInspection {
    let entry: NetworkEntry
    let endpoints: [Endpoint]

    var json: JSONValue {
        let record = entry.record
        var configuration = [JSONValue]()
        for plan in record?.plans ?? [] {
            var object = JSONObject([("Subnet", .string(plan.subnet.description))])
            object["IPRange"] = plan.range.map { .string($0.description) }
            object["Gateway"] = plan.gateway.map { .string($0.description) }
            if !plan.reserved.isEmpty {
                object["AuxiliaryAddresses"] = JSONValue(plan.reserved.mapValues(\.description))
            }
            configuration.append(.object(object))
        }
        var containers = JSONObject()
        for endpoint in endpoints {
            containers[endpoint.containerID] = [
                "Name": .string(endpoint.names.first ?? ""), "EndpointID": .string(endpoint.identifier),
                "MacAddress": .string(endpoint.macAddress.description),
                "IPv4Address": .string(endpoint.v4?.network.description ?? ""),
                "IPv6Address": .string(endpoint.v6?.network.description ?? ""),
            ]
        }
        return [
            "Name": .string(entry.name), "Id": .string(entry.id),
            "Created": .string((record?.created).flatMap { $0.isEmpty ? nil : $0 } ?? WallClock.zero), "Scope": "local",
            "Driver": .string(entry.driver), "EnableIPv4": .bool(record.map { $0.v4 != nil || $0.v6 == nil } ?? true),
            "EnableIPv6": .bool(record?.v6 != nil),
            "IPAM": ["Driver": "default", "Options": nil, "Config": .array(configuration)],
            "Internal": .bool(!(record?.allowsOutside ?? true)), "Attachable": false, "Ingress": false,
            "ConfigFrom": ["Network": ""], "ConfigOnly": false, "Containers": .object(containers),
            "Options": JSONValue(record?.options ?? [:]), "Labels": JSONValue(record?.labels ?? [:]),
        ]
    }
}

extension Engine {
    /// `network inspect` of one network.
    public func networkInspection(_ text: String) throws(EngineError) -> JSONValue {
        let entry = try networkEntry(text)
        if entry.record != nil { try settleMembers(of: entry.name) }
        return NetworkInspection(entry: entry, endpoints: networks.endpoints(in: entry.name)).json
    }
}
