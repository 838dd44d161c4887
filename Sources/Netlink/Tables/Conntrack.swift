import CLinux
import LinuxKernel

private func messageType(_ message: cntl_msg_types) -> UInt16 {
    UInt16(NFNL_SUBSYS_CTNETLINK) << 8 | UInt16(truncatingIfNeeded: message.rawValue)
}

extension ctattr_type: AttributeType {}
extension ctattr_tuple: AttributeType {}
extension ctattr_ip: AttributeType {}
extension ctattr_filter: AttributeType {}

/// A connection the kernel tracks, as far as is needed to delete exactly this one.
private struct TrackedConnection {
    let tuple: ArraySlice<UInt8>
    let id: ArraySlice<UInt8>

    init?(_ message: NetlinkMessage) {
        let attributes = message.attributes(after: 4)
        guard let tuple = attributes[CTA_TUPLE_ORIG], let id = attributes[CTA_ID] else { return nil }
        self.tuple = tuple
        self.id = id
    }
}

extension NetlinkConnection where Transport: ~Copyable {
    /// Forgets the connections that `address` answers, among them those that were redirected to it: a redirection outlives
    /// its rule as long as packets keep coming, which for UDP is as long as somebody sends.
    ///
    /// The kernel walks its whole connection table once.
    public mutating func forgetConnections(answeredBy address: IPAddress) throws(NetlinkError) {
        let source = address.bitCount == 32 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC
        let found = try dump("list the connections", type: messageType(IPCTNL_MSG_CT_GET)) {
            $0.filterHeader(family: address.family)
            $0.nested(CTA_TUPLE_REPLY) { $0.nested(CTA_TUPLE_IP) { $0.attribute(source, bytes: address.bytes) } }
            // The source address of the answers is all that must be equal (bit 0, nf_internals.h).
            $0.nested(CTA_FILTER) { $0.attribute(CTA_FILTER_REPLY_FLAGS, UInt32(1)) }
        }
        var batch = NetlinkBatch()
        for connection in found.compactMap({ TrackedConnection($0) }) {
            batch.add(
                "forget a connection of", "\(address)", tolerating: [.noSuchFile],
                type: messageType(IPCTNL_MSG_CT_DELETE)
            ) {
                $0.filterHeader(family: address.family)
                $0.nested(CTA_TUPLE_ORIG) { $0.append(connection.tuple) }
                $0.attribute(CTA_ID, bytes: connection.id)
            }
        }
        try run(batch)
    }
}
