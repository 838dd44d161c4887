import Netlink

/// Looks at other programs' rules. They are named, never edited: whoever made them would make them again.
enum ForeignFirewalls {
    /// A sentence for each foreign base chain that drops forwarded packets unless one of its own rules lets them through.
    static func obstacles(_ chains: [ChainInfo], ownTable: String, bridge: String) -> [NetworkWarning] {
        chains.compactMap { chain -> NetworkWarning? in
            // NF_INET_FORWARD is 2 in every layer-3 family; policy 0 is NF_DROP.
            guard let family = families[chain.family], chain.hook == 2, chain.policy == 0,
                !(chain.family == TableFamily.inet.rawValue && chain.table == ownTable)
            else { return nil }
            let place = "\(family) \(chain.table) \(chain.name)"
            return NetworkWarning(
                "chain \"\(place)\" of another firewall drops forwarded packets by its policy, so containers on \(bridge) may "
                    + "not reach the network and their published ports may not be reached from outside; allow them there, for "
                    + "example: nft insert rule \(place) iifname \"\(bridge)\" accept; nft insert rule \(place) oifname "
                    + "\"\(bridge)\" ct state related,established accept; nft insert rule \(place) oifname \"\(bridge)\" "
                    + "ct status dnat accept")
        }
    }

    /// A sentence for each family whose old iptables drop forwarded packets by their policy.
    static func legacyObstacles(bridge: String, drops: (_ six: Bool) -> Bool?) -> [NetworkWarning] {
        [false, true].filter { drops($0) == true }.map { six in
            let program = six ? "ip6tables-legacy" : "iptables-legacy"
            return NetworkWarning(
                "chain FORWARD of \(program)'s table filter drops forwarded packets by its policy, so containers on \(bridge) may "
                    + "not reach the network and their published ports may not be reached from outside; allow them there, for "
                    + "example: \(program) -I FORWARD -i \(bridge) -j ACCEPT; \(program) -I FORWARD -o \(bridge) -m conntrack "
                    + "--ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT")
        }
    }

    private static let families: [UInt8: String] = [1: "inet", 2: "ip", 10: "ip6"]
}
