import Netlink

/// Looks at other programs' rules. They are named, never edited: whoever made them would make them again.
enum ForeignFirewalls {
    /// A sentence for each foreign base chain that drops forwarded packets unless one of its own rules lets them through.
    ///
    /// - Parameter rules: gives the rules of a table, in order.
    static func obstacles(
        _ chains: [ChainInfo], ownTable: String, bridge: String,
        rules: (_ family: UInt8, _ table: String) -> [RuleInfo] = { _, _ in [] }
    ) -> [NetworkWarning] {
        chains.compactMap { chain -> NetworkWarning? in
            // NF_INET_FORWARD is 2 in every layer-3 family; policy 0 is NF_DROP.
            guard let family = families[chain.family], chain.hook == 2,
                !(chain.family == TableFamily.inet.rawValue && chain.table == ownTable)
            else { return nil }
            var way = "its policy"
            if chain.policy != 0 {
                // As firewalld does it: accepted by policy, but the last rule drops what none before has let through.
                guard let place = end(of: chain.name, rules(chain.family, chain.table), depth: 0).droppedIn else {
                    return nil
                }
                way = place == chain.name ? "its last rule" : "the last rule of chain \(place)"
            }
            let place = "\(family) \(chain.table) \(chain.name)"
            return NetworkWarning(
                "chain \"\(place)\" of another firewall drops forwarded packets by \(way), so containers on \(bridge) may "
                    + "not reach the network and their published ports may not be reached from outside; allow them there, for "
                    + "example: nft insert rule \(place) iifname \"\(bridge)\" accept; nft insert rule \(place) oifname "
                    + "\"\(bridge)\" ct state related,established accept; nft insert rule \(place) oifname \"\(bridge)\" "
                    + "ct status dnat accept")
        }
    }

    /// What becomes of a packet that no match in a chain is about.
    private enum End {
        case dropped(chain: String), accepted, goesOn

        var droppedIn: String? { if case .dropped(let chain) = self { chain } else { nil } }
    }

    private static func end(of chain: String, _ rules: [RuleInfo], depth: Int) -> End {
        // The kernel allows 16 levels.
        guard depth < 16 else { return .goesOn }
        for rule in rules where rule.chain == chain && rule.isUnconditional {
            switch rule.verdict {
            case .drop: return .dropped(chain: chain)
            case .accept: return .accepted
            case .return: return .goesOn
            case .goto(let next): return end(of: next, rules, depth: depth + 1)
            case .jump(let next):
                let result = end(of: next, rules, depth: depth + 1)
                if case .goesOn = result { continue }
                return result
            case .none: continue
            }
        }
        return .goesOn
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
