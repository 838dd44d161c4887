import ContainerNetwork
import JSON
import Netlink

/// What a container wants of networks and names, beyond its published ports.
public struct ContainerNetworking: Sendable, Equatable {
    /// The networks in the order of their interfaces; none for `none`, `host` and `container:ID`.
    public var attachments: [Attachment] = []
    /// Domains that short names are tried in; nil takes the host's.
    public var searchDomains: [String]?
    /// Options for `resolv.conf`; nil takes the host's.
    public var resolverOptions: [String]?
    /// Whether the container has a name server of its own: then it gets no other on port 53.
    public var servesNames = false
    /// Whether it was disconnected from all of its networks.
    public var isDetached = false

    /// Everything at its default.
    public init() {}

    var json: JSONValue {
        var object = JSONObject([
            (
                "attachments",
                .array(
                    attachments.map { attachment in
                        var entry = JSONObject([("network", .string(attachment.network))])
                        entry["ip"] = attachment.address4.map { .string($0.description) }
                        entry["ip6"] = attachment.address6.map { .string($0.description) }
                        entry["mac"] = attachment.macAddress.map { .string($0.description) }
                        if !attachment.aliases.isEmpty { entry["aliases"] = JSONValue(attachment.aliases) }
                        return .object(entry)
                    })
            )
        ])
        if servesNames { object["servesNames"] = true }
        if isDetached { object["detached"] = true }
        object["search"] = searchDomains.map { JSONValue($0) }
        object["options"] = resolverOptions.map { JSONValue($0) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        attachments =
            try object.decodeArray("attachments") { (entry) throws(JSONError) in
                var attachment = Attachment(network: try entry.required("network", entry.string("network")))
                attachment.address4 = try entry.string("ip").flatMap { IPAddress($0) }
                attachment.address6 = try entry.string("ip6").flatMap { IPAddress($0) }
                attachment.macAddress = try entry.string("mac").flatMap { MACAddress($0) }
                attachment.aliases = try entry.strings("aliases") ?? []
                return attachment
            } ?? []
        servesNames = try object.bool("servesNames") ?? false
        isDetached = try object.bool("detached") ?? false
        searchDomains = try object.strings("search")
        resolverOptions = try object.strings("options")
    }
}

extension ContainerRecord {
    /// Whether the container has interfaces in networks of this engine.
    public var joinsNetworks: Bool { network != "none" && network != "host" && sharedNetworkContainer == nil }

    /// The ID of the container whose network this one shares (`--network container:NAME`).
    public var sharedNetworkContainer: String? {
        let prefix = "container:"
        return network.utf8.starts(with: prefix.utf8) ? String(network.utf8.dropFirst(prefix.utf8.count)) : nil
    }

    /// The networks it joins.
    public var attachments: [Attachment] {
        if !joinsNetworks || networking.isDetached { return [] }
        return networking.attachments.isEmpty ? [Attachment(network: network)] : networking.attachments
    }

    /// What it is called in all of its networks: its name, its short ID, its host name.
    public var networkNames: [String] {
        var names = [name, ContainerID.short(id)]
        if !names.contains(hostname) { names.append(hostname) }
        return names
    }
}
