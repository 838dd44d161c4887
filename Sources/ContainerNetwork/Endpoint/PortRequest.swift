import LinuxKernel
import Netlink

/// A transport protocol with ports.
public enum PortProtocol: String, Sendable, Hashable, CaseIterable {
    case tcp, udp, sctp

    /// The number in an IP header.
    public var number: UInt8 {
        switch self {
        case .tcp: 6
        case .udp: 17
        case .sctp: 132
        }
    }

    var transport: PortSocket.Transport {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        case .sctp: .sctp
        }
    }
}

/// One container port that is to be reachable from the host's side.
public struct PortRequest: Sendable, Hashable, CustomStringConvertible {
    /// The host's address it is published on; nil is where the network or the engine publishes by default.
    public var hostAddress: IPAddress?
    /// The host ports that will do, the first free one is taken; nil lets the kernel choose one.
    public var hostPorts: ClosedRange<UInt16>?
    /// The port in the container.
    public var containerPort: UInt16
    /// The protocol.
    public var portProtocol: PortProtocol

    /// A request; `hostPort` 0 lets the kernel choose.
    public init(
        hostAddress: IPAddress? = nil, hostPort: UInt16 = 0, containerPort: UInt16, portProtocol: PortProtocol = .tcp
    ) {
        self.hostAddress = hostAddress
        hostPorts = hostPort == 0 ? nil : hostPort...hostPort
        self.containerPort = containerPort
        self.portProtocol = portProtocol
    }

    public var description: String {
        let host =
            hostPorts.map {
                $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
            } ?? ""
        let address = hostAddress.map { $0.bitCount == 128 ? "[\($0)]:" : "\($0):" } ?? ""
        return "\(address)\(host):\(containerPort)/\(portProtocol.rawValue)"
    }
}

/// Why a `-p` argument cannot be read: a clause in Docker's words.
public struct PortSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
}

extension PortRequest {
    /// Reads Docker's `-p` argument: `[[ADDRESS:][HOSTPORT[-LAST]]:]PORT[-LAST][/PROTOCOL]`.
    ///
    /// Ranges of equal length are matched in order; a host range for one container port offers a choice. The address may be
    /// IPv6, with or without brackets: the last two colons count.
    public static func parse(_ text: String) throws(PortSyntaxError) -> [PortRequest] {
        guard text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            throw PortSyntaxError(description: "it holds control characters")
        }
        var rest = Array(text.utf8)[...]
        var portProtocol = PortProtocol.tcp
        if let slash = rest.lastIndex(of: UInt8(ascii: "/")) {
            let name = String(decoding: rest[(slash + 1)...], as: UTF8.self).lowercased()
            guard let known = PortProtocol(rawValue: name.isEmpty ? "tcp" : name) else {
                throw PortSyntaxError(description: "invalid proto: \(name)")
            }
            portProtocol = known
            rest = rest[..<slash]
        }
        let parts = rest.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        func word(_ index: Int) -> String { String(decoding: parts[index], as: UTF8.self) }
        guard let last = parts.last, !last.isEmpty else {
            throw PortSyntaxError(description: "no port specified: \(text)")
        }
        guard let container = range(last) else {
            throw PortSyntaxError(description: "invalid containerPort: \(word(parts.count - 1))")
        }
        var host: ClosedRange<UInt16>?
        if parts.count > 1, case let hostText = parts[parts.count - 2], !hostText.isEmpty,
            !hostText.elementsEqual([UInt8(ascii: "0")])
        {
            guard let found = range(hostText) else {
                throw PortSyntaxError(description: "invalid hostPort: \(word(parts.count - 2))")
            }
            host = found
        }
        // Plain arithmetic: ranges used as collections cost a cold start more page faults than the parsing itself.
        let count = Int(container.upperBound) - Int(container.lowerBound)
        if let host, Int(host.upperBound) - Int(host.lowerBound) != count, count != 0 {
            throw PortSyntaxError(
                description:
                    "invalid ranges specified for container and host Ports: \(word(parts.count - 1)) and \(word(parts.count - 2))"
            )
        }
        let address = try address(parts)
        var result: [PortRequest] = []
        for index in 0...count {
            var request = PortRequest(
                hostAddress: address, containerPort: container.lowerBound + UInt16(index), portProtocol: portProtocol)
            if let host {
                request.hostPorts =
                    count == 0 ? host : host.lowerBound + UInt16(index)...host.lowerBound + UInt16(index)
            }
            result.append(request)
        }
        return result
    }

    /// What stands before the last two colons.
    private static func address(_ parts: [ArraySlice<UInt8>]) throws(PortSyntaxError) -> IPAddress? {
        guard parts.count > 2 else { return nil }
        var inner = Array(parts[..<(parts.count - 2)].joined(separator: [UInt8(ascii: ":")]))
        if inner.isEmpty { return nil }
        let shown = String(decoding: inner, as: UTF8.self)
        let bracketed = inner.first == UInt8(ascii: "[") && inner.last == UInt8(ascii: "]") && inner.count > 1
        if bracketed { inner = Array(inner.dropFirst().dropLast()) }
        guard let address = IPAddress(String(decoding: inner, as: UTF8.self)), !bracketed || address.bitCount == 128
        else {
            throw PortSyntaxError(description: "invalid IP address: \(shown)")
        }
        return address
    }

    private static func range(_ text: ArraySlice<UInt8>) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count <= 2, let first = port(ends[0]), let last = port(ends[ends.count - 1]), first <= last else {
            return nil
        }
        return first...last
    }

    private static func port(_ text: ArraySlice<UInt8>) -> UInt16? {
        guard (1...5).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt16(String(decoding: text, as: UTF8.self)), number > 0
        else { return nil }
        return number
    }

    /// Reads `--expose PORT[-LAST][/PROTOCOL]`: `80/tcp` each.
    public static func exposed(_ text: String) throws(PortSyntaxError) -> [String] {
        guard !text.utf8.contains(UInt8(ascii: ":")) else {
            throw PortSyntaxError(description: "invalid port format for --expose: \(text)")
        }
        do throws(PortSyntaxError) {
            return try parse(text).map { "\($0.containerPort)/\($0.portProtocol.rawValue)" }
        } catch {
            throw PortSyntaxError(description: "invalid range format for --expose: \(text)")
        }
    }
}
