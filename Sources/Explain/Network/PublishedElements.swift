import Netlink

/// Elements of the maps that publish ports, as the kernel gives them.
enum PublishedElements {
    /// The maps, each with whether its addresses are of IPv6 and whether its keys have one at all.
    static let maps: [(name: String, isIPv6: Bool, hasAddress: Bool)] = [
        ("published", false, true), ("published_any", false, false), ("published6", true, true),
        ("published6_any", true, false),
    ]

    /// Reads `[address .] protocol . port : address . port`, each part padded to four bytes. Nil for another form.
    static func way(_ element: SetElement, isIPv6: Bool, hasAddress: Bool, by: String) -> NetworkPart.Way? {
        let length = isIPv6 ? 16 : 4
        let key = element.key
        guard let data = element.data, key.count == (hasAddress ? length : 0) + 8, data.count == length + 4 else {
            return nil
        }
        let rest = hasAddress ? key[length...] : key[...]
        guard let hostAddress = hasAddress ? IPAddress(bytes: key[..<length]) : (isIPv6 ? .anyV6 : .anyV4),
            let address = IPAddress(bytes: data[..<length])
        else { return nil }
        let number = rest[rest.startIndex]
        let proto = [6: "tcp", 17: "udp", 132: "sctp"][number] ?? "protocol \(number)"
        return NetworkPart.Way(
            by: by, proto: proto, hostAddress: hostAddress, hostPort: port(rest.dropFirst(4)), address: address,
            port: port(data[length...]))
    }

    private static func port(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        bytes.prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
    }
}

/// A helper process that passes a published port on, told by its arguments.
enum ForwarderArguments {
    /// `docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 80 -container-ip 172.17.0.2 -container-port 80`.
    static func way(_ arguments: [String], pid: Int32) -> NetworkPart.Way? {
        guard let program = arguments.first,
            program.utf8.split(separator: 47).last.map({ String($0) }) == "docker-proxy"
        else {
            return nil
        }
        func value(_ name: String) -> String? {
            guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else { return nil }
            return arguments[place + 1]
        }
        guard let proto = value("-proto"), let host = value("-host-ip").flatMap({ IPAddress($0) }),
            let hostPort = value("-host-port").flatMap({ UInt16($0) }),
            let address = value("-container-ip").flatMap({ IPAddress($0) }),
            let port = value("-container-port").flatMap({ UInt16($0) })
        else { return nil }
        return NetworkPart.Way(
            by: "process \(pid) (docker-proxy)", proto: proto, hostAddress: host, hostPort: hostPort, address: address,
            port: port)
    }
}
