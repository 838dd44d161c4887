import JSON
import LinuxKernel
import Netlink

/// A network as it is kept: `networks/NAME.json` in the directory that outlives the boot.
struct NetworkRecord: Sendable, Equatable {
    /// Its name.
    var name: String
    /// The bridge's name.
    var bridge: String
    /// The IPv4 subnet.
    var subnet: IPNetwork
    /// The bridge's address in it.
    var gateway: IPAddress
    /// Whether Berth chose the subnet, and may choose another while nobody uses it.
    var isAutomatic = true
    /// Whether members may talk to one another.
    var allowsMembers = true
    /// Whether members may talk to the world.
    var allowsOutside = true
    /// Whether what members send to the world carries the host's address.
    var masquerades = true
    /// Largest packet in bytes; nil takes it from the host's default route.
    var mtu: UInt32?

    /// A bridge network with the first address of the subnet as its gateway.
    init(name: String, bridge: String, subnet: IPNetwork) {
        self.name = name
        self.bridge = bridge
        self.subnet = subnet.subnet
        gateway = subnet.base.advanced(by: 1) ?? subnet.base
    }

    /// The bridge's own address.
    var bridgeAddress: IPNetwork? { IPNetwork(gateway, prefixLength: subnet.prefixLength) }

    /// The bridge's link-layer address: fixed, since members know it for good.
    var bridgeMAC: MACAddress { MACAddress(for: gateway) }

    var json: JSONValue {
        var object = JSONObject([
            ("version", 1), ("name", .string(name)), ("driver", "bridge"), ("bridge", .string(bridge)),
            ("subnet", .string(subnet.description)), ("gateway", .string(gateway.description)),
            ("automatic", .bool(isAutomatic)), ("interContainer", .bool(allowsMembers)),
            ("internal", .bool(!allowsOutside)), ("masquerade", .bool(masquerades)),
        ])
        if let mtu { object["mtu"] = JSONValue(mtu) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        name = try object.required("name", try object.string("name"))
        bridge = try object.required("bridge", try object.string("bridge"))
        guard let subnet = IPNetwork(try object.string("subnet") ?? "") else {
            throw JSONError(path: ["subnet"], problem: "makes no sense")
        }
        guard let gateway = IPAddress(try object.string("gateway") ?? ""), subnet.contains(gateway) else {
            throw JSONError(path: ["gateway"], problem: "makes no sense")
        }
        self.subnet = subnet.subnet
        self.gateway = gateway
        isAutomatic = try object.bool("automatic") ?? true
        allowsMembers = try object.bool("interContainer") ?? true
        allowsOutside = !(try object.bool("internal") ?? false)
        masquerades = try object.bool("masquerade") ?? true
        mtu = try object.integer("mtu")
    }
}

/// The networks of one engine.
struct NetworkRecords: Sendable {
    /// The directory of the files.
    let directory: String

    /// The network with this name, nil when there is none.
    func read(_ name: String) throws(NetworkError) -> NetworkRecord? {
        let path = "\(directory)/\(name).json"
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(path, limit: 1 << 20) } catch {
            if error == .noSuchFile { return nil }
            throw NetworkError("read the network", name, error)
        }
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw JSONError(problem: "an object was expected")
            }
            return try NetworkRecord(object)
        } catch {
            throw NetworkError(
                operation: "read the network", object: name, cause: "\(path): \(error)",
                remedy: "repair or remove that file")
        }
    }

    /// Writes a network, safely through a crash of the machine.
    func write(_ record: NetworkRecord) throws(NetworkError) {
        do throws(Errno) {
            try Files.replace(
                "\(directory)/\(record.name).json", with: record.json.serialized(indent: 2), synchronize: true)
        } catch { throw NetworkError("record the network", record.name, error) }
    }

    /// The names of all networks, sorted.
    func names() -> [String] {
        guard let opened = try? Files.open(directory, [.readOnly, .directory]),
            let entries = try? opened.directoryEntries()
        else { return [] }
        return entries.compactMap { entry in
            let name = entry.name.description
            return name.hasSuffix(".json") ? String(name.dropLast(5)) : nil
        }.sorted()
    }
}
