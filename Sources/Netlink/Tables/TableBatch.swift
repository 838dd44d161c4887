import CLinux
import LinuxKernel

/// The families of nf_tables that Berth uses.
public enum TableFamily: UInt8, Sendable {
    /// IPv4 and IPv6 packets, routed.
    case inet = 1
    /// Frames, bridged.
    case bridge = 7
}

/// A table: its family and name.
public struct TableName: Hashable, Sendable, CustomStringConvertible {
    /// The family.
    public var family: TableFamily
    /// The name.
    public var name: String

    /// A table's name.
    public init(_ family: TableFamily, _ name: String) {
        self.family = family
        self.name = name
    }

    public var description: String { "\(family) \(name)" }
}

/// One element of a set or map, as the kernel's bytes.
public struct SetElement: Hashable, Sendable {
    /// The set's name.
    public var set: String
    /// The key: the fields of a concatenation, each padded to four bytes.
    public var key: [UInt8]
    /// The last key of a range, in a set of intervals.
    public var keyEnd: [UInt8]?
    /// In a map, what the key stands for, laid out in the same way; nil in a set.
    public var data: [UInt8]?

    /// An element.
    public init(set: String, key: [UInt8], keyEnd: [UInt8]? = nil, data: [UInt8]? = nil) {
        self.set = set
        self.key = key
        self.keyEnd = keyEnd
        self.data = data
    }
}

/// Lays out the fields of a concatenated key or value.
public struct ConcatenatedValue: Sendable {
    /// The bytes so far, a multiple of four.
    public private(set) var bytes: [UInt8] = []

    /// No field yet.
    public init() {}

    private mutating func pad(to size: Int) { while bytes.count % size != 0 { bytes.append(0) } }

    /// An address, a link-layer address, or other bytes in network order.
    public mutating func append(_ content: [UInt8]) {
        bytes += content
        pad(to: 4)
    }

    /// A protocol number.
    public mutating func append(_ number: UInt8) { append([number]) }

    /// A port.
    public mutating func append(port: UInt16) { append([UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]) }

    /// An interface's name, 16 bytes.
    public mutating func append(interface name: String) {
        let field = Array(name.utf8.prefix(15))
        append(field + [UInt8](repeating: 0, count: 16 - field.count))
    }
}

private func messageType(_ message: nf_tables_msg_types) -> UInt16 {
    UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(truncatingIfNeeded: message.rawValue)
}

extension NetlinkWriter {
    /// `struct nfgenmsg`.
    mutating func filterHeader(family: UInt8) {
        append(family)
        append(UInt8(NFNETLINK_V0))
        append(UInt16(0))
    }
}

extension NetlinkWriter {
    fileprivate mutating func element(_ element: SetElement) {
        nested(NFTA_LIST_ELEM) {
            $0.nested(NFTA_SET_ELEM_KEY) { $0.attribute(NFTA_DATA_VALUE, bytes: element.key) }
            if let end = element.keyEnd {
                $0.nested(NFTA_SET_ELEM_KEY_END) { $0.attribute(NFTA_DATA_VALUE, bytes: end) }
            }
            if let data = element.data {
                $0.nested(NFTA_SET_ELEM_DATA) { $0.attribute(NFTA_DATA_VALUE, bytes: data) }
            }
        }
    }
}

extension NetlinkBatch {
    /// A transaction of nf_tables: everything in it happens, or nothing.
    public static func tableTransaction() -> NetlinkBatch { NetlinkBatch(transaction: ()) }

    /// How many elements go into one request: some 30 KiB, of the 64 that an attribute's length can say.
    private static let elementsPerRequest = 400

    private mutating func change(
        _ operation: StaticString, _ type: nf_tables_msg_types, _ flags: UInt16, _ elements: [SetElement],
        _ table: TableName
    ) {
        var rest = elements[...]
        while let first = rest.first {
            // A request is for one set; an order that keeps a set's elements together makes the fewest.
            let part = rest.prefix(Self.elementsPerRequest).prefix { $0.set == first.set }
            rest = rest.dropFirst(part.count)
            add(operation, "\(first.set) of table \(table)", type: messageType(type), flags: flags) {
                $0.filterHeader(family: table.family.rawValue)
                $0.attribute(NFTA_SET_ELEM_LIST_TABLE, text: table.name)
                $0.attribute(NFTA_SET_ELEM_LIST_SET, text: first.set)
                $0.nested(NFTA_SET_ELEM_LIST_ELEMENTS) { list in for element in part { list.element(element) } }
            }
        }
    }

    /// Adds elements; the same ones again are fine, another value for a present key is EEXIST.
    public mutating func addElements(_ elements: [SetElement], to table: TableName) {
        change("add an element to set", NFT_MSG_NEWSETELEM, UInt16(NLM_F_CREATE), elements, table)
    }

    /// Removes the elements with these keys; ENOENT when one is not there, which fails the whole transaction.
    public mutating func removeElements(_ elements: [SetElement], from table: TableName) {
        let keys = elements.map { SetElement(set: $0.set, key: $0.key, keyEnd: $0.keyEnd) }
        change("remove an element from set", NFT_MSG_DELSETELEM, 0, keys, table)
    }

    /// Removes a whole table; ENOENT when it is not there.
    public mutating func removeTable(_ table: TableName) {
        add("remove the table", "\(table)", type: messageType(NFT_MSG_DELTABLE)) {
            $0.filterHeader(family: table.family.rawValue)
            $0.attribute(NFTA_TABLE_NAME, text: table.name)
        }
    }

    /// Asks for one chain.
    mutating func getChain(_ name: String, of table: TableName) {
        add("find the chain", "\(name) of table \(table)", type: messageType(NFT_MSG_GETCHAIN)) {
            $0.filterHeader(family: table.family.rawValue)
            $0.attribute(NFTA_CHAIN_TABLE, text: table.name)
            $0.attribute(NFTA_CHAIN_NAME, text: name)
        }
    }
}

/// A chain as the kernel describes it.
public struct ChainInfo: Sendable, Equatable {
    /// `NFPROTO_*` number of its table's family (1 inet, 2 ip, 7 bridge, 10 ip6).
    public var family: UInt8
    /// Its table's name.
    public var table: String
    /// Its name.
    public var name: String
    /// How many rules it has and how many refer to it.
    public var useCount: UInt32
    /// Where a base chain is hooked in (`NF_INET_FORWARD` is 2); nil for others.
    public var hook: UInt32?
    /// When a base chain's turn comes, lower first.
    public var priority: Int32?
    /// What a base chain does at its end: 0 drop, 1 accept; nil for others.
    public var policy: UInt32?
}

extension ChainInfo {
    /// From a chain's message, nil when it is none.
    public init?(_ message: NetlinkMessage) {
        guard message.type == messageType(NFT_MSG_NEWCHAIN), let family = message.payload.first else { return nil }
        let attributes = message.attributes(after: 4)
        guard let table = attributes.text(NFTA_CHAIN_TABLE), let name = attributes.text(NFTA_CHAIN_NAME) else {
            return nil
        }
        self.family = family
        self.table = table
        self.name = name
        useCount = attributes.bigEndian(NFTA_CHAIN_USE) ?? 0
        policy = attributes.bigEndian(NFTA_CHAIN_POLICY)
        let place = attributes.nested(NFTA_CHAIN_HOOK)
        hook = place?.bigEndian(NFTA_HOOK_HOOKNUM)
        priority = place?.bigEndian(NFTA_HOOK_PRIORITY)
    }
}

extension NetlinkConnection where Transport: ~Copyable {
    /// Each chain with its table, in one exchange; nil for one that is not there.
    public mutating func chains(_ wanted: [(TableName, String)]) throws(NetlinkError) -> [ChainInfo?] {
        var batch = NetlinkBatch()
        for (table, name) in wanted { batch.getChain(name, of: table) }
        var result = [ChainInfo?]()
        for outcome in try execute(batch) {
            if let error = outcome.error, error.cause != .noSuchFile { throw error }
            result.append(outcome.error == nil ? outcome.replies.lazy.compactMap { ChainInfo($0) }.first : nil)
        }
        return result
    }

    /// All chains of all tables, foreign ones too.
    public mutating func allChains() throws(NetlinkError) -> [ChainInfo] {
        try dump("list the chains", type: messageType(NFT_MSG_GETCHAIN)) { $0.filterHeader(family: 0) }
            .compactMap { ChainInfo($0) }
    }
}
