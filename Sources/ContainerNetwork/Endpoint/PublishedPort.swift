import JSON
import Netlink

/// A published port of an endpoint, on one address of the host. `hostPort` is 0 until
/// ``NetworkEngine/holdPorts(_:ownerName:)`` has chosen one.
public struct PublishedPort: Sendable, Hashable, CustomStringConvertible {
    /// How packets get from the host's address to the container.
    public enum Way: String, Sendable {
        /// The kernel rewrites them.
        case kernel
        /// The kernel does, but for [::1], where the container's monitor listens and passes streams on.
        case kernelAndMonitor
        /// The monitor alone: an IPv6 address of the host, and a container without IPv6.
        case monitor
    }

    /// What was asked for.
    public var request: PortRequest
    /// The address it is published on; 0.0.0.0 and [::] are all of their family.
    public var hostAddress: IPAddress
    /// The port on the host.
    public var hostPort: UInt16
    /// How packets get to the container.
    public var way = Way.kernel

    /// A port on one address.
    public init(request: PortRequest, hostAddress: IPAddress? = nil, hostPort: UInt16, way: Way = .kernel) {
        self.request = request
        self.hostAddress = hostAddress ?? request.hostAddress ?? .anyV4
        self.hostPort = hostPort
        self.way = way
    }

    /// As `docker port` prints it: `0.0.0.0:8080`.
    public var hostText: String {
        "\(hostAddress.bitCount == 128 ? "[\(hostAddress)]" : "\(hostAddress)"):\(hostPort)"
    }

    /// Protocol, address and port on the host: what one container alone can have.
    var hostKey: String { "\(request.portProtocol.rawValue) \(hostText)" }

    public var description: String { "\(hostText)->\(request.containerPort)/\(request.portProtocol.rawValue)" }
}

extension PublishedPort {
    var json: JSONValue {
        var object: JSONObject = JSONObject([
            ("protocol", .string(request.portProtocol.rawValue)), ("hostAddress", .string(hostAddress.description)),
            ("hostPort", JSONValue(hostPort)), ("containerPort", JSONValue(request.containerPort)),
            ("way", .string(way.rawValue)), ("chosen", .bool(request.hostAddress != nil)),
        ])
        if let range = request.hostPorts {
            object["firstHostPort"] = JSONValue(range.lowerBound)
            object["lastHostPort"] = JSONValue(range.upperBound)
        }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        func invalid(_ key: String) -> JSONError { JSONError(path: [key], problem: "makes no sense") }
        guard let known = PortProtocol(rawValue: try object.string("protocol") ?? "") else { throw invalid("protocol") }
        guard let address = IPAddress(try object.string("hostAddress") ?? "") else { throw invalid("hostAddress") }
        guard let containerPort = try object.integer("containerPort", as: UInt16.self) else {
            throw invalid("containerPort")
        }
        guard let way = Way(rawValue: try object.string("way") ?? "kernel") else { throw invalid("way") }
        let chosen = try object.bool("chosen") ?? true
        request = PortRequest(hostAddress: chosen ? address : nil, containerPort: containerPort, portProtocol: known)
        if let first = try object.integer("firstHostPort", as: UInt16.self),
            let last = try object.integer("lastHostPort", as: UInt16.self), first <= last
        {
            request.hostPorts = first...last
        }
        hostAddress = address
        hostPort = try object.integer("hostPort") ?? 0
        self.way = way
    }
}
