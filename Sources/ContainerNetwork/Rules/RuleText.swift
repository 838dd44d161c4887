import Netlink

/// The rules as nft reads them. They are the same however many networks and containers there are: what differs are the
/// elements of the sets and maps.
struct RuleText: Sendable {
    let names: InstanceNames
    /// How many connections one container address may have open at once through the host.
    var connectionLimit: UInt32 = NetworkSettings.defaultConnectionLimit

    /// The two tables: routed packets, and frames between bridge ports.
    var tables: [TableName] { [TableName(.inet, names.table), TableName(.bridge, names.table)] }

    /// A chain in both tables that tells which rules are loaded. It has a rule, so that a table that somebody emptied
    /// (`nft flush table`) is told from a whole one by the chain's use count.
    var versionChain: String {
        let number = StableHash.number(routed(elements: [:]) + bridged(elements: [:]))
        return "version_" + String(number, radix: 16)
    }

    /// One transaction that puts both tables in place, whole, whatever stood there.
    func script(_ elements: [RuleElement]) -> String {
        var bySet = [String: [String]]()
        for element in elements {
            bySet[element.set, default: []].append(element.text)
            // What the rules that are replaced had seen is not known: anybody may have been reached.
            guard case .source(_, _, let address) = element else { continue }
            bySet[address.bitCount == 128 ? "reached6" : "reached", default: []].append("\(address)")
        }
        let version = "\n\tchain \(versionChain) {\n\t\treturn\n\t}\n}\n"
        return tables.map { "add table \($0)\ndelete table \($0)\n" }.joined()
            + routed(elements: bySet) + version + bridged(elements: bySet) + version
    }

    private func elementList(_ set: String, _ elements: [String: [String]]) -> String {
        guard let list = elements[set], !list.isEmpty else { return "" }
        return "\n\t\telements = { \(list.joined(separator: ", ")) }"
    }

    /// The sets and maps of the routed table, in the order of the text, with their types.
    static let routedSets: [(name: String, type: String)] = [
        ("bridges", "type ifname"), ("within", "type ifname . ifname"), ("apart", "type ifname . ifname"),
        ("outbound", "type ifname"), ("masqueraded", "type ifname"), ("isolated", "type ifname"),
        ("without_link_local", "type ifname"), ("subnets", "type ifname . ipv4_addr\n\t\tflags interval"),
        ("subnets6", "type ifname . ipv6_addr\n\t\tflags interval"), ("itself", "type ipv4_addr . ipv4_addr"),
        ("itself6", "type ipv6_addr . ipv6_addr"),
    ]
    static let routedMaps: [(name: String, type: String)] = [
        ("published", "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service"),
        ("published_any", "type inet_proto . inet_service : ipv4_addr . inet_service"),
        ("published6", "type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service"),
        ("published6_any", "type inet_proto . inet_service : ipv6_addr . inet_service"),
    ]
    static let bridgedSets: [(name: String, type: String)] = [
        ("sources", "type ifname . ether_addr . ipv4_addr"), ("sources6", "type ifname . ether_addr . ipv6_addr"),
        // The target of a neighbour advertisement has no name in nft 1.0.6: 128 bits, 64 into the ICMPv6 message.
        ("targets6", "typeof iifname . @th,64,128"), ("apart_ports", "type ifname"),
        ("own_ports", "type ifname . ifname"),
    ]

    /// All sets and maps that the records decide, with their table's family.
    static var allSets: [(name: String, family: TableFamily)] {
        (routedSets + routedMaps).map { ($0.name, .inet) } + bridgedSets.map { ($0.name, .bridge) }
    }

    private func declarations(
        _ kind: String, _ list: [(name: String, type: String)], _ elements: [String: [String]]
    ) -> String {
        list.map { "\t\(kind) \($0.name) {\n\t\t\($0.type)\(elementList($0.name, elements))\n\t}\n" }.joined()
    }

    private func routed(elements: [String: [String]]) -> String {
        "table inet \(names.table) {\n" + declarations("set", Self.routedSets, elements)
            + declarations("map", Self.routedMaps, elements)
                // Priorities are numbers: nft 1.0.6 refuses the names in the output hook.
                + """
                \tset counted {
                \t\ttype ipv4_addr
                \t\tsize 65535
                \t\tflags dynamic
                \t}
                \tset counted6 {
                \t\ttype ipv6_addr
                \t\tsize 65535
                \t\tflags dynamic
                \t}

                \tset reached {
                \t\ttype ipv4_addr
                \t\tsize 65535
                \t\tflags dynamic\(elementList("reached", elements))
                \t}
                \tset reached6 {
                \t\ttype ipv6_addr
                \t\tsize 65535
                \t\tflags dynamic\(elementList("reached6", elements))
                \t}

                \tchain publish {
                \t\tdnat ip to ip daddr . meta l4proto . th dport map @published
                \t\tmeta nfproto ipv4 dnat ip to meta l4proto . th dport map @published_any
                \t\tdnat ip6 to ip6 daddr . meta l4proto . th dport map @published6
                \t\tmeta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @published6_any
                \t}
                \tchain limit_connections {
                \t\tct state new add @counted { ip saddr ct count over \(connectionLimit) } drop
                \t\tct state new add @counted6 { ip6 saddr ct count over \(connectionLimit) } drop
                \t}
                \tchain from_member {
                \t\tct state established,related accept
                \t\tjump limit_connections
                \t\tiifname . oifname @within accept
                \t\tip saddr . ip daddr @itself accept
                \t\tip6 saddr . ip6 daddr @itself6 accept
                \t\tct state invalid drop
                \t\tiifname . oifname @apart drop
                \t\tiifname != @outbound drop
                \t\tiifname @isolated oifname @bridges drop
                \t\toifname @isolated drop
                \t\tiifname @without_link_local ip daddr 169.254.0.0/16 drop
                \t\tiifname @without_link_local ip6 daddr { fe80::/10, fd00:ec2::254 } drop
                \t\toifname @bridges goto to_member
                \t\taccept
                \t}
                \tchain to_member {
                \t\tct state established,related accept
                \t\tct status dnat accept
                \t\tdrop
                \t}
                \tchain to_member_source {
                \t\tadd @reached { ip daddr }
                \t\tadd @reached6 { ip6 daddr }
                \t\tip saddr 127.0.0.0/8 masquerade
                \t\tct status dnat oifname . ip saddr @subnets masquerade
                \t\tct status dnat oifname . ip6 saddr @subnets6 masquerade
                \t}

                \tchain raw {
                \t\ttype filter hook prerouting priority -300; policy accept;
                \t\tiifname @bridges ip daddr 127.0.0.0/8 drop
                \t\tiifname @bridges ip saddr 127.0.0.0/8 drop
                \t\tiifname @bridges ip6 saddr ::1 drop
                \t}
                \tchain prerouting {
                \t\ttype nat hook prerouting priority -100; policy accept;
                \t\tip daddr 127.0.0.0/8 return
                \t\tfib daddr type local goto publish
                \t}
                \tchain input {
                \t\ttype filter hook input priority 0; policy accept;
                \t\tiifname @bridges jump limit_connections
                \t}
                \tchain output {
                \t\ttype nat hook output priority -100; policy accept;
                \t\tip6 daddr ::1 return
                \t\tfib daddr type local goto publish
                \t}
                \tchain postrouting {
                \t\ttype nat hook postrouting priority 100; policy accept;
                \t\toifname @bridges goto to_member_source
                \t\tiifname @masqueraded masquerade
                \t}
                \tchain forward {
                \t\ttype filter hook forward priority 0; policy accept;
                \t\tiifname @bridges goto from_member
                \t\toifname @bridges goto to_member
                \t}
                """
    }

    private func bridged(elements: [String: [String]]) -> String {
        "table bridge \(names.table) {\n" + declarations("set", Self.bridgedSets, elements)
            // An ARP packet names its sender twice, in the frame and inside: both must be the port's own.
            + """

            \tchain member {
            \t\tiifname . ether saddr . ip saddr @sources accept
            \t\tarp htype 1 arp ptype ip arp hlen 6 arp plen 4 iifname . ether saddr . arp saddr ip @sources goto member_arp
            \t\tiifname . ether saddr . ip6 saddr @sources6 goto member_six
            \t\tdrop
            \t}
            \tchain member_arp {
            \t\tiifname . arp saddr ether . arp saddr ip @sources accept
            \t\tdrop
            \t}
            \tchain member_six {
            \t\ticmpv6 type { nd-router-advert, nd-redirect } drop
            \t\ticmpv6 type != nd-neighbor-advert accept
            \t\tmeta l4proto != ipv6-icmp accept
            \t\tiifname . @th,64,128 @targets6 accept
            \t\tdrop
            \t}

            \tchain prerouting {
            \t\ttype filter hook prerouting priority -300; policy accept;
            \t\tiifname "\(names.portPrefix)*" goto member
            \t}
            \tchain forward {
            \t\ttype filter hook forward priority -200; policy accept;
            \t\tiifname . oifname @own_ports accept
            \t\tiifname @apart_ports drop
            \t}
            """
    }
}
