import Netlink

/// The network that a process sees, and how packets get to it.
public struct NetworkPart: Sendable {
    /// It is the host's own: then nothing of it is listed.
    public var isHost: Bool
    public var interfaces: [Interface] = []
    /// Sockets that wait for connections or datagrams, of all processes of the namespace.
    public var listeners: [Listener] = []
    /// Published ports, each the way of a packet.
    public var ways: [Way] = []
    /// What could not be looked at, and why.
    public var gaps: [String] = []

    /// An interface in the namespace.
    public struct Interface: Sendable {
        public var index: Int32
        public var name: String
        /// "veth", "macvlan"; nil for hardware and the loopback interface.
        public var kind: String?
        public var macAddress: String
        public var isUp: Bool
        public var addresses: [IPNetwork]
        /// The other end of a veth pair, on the host.
        public var hostEnd: String?
        /// The bridge that end is a port of.
        public var bridge: String?
    }

    /// A waiting socket, and who holds it.
    public struct Listener: Sendable {
        public var socket: ListeningSocket
        public var pid: Int32?
        public var process: String?
    }

    /// From a port of the host to a process.
    public struct Way: Sendable, Equatable {
        /// What sends packets on: "nft table berth map published_any", "process 12 (docker-proxy)".
        public var by: String
        public var proto: String
        /// 0.0.0.0 and :: are all of the host's.
        public var hostAddress: IPAddress
        public var hostPort: UInt16
        public var address: IPAddress
        public var port: UInt16
    }

    /// The interface that has an address.
    public func interface(with address: IPAddress) -> Interface? {
        interfaces.first { $0.addresses.contains { $0.address == address } }
    }

    /// Who waits at the end of a way.
    public func listener(of way: Way) -> Listener? {
        listeners.first { $0.socket.takes(way.address, way.port, way.proto) }
    }
}
