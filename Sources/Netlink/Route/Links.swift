import CLinux
import LinuxKernel

/// A network interface as the kernel describes it.
public struct LinkInfo: Sendable, Equatable {
    /// The interface's number in its network namespace.
    public var index: Int32
    /// Its name.
    public var name: String
    /// `IFF_UP` and its like.
    public var flags: UInt32
    /// Largest packet, in bytes.
    public var mtu: UInt32
    /// Its link-layer address, where it has six bytes.
    public var macAddress: MACAddress?
    /// The number of the bridge it belongs to.
    public var master: Int32?
    /// The kind of virtual link: "bridge", "veth"; nil for hardware.
    public var kind: String?
    /// The number of the link it stands on; of a veth pair the other end's, in that end's namespace.
    public var peer: Int32?
    /// The number by which this namespace knows the one that ``peer`` is in; nil for its own.
    public var peerNamespace: Int32?

    /// Whether IPv4 packets that arrive here are forwarded (`net.ipv4.conf.NAME.forwarding`); nil without IPv4.
    public var forwards4: Bool?
    /// Whether 127.0.0.0/8 is routed here (`net.ipv4.conf.NAME.route_localnet`); nil without IPv4.
    public var routesLoopback: Bool?
    /// Whether IPv6 packets that arrive here are forwarded (`net.ipv6.conf.NAME.forwarding`); nil without IPv6.
    public var forwards6: Bool?

    /// Whether it is switched on.
    public var isUp: Bool { flags & 1 != 0 }

    /// From an RTM_NEWLINK message; nil when it is none, or lacks its name.
    public init?(_ message: NetlinkMessage) {
        guard message.type == UInt16(RTM_NEWLINK), let index = message.payload.number(at: 4, as: Int32.self),
            let flags = message.payload.number(at: 8, as: UInt32.self)
        else { return nil }
        let attributes = message.attributes(after: 16)
        guard let name = attributes.text(IFLA_IFNAME) else { return nil }
        self.index = index
        self.name = name
        self.flags = flags
        mtu = attributes.number(IFLA_MTU) ?? 0
        macAddress = attributes[IFLA_ADDRESS].flatMap { MACAddress(bytes: $0) }
        master = attributes.number(IFLA_MASTER)
        self.kind = attributes.nested(IFLA_LINKINFO)?.text(IFLA_INFO_KIND)
        peer = attributes.number(IFLA_LINK)
        peerNamespace = attributes.number(IFLA_LINK_NETNSID)
        // Arrays of 32-bit numbers (linux/ip.h, linux/ipv6.h): IPv4's begin with IPV4_DEVCONF_FORWARDING, which is 1, and
        // have IPV4_DEVCONF_ROUTE_LOCALNET, 26; IPv6's begin with DEVCONF_FORWARDING, 0.
        let families = attributes.nested(IFLA_AF_SPEC)
        if let four = families?.nested(Int(AF_INET))?[IFLA_INET_CONF] {
            forwards4 = four.number(at: 0, as: Int32.self).map { $0 != 0 }
            routesLoopback = four.number(at: (26 - 1) * 4, as: Int32.self).map { $0 != 0 }
        }
        if let six = families?.nested(Int(AF_INET6))?[IFLA_INET6_CONF] {
            forwards6 = six.number(at: 0, as: Int32.self).map { $0 != 0 }
        }
    }
}

extension NetlinkWriter {
    /// `struct ifinfomsg`: flags are only changed where `change` has the bit.
    mutating func linkHeader(index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        append(UInt8(AF_UNSPEC))
        append(UInt8(0))
        append(UInt16(0))
        append(index)
        append(flags)
        append(change)
    }
}

/// Which link a change is for. A name saves the question for the number, in the same batch that makes the link.
public enum LinkReference: Sendable, CustomStringConvertible {
    case index(Int32)
    case name(String)

    public var description: String {
        switch self {
        case .index(let number): "interface \(number)"
        case .name(let name): name
        }
    }

    var number: Int32 { if case .index(let number) = self { number } else { 0 } }
    var name: String? { if case .name(let name) = self { name } else { nil } }
}

/// The container's end of a link.
public struct LinkPeer: Sendable {
    /// Its name in its namespace.
    public var name: String
    /// Its address.
    public var macAddress: MACAddress
    /// The number of an open `nsfs` file of the namespace it is born in. A pidfd is not accepted by the kernel here.
    public var namespace: Int32

    /// A far end with these properties.
    public init(name: String, macAddress: MACAddress, namespace: Int32) {
        self.name = name
        self.macAddress = macAddress
        self.namespace = namespace
    }
}

/// How the stations of one network card see one another (`MACVLAN_MODE_*`, linux/if_link.h).
public enum MacvlanMode: String, Sendable, CaseIterable {
    /// Not at all.
    case `private`
    /// By way of the switch outside.
    case vepa
    /// Directly.
    case bridge
    /// There is only one, which has the card's own address.
    case passthru

    var number: UInt32 {
        switch self {
        case .private: 1
        case .vepa: 2
        case .bridge: 4
        case .passthru: 8
        }
    }
}

extension NetlinkBatch {
    /// Makes a bridge, switched off. Multicast snooping is off: with no querier about it only loses packets.
    public mutating func addBridge(_ name: String, macAddress: MACAddress, mtu: UInt32) {
        let create = UInt16(NLM_F_CREATE | NLM_F_EXCL)
        add("make the bridge", name, type: UInt16(RTM_NEWLINK), flags: create) {
            $0.linkHeader()
            $0.attribute(IFLA_IFNAME, text: name)
            $0.attribute(IFLA_ADDRESS, bytes: macAddress.bytes)
            $0.attribute(IFLA_MTU, mtu)
            $0.nested(IFLA_LINKINFO) {
                $0.attribute(IFLA_INFO_KIND, text: "bridge")
                $0.nested(IFLA_INFO_DATA) { $0.attribute(IFLA_BR_MCAST_SNOOPING, UInt8(0)) }
            }
        }
    }

    /// Makes a veth pair, both ends switched off, this end a port of the link `master`, the other end in another
    /// namespace (it must not be up at birth: ENOTCONN).
    public mutating func addVeth(_ name: String, master: Int32, mtu: UInt32, peer: LinkPeer) {
        let create = UInt16(NLM_F_CREATE | NLM_F_EXCL)
        add("make the veth pair", name, type: UInt16(RTM_NEWLINK), flags: create) {
            $0.linkHeader()
            $0.attribute(IFLA_IFNAME, text: name)
            $0.attribute(IFLA_MTU, mtu)
            $0.attribute(IFLA_MASTER, master)
            $0.nested(IFLA_LINKINFO) {
                $0.attribute(IFLA_INFO_KIND, text: "veth")
                $0.nested(IFLA_INFO_DATA) {
                    $0.nested(VETH_INFO_PEER) {
                        $0.linkHeader()
                        $0.attribute(IFLA_IFNAME, text: peer.name)
                        $0.attribute(IFLA_ADDRESS, bytes: peer.macAddress.bytes)
                        $0.attribute(IFLA_MTU, mtu)
                        $0.attribute(IFLA_NET_NS_FD, peer.namespace)
                    }
                }
            }
        }
    }

    /// Changes a link; what is nil stays.
    public mutating func setLink(
        _ link: LinkReference, up: Bool? = nil, mtu: UInt32? = nil, macAddress: MACAddress? = nil, master: Int32? = nil
    ) {
        add("change the link", "\(link)", type: UInt16(RTM_NEWLINK)) {
            $0.linkHeader(index: link.number, flags: up == true ? 1 : 0, change: up == nil ? 0 : 1)
            if let name = link.name { $0.attribute(IFLA_IFNAME, text: name) }
            if let mtu { $0.attribute(IFLA_MTU, mtu) }
            if let macAddress { $0.attribute(IFLA_ADDRESS, bytes: macAddress.bytes) }
            if let master { $0.attribute(IFLA_MASTER, master) }
        }
    }

    /// Keeps the kernel from giving a link an IPv6 link-local address when it comes up (and from the router
    /// solicitations and duplicate detection that follow). A kernel without IPv6 has nothing to switch off.
    public mutating func disableIPv6Autoconfiguration(_ link: LinkReference) {
        let absent = [Errno(rawValue: EAFNOSUPPORT), .notSupported]
        add("switch off IPv6 autoconfiguration of", "\(link)", tolerating: absent, type: UInt16(RTM_NEWLINK)) {
            $0.linkHeader(index: link.number)
            if let name = link.name { $0.attribute(IFLA_IFNAME, text: name) }
            $0.nested(IFLA_AF_SPEC) {
                $0.nested(Int(AF_INET6)) {
                    $0.attribute(IFLA_INET6_ADDR_GEN_MODE, UInt8(1 /* IN6_ADDR_GEN_MODE_NONE */))
                }
            }
        }
    }

    /// Lets a bridge port send a frame back where it came from, which a container that reaches its own published port
    /// needs while the bridge hands frames to iptables (`bridge-nf-call-iptables`).
    public mutating func setHairpin(_ link: LinkReference, _ hairpin: Bool) {
        add("set the hairpin mode of", "\(link)", type: UInt16(RTM_NEWLINK)) {
            $0.linkHeader(index: link.number)
            if let name = link.name { $0.attribute(IFLA_IFNAME, text: name) }
            $0.nested(IFLA_LINKINFO) {
                $0.attribute(IFLA_INFO_SLAVE_KIND, text: "bridge")
                $0.nested(IFLA_INFO_SLAVE_DATA) {
                    $0.attribute(IFLA_BRPORT_MODE, UInt8(hairpin ? 1 : 0))
                }
            }
        }
    }

    /// Makes a station of its own on a network card, in another namespace, switched off.
    public mutating func addMacvlan(parent: Int32, mode: MacvlanMode, end: LinkPeer) {
        let create = UInt16(NLM_F_CREATE | NLM_F_EXCL)
        add("make the macvlan link", end.name, type: UInt16(RTM_NEWLINK), flags: create) {
            $0.linkHeader()
            $0.attribute(IFLA_IFNAME, text: end.name)
            $0.attribute(IFLA_ADDRESS, bytes: end.macAddress.bytes)
            $0.attribute(IFLA_LINK, UInt32(bitPattern: parent))
            $0.attribute(IFLA_NET_NS_FD, end.namespace)
            $0.nested(IFLA_LINKINFO) {
                $0.attribute(IFLA_INFO_KIND, text: "macvlan")
                $0.nested(IFLA_INFO_DATA) { $0.attribute(IFLA_MACVLAN_MODE, mode.number) }
            }
        }
    }

    /// Removes a link (and a veth's other end); one that is gone is fine. This waits for the kernel: some 19 ms.
    public mutating func removeLink(_ link: LinkReference) {
        let gone = [Errno(rawValue: ENODEV)]
        add("remove the link", "\(link)", tolerating: gone, type: UInt16(RTM_DELLINK)) {
            $0.linkHeader(index: link.number)
            if let name = link.name { $0.attribute(IFLA_IFNAME, text: name) }
        }
    }

    /// Asks for one link by name.
    mutating func getLink(_ name: String) {
        add("find the link", name, type: UInt16(RTM_GETLINK)) {
            $0.linkHeader()
            $0.attribute(IFLA_IFNAME, text: name)
            // RTEXT_FILTER_SKIP_STATS: the counters cost more than the rest.
            $0.attribute(IFLA_EXT_MASK, UInt32(1 << 3))
        }
    }
}

extension NetlinkConnection where Transport: ~Copyable {
    /// The link with this name, nil when there is none.
    public mutating func link(named name: String) throws(NetlinkError) -> LinkInfo? {
        var batch = NetlinkBatch()
        batch.getLink(name)
        for outcome in try execute(batch) {
            if let error = outcome.error {
                if error.cause == Errno(rawValue: ENODEV) { return nil }
                throw error
            }
            for reply in outcome.replies { if let link = LinkInfo(reply) { return link } }
        }
        throw NetlinkError(operation: "find the link", object: name, cause: Errno(rawValue: EBADMSG))
    }

    /// All links of the namespace.
    public mutating func links() throws(NetlinkError) -> [LinkInfo] {
        try dump("list the links", type: UInt16(RTM_GETLINK)) {
            $0.linkHeader()
            $0.attribute(IFLA_EXT_MASK, UInt32(1 << 3))
        }.compactMap { LinkInfo($0) }
    }
}
