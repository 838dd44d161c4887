import Netlink

/// What an engine's owner decides for all of its networks.
public struct NetworkSettings: Sendable, Equatable {
    /// Connections that one container address may have open at once through the host: a quarter of what the kernel tracks by
    /// default (`nf_conntrack_max`).
    public static let defaultConnectionLimit: UInt32 = 65536

    /// Where ports are published when nothing is said; nil is every address, as with Docker. 0.0.0.0 is every IPv4 address,
    /// 127.0.0.1 means [::1] as well.
    public var publishAddress: IPAddress?
    /// Connections that one container address may have open at once through the host; 1 to 10,000,000.
    public var connectionLimit = defaultConnectionLimit

    /// Docker's behaviour.
    public init() {}
}
