import Netlink

/// The rules as nft reads them. They are the same however many networks and containers there are: what differs are the
/// elements of the sets and maps.
struct RuleText: Sendable {
    let names: InstanceNames

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
        for element in elements { bySet[element.set, default: []].append(element.text) }
        let version = "\n\tchain \(versionChain) {\n\t\treturn\n\t}\n}\n"
        return tables.map { "add table \($0)\ndelete table \($0)\n" }.joined()
            + routed(elements: bySet) + version + bridged(elements: bySet) + version
    }

    private func elementList(_ set: String, _ elements: [String: [String]]) -> String {
        guard let list = elements[set], !list.isEmpty else { return "" }
        return "\n\t\telements = { \(list.joined(separator: ", ")) }"
    }

    private func routed(elements: [String: [String]]) -> String {
        func elementsOf(_ set: String) -> String { elementList(set, elements) }
        // Priorities are numbers: nft 1.0.6 refuses the names in the output hook.
        return """
            table inet \(names.table) {
            \tset bridges {
            \t\ttype ifname\(elementsOf("bridges"))
            \t}
            \tset within {
            \t\ttype ifname . ifname\(elementsOf("within"))
            \t}
            \tset outbound {
            \t\ttype ifname\(elementsOf("outbound"))
            \t}
            \tset masqueraded {
            \t\ttype ifname\(elementsOf("masqueraded"))
            \t}
            \tset subnets {
            \t\ttype ifname . ipv4_addr
            \t\tflags interval\(elementsOf("subnets"))
            \t}
            \tmap published {
            \t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\(elementsOf("published"))
            \t}
            \tmap published_any {
            \t\ttype inet_proto . inet_service : ipv4_addr . inet_service\(elementsOf("published_any"))
            \t}

            \tchain publish {
            \t\tdnat ip to ip daddr . meta l4proto . th dport map @published
            \t\tmeta nfproto ipv4 dnat ip to meta l4proto . th dport map @published_any
            \t}
            \tchain from_member {
            \t\tct state established,related accept
            \t\tiifname . oifname @within accept
            \t\tct state invalid drop
            \t\toifname @bridges goto to_member
            \t\tiifname @outbound accept
            \t\tdrop
            \t}
            \tchain to_member {
            \t\tct state established,related accept
            \t\tct status dnat accept
            \t\tdrop
            \t}
            \tchain to_member_source {
            \t\tip saddr 127.0.0.0/8 masquerade
            \t\tct status dnat oifname . ip saddr @subnets masquerade
            \t}

            \tchain raw {
            \t\ttype filter hook prerouting priority -300; policy accept;
            \t\tiifname @bridges ip daddr 127.0.0.0/8 drop
            \t\tiifname @bridges ip saddr 127.0.0.0/8 drop
            \t}
            \tchain prerouting {
            \t\ttype nat hook prerouting priority -100; policy accept;
            \t\tip daddr 127.0.0.0/8 return
            \t\tfib daddr type local goto publish
            \t}
            \tchain output {
            \t\ttype nat hook output priority -100; policy accept;
            \t\tfib daddr type local goto publish
            \t}
            \tchain postrouting {
            \t\ttype nat hook postrouting priority 100; policy accept;
            \t\toifname @bridges goto to_member_source
            \t\tmeta nfproto ipv4 iifname @masqueraded masquerade
            \t}
            \tchain forward {
            \t\ttype filter hook forward priority 0; policy accept;
            \t\tiifname @bridges goto from_member
            \t\toifname @bridges goto to_member
            \t}
            """
    }

    private func bridged(elements: [String: [String]]) -> String {
        // An ARP packet names its sender twice, in the frame and inside: both must be the port's own.
        """
        table bridge \(names.table) {
        \tset sources {
        \t\ttype ifname . ether_addr . ipv4_addr\(elementList("sources", elements))
        \t}

        \tchain member {
        \t\tiifname . ether saddr . ip saddr @sources accept
        \t\tarp htype 1 arp ptype ip arp hlen 6 arp plen 4 iifname . ether saddr . arp saddr ip @sources goto member_arp
        \t\tdrop
        \t}
        \tchain member_arp {
        \t\tiifname . arp saddr ether . arp saddr ip @sources accept
        \t\tdrop
        \t}

        \tchain prerouting {
        \t\ttype filter hook prerouting priority -300; policy accept;
        \t\tiifname "\(names.portPrefix)*" goto member
        \t}
        """
    }
}
