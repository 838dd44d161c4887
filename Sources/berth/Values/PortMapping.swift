import CommandLine

/// A container port to be reachable from the host, as asked for with `-p`.
struct PortMapping: Sendable, Equatable {
    enum Transport: String, Sendable { case tcp, udp, sctp }

    /// The host's address; nil is every address.
    var hostAddress: String?
    /// The host ports that will do, the first free one is taken; nil leaves the choice to the engine.
    var hostPorts: ClosedRange<UInt16>?
    var containerPort: UInt16
    var transport = Transport.tcp

    /// Reads `[[ADDRESS:][HOSTPORT[-LAST]]:]PORT[-LAST][/PROTOCOL]`.
    ///
    /// Ranges of equal length are matched in order; a host range for one container port offers a choice. The address may
    /// be IPv6, with or without brackets: the last two colons count.
    static func parse(_ text: String) throws(ValueError) -> [PortMapping] {
        try MountRequest.refuseControlCharacters(text)
        var rest = text
        var transport = Transport.tcp
        if let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) {
            let name = String(decoding: text.utf8[text.utf8.index(after: slash)...], as: UTF8.self).lowercased()
            guard let known = Transport(rawValue: name.isEmpty ? "tcp" : name) else {
                throw ValueError("invalid proto: \(name)")
            }
            transport = known
            rest = String(decoding: text.utf8[..<slash], as: UTF8.self)
        }
        let parts = ByteText.fields(rest, by: ":")
        guard let containerText = parts.last, !containerText.isEmpty else {
            throw ValueError("no port specified: \(text)")
        }
        guard let container = range(containerText) else { throw ValueError("invalid containerPort: \(containerText)") }
        var host: ClosedRange<UInt16>?
        if parts.count > 1, case let hostText = parts[parts.count - 2], !hostText.isEmpty, hostText != "0" {
            guard let found = range(hostText) else { throw ValueError("invalid hostPort: \(hostText)") }
            host = found
        }
        // Plain arithmetic: ranges used as collections cost a cold start more page faults than the parsing itself.
        let count = Int(container.upperBound) - Int(container.lowerBound)
        if let host, Int(host.upperBound) - Int(host.lowerBound) != count, count != 0 {
            throw ValueError(
                "invalid ranges specified for container and host Ports: \(containerText) and \(parts[parts.count - 2])")
        }
        let address = try address(parts)
        var result: [PortMapping] = []
        for index in 0...count {
            var hostPorts = host
            if let host, count > 0 {
                let own = host.lowerBound + UInt16(index)
                hostPorts = own...own
            }
            result.append(
                PortMapping(
                    hostAddress: address, hostPorts: hostPorts, containerPort: container.lowerBound + UInt16(index),
                    transport: transport))
        }
        return result
    }

    /// What stands before the last two colons.
    private static func address(_ parts: [String]) throws(ValueError) -> String? {
        guard parts.count > 2 else { return nil }
        let text = parts[..<(parts.count - 2)].joined(separator: ":")
        if text.isEmpty { return nil }
        let inner = ByteText.unwrapped(text, "[", "]")
        if let inner, !ByteText.holds(inner, ":") { throw ValueError("invalid IP address: \(text)") }
        guard AddressText.isValid(inner ?? text) else { throw ValueError("invalid IP address: \(text)") }
        return inner ?? text
    }

    private static func range(_ text: String) -> ClosedRange<UInt16>? {
        let ends = ByteText.fields(text, by: "-")
        guard ends.count <= 2, let first = port(ends[0]), let last = port(ends[ends.count - 1]), first <= last else {
            return nil
        }
        return first...last
    }

    private static func port(_ text: String) -> UInt16? {
        guard text.utf8.count <= 5, let number = NumberValue.plain(text, limit: 65535), number > 0 else { return nil }
        return UInt16(number)
    }

    /// Reads `--expose PORT[-LAST][/PROTOCOL]`: "80/tcp" each.
    static func exposed(_ text: String) throws(ValueError) -> [String] {
        guard !ByteText.holds(text, ":") else {
            throw ValueError("invalid port format for --expose: \(printable(text))")
        }
        do throws(ValueError) {
            return try parse(text).map { "\($0.containerPort)/\($0.transport.rawValue)" }
        } catch {
            throw ValueError("invalid range format for --expose: \(printable(text))")
        }
    }
}
