import JSON
import LinuxKernel
import Netlink

/// A network as it is kept: `networks/NAME.json` in the directory that outlives the boot.
public struct NetworkRecord: Sendable, Equatable {
    /// How containers are connected.
    public enum Driver: String, Sendable, CaseIterable {
        /// A bridge on the host, with address translation to the world.
        case bridge
        /// Each container is a station of its own beside the host on a network card.
        case macvlan
    }

    /// Its name.
    public var name: String
    /// 64 hexadecimal digits; a network that is made again under the name has another.
    public var id: String
    /// RFC 3339; empty for the default network.
    public var created = ""
    /// How containers are connected.
    public var driver = Driver.bridge
    /// The bridge's name; with macvlan the network card's.
    public var bridge: String
    /// IPv4.
    public var v4: AddressPlan?
    /// IPv6.
    public var v6: AddressPlan?
    /// Whether members may talk to one another.
    public var allowsMembers = true
    /// Whether members may talk to the world.
    public var allowsOutside = true
    /// Whether what members send to the world carries the host's address.
    public var masquerades = true
    /// Whether members may reach link-local addresses beyond the host (169.254.169.254, a cloud's metadata).
    public var allowsLinkLocal = true
    /// Whether members of this and of other networks are kept apart even by published ports.
    public var isIsolated = false
    /// Where ports are published when nothing is said; nil takes the engine's setting.
    public var publishAddress: IPAddress?
    /// `bridge`, `private`, `vepa` or `passthru`.
    public var macvlanMode = "bridge"
    /// Largest packet in bytes; nil takes it from the host's default route.
    public var mtu: UInt32?
    /// The user's labels.
    public var labels: [String: String] = [:]
    /// The options as the user gave them.
    public var options: [String: String] = [:]

    /// A bridge network with the first address of the subnet as its gateway.
    init(name: String, bridge: String, subnet: IPNetwork) {
        self.init(name: name, id: "", bridge: bridge)
        v4 = AddressPlan(subnet: subnet)
    }

    /// A network without addresses yet.
    init(name: String, id: String, bridge: String) {
        self.name = name
        self.id = id
        self.bridge = bridge
    }

    /// The plans there are, IPv4 first.
    public var plans: [AddressPlan] { [v4, v6].compactMap { $0 } }

    /// The bridge's link-layer address: fixed, since members know it for good.
    var bridgeMAC: MACAddress {
        MACAddress(for: v4?.gateway ?? v6?.gateway ?? .v4(UInt32(truncatingIfNeeded: StableHash.number(name))))
    }
}

extension NetworkRecord {
    var json: JSONValue {
        var object = JSONObject([
            ("version", 1), ("name", .string(name)), ("id", .string(id)), ("created", .string(created)),
            ("driver", .string(driver.rawValue)), ("bridge", .string(bridge)),
            ("interContainer", .bool(allowsMembers)), ("internal", .bool(!allowsOutside)),
            ("masquerade", .bool(masquerades)), ("linkLocal", .bool(allowsLinkLocal)), ("isolated", .bool(isIsolated)),
        ])
        object["ipv4"] = v4?.json
        object["ipv6"] = v6?.json
        object["publishAddress"] = publishAddress.map { .string($0.description) }
        if driver == .macvlan { object["mode"] = .string(macvlanMode) }
        if let mtu { object["mtu"] = JSONValue(mtu) }
        if !labels.isEmpty { object["labels"] = JSONValue(labels) }
        if !options.isEmpty { object["options"] = JSONValue(options) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        name = try object.required("name", try object.string("name"))
        id = try object.string("id") ?? ""
        created = try object.string("created") ?? ""
        guard let driver = Driver(rawValue: try object.string("driver") ?? "bridge") else {
            throw JSONError(path: ["driver"], problem: "makes no sense")
        }
        self.driver = driver
        bridge = try object.required("bridge", try object.string("bridge"))
        v4 = try object.decode("ipv4", AddressPlan.init)
        v6 = try object.decode("ipv6", AddressPlan.init)
        // The form of the first release: one subnet.
        if v4 == nil, v6 == nil { v4 = try AddressPlan(object) }
        guard v4.map({ $0.subnet.address.bitCount == 32 }) ?? true,
            v6.map({ $0.subnet.address.bitCount == 128 }) ?? true
        else { throw JSONError(path: ["ipv4"], problem: "is of another family") }
        allowsMembers = try object.bool("interContainer") ?? true
        allowsOutside = !(try object.bool("internal") ?? false)
        masquerades = try object.bool("masquerade") ?? true
        allowsLinkLocal = try object.bool("linkLocal") ?? true
        isIsolated = try object.bool("isolated") ?? false
        publishAddress = try object.string("publishAddress").flatMap { IPAddress($0) }
        macvlanMode = try object.string("mode") ?? "bridge"
        mtu = try object.integer("mtu")
        labels = try object.stringMap("labels") ?? [:]
        options = try object.stringMap("options") ?? [:]
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

    /// Removes a network's record.
    func remove(_ name: String) throws(NetworkError) {
        do throws(Errno) { try Files.unlink("\(directory)/\(name).json") } catch {
            if error != .noSuchFile { throw NetworkError("remove the record of network", name, error) }
        }
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
