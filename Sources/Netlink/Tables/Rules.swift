import CLinux
import LinuxKernel

extension nft_rule_attributes: AttributeType {}
extension nft_expr_attributes: AttributeType {}
extension nft_immediate_attributes: AttributeType {}
extension nft_verdict_attributes: AttributeType {}

/// What a rule of anybody's comes to for a packet, as far as it can be told without its matches.
public struct RuleInfo: Sendable, Equatable {
    /// What it does.
    public enum Verdict: Sendable, Equatable {
        case drop, accept, `return`
        case jump(String)
        case goto(String)
        /// It goes on with the next rule.
        case none
    }

    /// Its table's family (`NFPROTO_*`), table and chain.
    public var family: UInt8
    public var table: String
    public var chain: String
    /// Whether every packet that gets here meets the verdict.
    public var isUnconditional: Bool
    /// What it does.
    public var verdict: Verdict
}

extension RuleInfo {
    /// From a rule's message, nil when it is none.
    public init?(_ message: NetlinkMessage) {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(truncatingIfNeeded: NFT_MSG_NEWRULE.rawValue)
        guard message.type == type, let family = message.payload.first else { return nil }
        let attributes = message.attributes(after: 4)
        guard let table = attributes.text(NFTA_RULE_TABLE), let chain = attributes.text(NFTA_RULE_CHAIN) else {
            return nil
        }
        self.family = family
        self.table = table
        self.chain = chain
        isUnconditional = true
        verdict = .none
        for element in attributes.nested(NFTA_RULE_EXPRESSIONS) ?? NetlinkAttributes([]) {
            let expression = NetlinkAttributes(element.value)
            let data = expression.nested(NFTA_EXPR_DATA)
            switch expression.text(NFTA_EXPR_NAME) {
            // These let every packet through to the next expression.
            case "counter", "log", "nat", "masq", "notrack": continue
            case "reject": verdict = .drop
            case "target":
                // An extension of iptables; of those only this one ends a packet.
                if data?.text(1 /* NFTA_TARGET_NAME */) == "REJECT" { verdict = .drop }
            case "immediate": verdict = Self.verdict(data) ?? verdict
            default: isUnconditional = false
            }
        }
    }

    private static func verdict(_ immediate: NetlinkAttributes?) -> Verdict? {
        guard let verdict = immediate?.nested(NFTA_IMMEDIATE_DATA)?.nested(NFTA_DATA_VERDICT),
            let code = verdict.bigEndian(NFTA_VERDICT_CODE, as: Int32.self)
        else { return nil }
        let chain = verdict.text(NFTA_VERDICT_CHAIN) ?? ""
        // linux/netfilter.h and nf_tables.h: NF_DROP, NF_ACCEPT, NFT_JUMP, NFT_GOTO, NFT_RETURN.
        return switch code & (code < 0 ? -1 : 0xFF) {
        case 0: .drop
        case 1: .accept
        case -3: .jump(chain)
        case -4: .goto(chain)
        case -5: .return
        default: nil
        }
    }
}

extension NetlinkConnection where Transport: ~Copyable {
    /// The rules of a table, in order; of all chains.
    public mutating func rules(family: UInt8, table: String) throws(NetlinkError) -> [RuleInfo] {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(truncatingIfNeeded: NFT_MSG_GETRULE.rawValue)
        return try dump("list the rules of", type: type) {
            $0.filterHeader(family: family)
            $0.attribute(NFTA_RULE_TABLE, text: table)
        }.compactMap { RuleInfo($0) }
    }
}
