import Netlink

/// What a container wants of one network.
public struct Attachment: Sendable, Equatable {
    /// The network's name.
    public var network: String
    /// The address it insists on; nil lets Berth choose.
    public var address4: IPAddress?
    /// The IPv6 address it insists on; nil lets Berth choose.
    public var address6: IPAddress?
    /// The link-layer address it insists on.
    public var macAddress: MACAddress?
    /// Other names it has in this network.
    public var aliases: [String] = []

    /// A wish for a network, with everything left to Berth.
    public init(network: String) { self.network = network }
}
