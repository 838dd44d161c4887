import LinuxKernel
import Netlink

/// A network that a user asks for with `network create`.
public struct NetworkRequest: Sendable {
    /// Its name.
    public var name: String
    /// How containers are connected.
    public var driver = NetworkRecord.Driver.bridge
    /// Subnets, at most one of each family; without one Berth chooses.
    public var subnets: [IPNetwork] = []
    /// The ways out, each in one of the subnets.
    public var gateways: [IPAddress] = []
    /// Parts of the subnets to choose addresses from.
    public var ranges: [IPNetwork] = []
    /// Addresses that belong to something else, by the user's word for it.
    public var reserved: [String: IPAddress] = [:]
    /// Whether containers get IPv4 addresses.
    public var usesIPv4 = true
    /// Whether containers get IPv6 addresses.
    public var usesIPv6 = false
    /// Whether members are kept from the world.
    public var isInternal = false
    /// The user's labels.
    public var labels: [String: String] = [:]
    /// `--opt KEY=VALUE`.
    public var options: [String: String] = [:]

    /// A bridge network with everything at its default.
    public init(name: String) { self.name = name }
}

extension NetworkRequest {
    private func refusal(_ object: String, _ cause: String, _ remedy: String) -> NetworkError {
        NetworkError(operation: "create the network", object: object, cause: cause, remedy: remedy)
    }

    /// Turns the request into a record, subnets that Berth is to choose left out.
    ///
    /// - Throws: ``NetworkError`` for what contradicts itself.
    func record(id: String, bridge: String) throws(NetworkError) -> NetworkRecord {
        var record = NetworkRecord(name: name, id: id, bridge: bridge)
        record.driver = driver
        record.allowsOutside = !isInternal
        record.labels = labels
        record.options = options
        for (key, value) in options.sorted(by: { $0.key < $1.key }) { try apply(key, value, to: &record) }
        if driver == .macvlan, options["parent"] == nil {
            throw refusal(name, "macvlan needs a network card", "name it with --opt parent=eth0")
        }
        guard usesIPv4 || usesIPv6 else {
            throw refusal(name, "it would have neither IPv4 nor IPv6", "leave one of them on")
        }
        for subnet in subnets {
            let isSix = subnet.address.bitCount == 128
            guard isSix ? usesIPv6 : usesIPv4 else {
                throw refusal("\(subnet)", "the network has no IPv\(isSix ? 6 : 4)", "add --ipv\(isSix ? 6 : 4)")
            }
            guard isSix ? record.v6 == nil : record.v4 == nil else {
                throw refusal("\(subnet)", "a network has one subnet of each family", "leave one of them out")
            }
            try check(subnet)
            var plan = AddressPlan(subnet: subnet)
            plan.isAutomatic = false
            if isSix { record.v6 = plan } else { record.v4 = plan }
        }
        try place(&record)
        return record
    }

    private func check(_ subnet: IPNetwork) throws(NetworkError) {
        guard subnet.address == subnet.base else {
            throw refusal("\(subnet)", "it is an address inside a subnet", "write \(subnet.subnet)")
        }
        let longest = subnet.address.bitCount == 32 ? 30 : 126
        guard (8...longest).contains(subnet.prefixLength) else {
            throw refusal("\(subnet)", "a subnet here has a prefix of 8 to \(longest) bits", "choose another")
        }
        let forbidden = ["127.0.0.0/8", "224.0.0.0/3", "0.0.0.0/8", "::/8", "fe80::/10", "ff00::/8"].compactMap {
            IPNetwork($0)
        }
        if let wrong = forbidden.first(where: { $0.overlaps(subnet) }) {
            throw refusal("\(subnet)", "\(wrong) is not for networks", "choose another, or none")
        }
    }

    /// Puts gateways, ranges and reserved addresses where they belong.
    private func place(_ record: inout NetworkRecord) throws(NetworkError) {
        func inside(_ address: IPAddress, _ what: String) throws(NetworkError) -> Bool {
            if let plan = record.v4, plan.subnet.contains(address) { return false }
            if let plan = record.v6, plan.subnet.contains(address) { return true }
            throw refusal("\(address)", "the \(what) is in no subnet of the network", "give its subnet with --subnet")
        }
        var given = Set<Bool>()
        for gateway in gateways {
            let isSix = try inside(gateway, "gateway")
            guard given.insert(isSix).inserted else {
                throw refusal("\(gateway)", "there are two gateways", "leave one out")
            }
            if isSix { record.v6?.gateway = gateway } else { record.v4?.gateway = gateway }
        }
        given = []
        for range in ranges {
            let isSix = try inside(range.address, "range")
            guard given.insert(isSix).inserted else {
                throw refusal("\(range)", "there are two ranges", "leave one out")
            }
            let subnet = isSix ? record.v6?.subnet : record.v4?.subnet
            guard let subnet, range.prefixLength >= subnet.prefixLength else {
                throw refusal("\(range)", "the range is larger than its subnet", "choose a part of the subnet")
            }
            if isSix { record.v6?.range = range.subnet } else { record.v4?.range = range.subnet }
        }
        for (word, address) in reserved.sorted(by: { $0.key < $1.key }) {
            if try inside(address, "reserved address") {
                record.v6?.reserved[word] = address
            } else {
                record.v4?.reserved[word] = address
            }
        }
        for plan in record.plans {
            if let gateway = plan.gateway {
                if gateway == plan.subnet.base || gateway.bitCount == 32 && gateway == plan.subnet.last {
                    throw refusal(
                        "\(gateway)", "it is the subnet's own address", "choose one between the first and the last")
                }
                if plan.reserved.values.contains(gateway) {
                    throw refusal("\(gateway)", "it is both gateway and reserved", "leave one of them out")
                }
            }
            if plan.room < 1 {
                throw refusal("\(plan.range ?? plan.subnet)", "no address is left for a container", "make it larger")
            }
        }
    }

    private func boolean(_ key: String, _ value: String) throws(NetworkError) -> Bool {
        switch value {
        case "1", "t", "T", "true", "TRUE", "True": return true
        case "0", "f", "F", "false", "FALSE", "False": return false
        default:
            throw refusal("option \(key)", "\"\(Self.shown(value))\" is neither true nor false", "write true or false")
        }
    }

    private static func shown(_ text: String) -> String {
        String(decoding: text.utf8.prefix(64).map { $0 < 32 || $0 > 126 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }

    /// Docker's options and the short names that Podman has for them.
    private func apply(_ key: String, _ value: String, to record: inout NetworkRecord) throws(NetworkError) {
        switch (driver, key) {
        case (_, "com.docker.network.driver.mtu"), (_, "mtu"):
            // IPv6 needs 1,280 (RFC 8200); a veth takes 65,535.
            let least: UInt32 = usesIPv6 ? 1280 : 68
            guard let mtu = UInt32(value), (least...65535).contains(mtu) else {
                throw refusal(
                    "option \(key)", "\"\(Self.shown(value))\" is not a packet size from \(least) to 65535", "")
            }
            record.mtu = mtu
        case (.bridge, "com.docker.network.bridge.name"):
            guard Self.isInterfaceName(value) else {
                throw refusal(
                    "option \(key)", "\"\(Self.shown(value))\" is no name for an interface",
                    "use at most 15 letters and digits")
            }
            record.bridge = value
        case (.bridge, "com.docker.network.bridge.enable_icc"), (.bridge, "icc"):
            record.allowsMembers = try boolean(key, value)
        case (.bridge, "com.docker.network.bridge.enable_ip_masquerade"), (.bridge, "masquerade"):
            record.masquerades = try boolean(key, value)
        case (.bridge, "com.docker.network.bridge.host_binding_ipv4"), (.bridge, "publish"):
            guard let address = IPAddress(value), key == "publish" || address.bitCount == 32 else {
                throw refusal("option \(key)", "\"\(Self.shown(value))\" is no address", "write one such as 127.0.0.1")
            }
            record.publishAddress = address
        case (.bridge, "isolate"): record.isIsolated = try boolean(key, value)
        case (.bridge, "link-local"): record.allowsLinkLocal = try boolean(key, value)
        case (.macvlan, "parent"):
            guard Self.isInterfaceName(value) else {
                throw refusal(
                    "option parent", "\"\(Self.shown(value))\" is no name of an interface", "`ip link` lists them")
            }
            record.bridge = value
        case (.macvlan, "macvlan_mode"), (.macvlan, "mode"):
            guard MacvlanMode(rawValue: value) != nil else {
                throw refusal(
                    "option \(key)", "\"\(Self.shown(value))\" is no mode", "use bridge, private, vepa or passthru")
            }
            record.macvlanMode = value
        default:
            throw refusal(
                "option \(Self.shown(key))", "networks of the driver \(driver.rawValue) have no such option here",
                "see docs/network.md for those there are")
        }
    }

    static func isInterfaceName(_ name: String) -> Bool {
        // What dev_valid_name() in the kernel takes, and nothing that nft would read as more than a word.
        (1...15).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
            }
    }
}
