import CLinux
import LinuxKernel

extension nft_set_attributes: AttributeType {}

extension NetlinkConnection where Transport: ~Copyable {
    /// Whether sets have these keys, in one exchange; false also for a set that is not there.
    public mutating func contain(_ keys: [(set: String, key: [UInt8])], in table: TableName) throws(NetlinkError)
        -> [Bool]
    {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(truncatingIfNeeded: NFT_MSG_GETSETELEM.rawValue)
        var batch = NetlinkBatch()
        for (set, key) in keys {
            batch.add("look for an element of set", "\(set) of table \(table)", type: type) {
                $0.filterHeader(family: table.family.rawValue)
                $0.attribute(NFTA_SET_ELEM_LIST_TABLE, text: table.name)
                $0.attribute(NFTA_SET_ELEM_LIST_SET, text: set)
                $0.nested(NFTA_SET_ELEM_LIST_ELEMENTS) { list in
                    list.nested(NFTA_LIST_ELEM) {
                        $0.nested(NFTA_SET_ELEM_KEY) { $0.attribute(NFTA_DATA_VALUE, bytes: key) }
                    }
                }
            }
        }
        var result = [Bool]()
        for outcome in try execute(batch) {
            if let error = outcome.error, error.cause != .noSuchFile { throw error }
            result.append(outcome.error == nil)
        }
        return result
    }

    /// The elements of a set or map, in no order; nil when it is not there. Of a range only its beginning is told (in sets of
    /// concatenated intervals also its end).
    public mutating func elements(of set: String, in table: TableName) throws(NetlinkError) -> [SetElement]? {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(truncatingIfNeeded: NFT_MSG_GETSETELEM.rawValue)
        let messages: [NetlinkMessage]
        do throws(NetlinkError) {
            messages = try dump("list the elements of", type: type) {
                $0.filterHeader(family: table.family.rawValue)
                $0.attribute(NFTA_SET_ELEM_LIST_TABLE, text: table.name)
                $0.attribute(NFTA_SET_ELEM_LIST_SET, text: set)
            }
        } catch {
            if error.cause == .noSuchFile { return nil }
            throw error
        }
        return messages.flatMap { SetElement.all(in: $0, set: set) }
    }
}

extension SetElement {
    /// The elements that one message of a dump holds. What makes no sense is left out.
    static func all(in message: NetlinkMessage, set: String) -> [SetElement] {
        guard let list = message.attributes(after: 4).nested(NFTA_SET_ELEM_LIST_ELEMENTS) else { return [] }
        return list.compactMap { entry -> SetElement? in
            let attributes = NetlinkAttributes(entry.value)
            guard let key = attributes.nested(NFTA_SET_ELEM_KEY)?[NFTA_DATA_VALUE] else { return nil }
            return SetElement(
                set: set, key: Array(key),
                keyEnd: attributes.nested(NFTA_SET_ELEM_KEY_END)?[NFTA_DATA_VALUE].map { Array($0) },
                data: attributes.nested(NFTA_SET_ELEM_DATA)?[NFTA_DATA_VALUE].map { Array($0) })
        }
    }
}
