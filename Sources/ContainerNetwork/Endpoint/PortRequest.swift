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
    /// The host's address it is published on; 0.0.0.0 is all of them.
    public var hostAddress: IPAddress
    /// The host ports that will do, the first free one is taken; nil lets the kernel choose one.
    public var hostPorts: ClosedRange<UInt16>?
    /// The port in the container.
    public var containerPort: UInt16
    /// The protocol.
    public var portProtocol: PortProtocol

    /// A request; `hostPort` 0 lets the kernel choose.
    public init(
        hostAddress: IPAddress = .anyV4, hostPort: UInt16 = 0, containerPort: UInt16, portProtocol: PortProtocol = .tcp
    ) {
        self.hostAddress = hostAddress
        hostPorts = hostPort == 0 ? nil : hostPort...hostPort
        self.containerPort = containerPort
        self.portProtocol = portProtocol
    }

    public var description: String {
        let host = hostPorts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" } ?? ""
        return "\(hostAddress):\(host):\(containerPort)/\(portProtocol.rawValue)"
    }

    /// Reads Docker's `-p` argument: `[[HOSTADDRESS:][HOSTPORT[-LAST]]:]PORT[-LAST][/PROTOCOL]`. Ranges of equal length
    /// are matched in order; a host range for one container port offers a choice.
    ///
    /// - Throws: ``NetworkError`` that quotes the argument.
    public static func parse(_ text: String, defaultAddress: IPAddress = .anyV4) throws(NetworkError) -> [PortRequest] {
        func refusal(_ cause: String) -> NetworkError {
            NetworkError(
                operation: "publish", object: "\"\(text)\"", cause: cause,
                remedy: "write it as [ADDRESS:][HOSTPORT:]PORT[/tcp|udp|sctp], for example 127.0.0.1:8080:80")
        }
        var rest = text[...]
        var portProtocol = PortProtocol.tcp
        if let slash = rest.lastIndex(of: "/") {
            let name = rest[rest.index(after: slash)...].lowercased()
            guard let known = PortProtocol(rawValue: name) else { throw refusal("\"\(name)\" is not a protocol") }
            portProtocol = known
            rest = rest[..<slash]
        }
        var address = defaultAddress
        var parts: [Substring]
        if rest.hasPrefix("[") {
            guard let close = rest.firstIndex(of: "]") else { throw refusal("the bracket is not closed") }
            let inner = rest[rest.index(after: rest.startIndex)..<close]
            guard let parsed = IPAddress(inner), inner.contains(":") else {
                throw refusal("\"\(inner)\" is not an IPv6 address")
            }
            address = parsed
            rest = rest[rest.index(after: close)...]
            guard rest.hasPrefix(":") else { throw refusal("a container port is missing") }
            parts = rest.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
        } else {
            parts = rest.split(separator: ":", omittingEmptySubsequences: false)
            if parts.count == 3 {
                let host = parts.removeFirst()
                if !host.isEmpty {
                    guard let parsed = IPAddress(host) else { throw refusal("\"\(host)\" is not an address") }
                    address = parsed
                }
            }
        }
        guard (1...2).contains(parts.count), let last = parts.last else { throw refusal("it has too many colons") }
        guard let container = range(last) else {
            throw refusal("\"\(last)\" is not a port from 1 to 65535 or a range of them")
        }
        var host: ClosedRange<UInt16>?
        if parts.count == 2, !parts[0].isEmpty, parts[0] != "0" {
            guard let parsed = range(parts[0]) else {
                throw refusal("\"\(parts[0])\" is not a port from 1 to 65535 or a range of them")
            }
            host = parsed
        }
        if let host, host.count != container.count, container.count != 1 {
            throw refusal("the two ranges have different lengths")
        }
        return container.enumerated().map { index, port in
            var request = PortRequest(hostAddress: address, containerPort: port, portProtocol: portProtocol)
            if let host {
                let own = host.lowerBound + UInt16(index)
                request.hostPorts = container.count == 1 ? host : own...own
            }
            return request
        }
    }

    private static func range(_ text: Substring) -> ClosedRange<UInt16>? {
        func port(_ text: Substring) -> UInt16? {
            guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = UInt16(text), number > 0
            else { return nil }
            return number
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = ends.first.flatMap(port) else { return nil }
        if ends.count == 1 { return first...first }
        guard ends.count == 2, let last = port(ends[1]), last >= first else { return nil }
        return first...last
    }
}

/// A published port of an endpoint. `hostPort` is 0 until ``NetworkEngine/holdPorts(_:ownerName:)`` has chosen one.
public struct PublishedPort: Sendable, Hashable, CustomStringConvertible {
    /// What was asked for.
    public var request: PortRequest
    /// The port on the host.
    public var hostPort: UInt16

    /// As `docker port` prints it: `0.0.0.0:8080`.
    public var hostText: String {
        "\(request.hostAddress.bitCount == 128 ? "[\(request.hostAddress)]" : "\(request.hostAddress)"):\(hostPort)"
    }

    public var description: String { "\(hostText)->\(request.containerPort)/\(request.portProtocol.rawValue)" }
}
