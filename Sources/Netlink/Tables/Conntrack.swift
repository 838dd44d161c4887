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
    /// Who began it, and who answers.
    let sources: [IPAddress]

    init?(_ message: NetlinkMessage) {
        let attributes = message.attributes(after: 4)
        guard let tuple = attributes[CTA_TUPLE_ORIG], let id = attributes[CTA_ID] else { return nil }
        self.tuple = tuple
        self.id = id
        sources = [attributes.nested(CTA_TUPLE_ORIG), attributes.nested(CTA_TUPLE_REPLY)].compactMap { side in
            guard let ip = side?.nested(CTA_TUPLE_IP) else { return nil }
            return (ip[CTA_IP_V4_SRC] ?? ip[CTA_IP_V6_SRC]).flatMap { IPAddress(bytes: $0) }
        }
    }
}

extension NetlinkConnection where Transport: ~Copyable {
    /// Forgets the connections that `address` answers, among them those that were redirected to it, and those it has begun: a
    /// redirection outlives its rule as long as packets keep coming, or until the kernel's patience ends (for TCP five days).
    ///
    /// The kernel walks its whole connection table twice.
    public mutating func forgetConnections(of address: IPAddress) throws(NetlinkError) {
        var found = [NetlinkMessage]()
        if address.bitCount == 128 {
            // Kernels leave out what was asked for and give the rest (`ctnetlink_filter_match_tuple` compares IPv6 the wrong
            // way round): all of them, chosen from here.
            found = try dump("list the connections", type: messageType(IPCTNL_MSG_CT_GET)) {
                $0.filterHeader(family: address.family)
            }
        } else {
            for (tuple, flags) in [(CTA_TUPLE_REPLY, CTA_FILTER_REPLY_FLAGS), (CTA_TUPLE_ORIG, CTA_FILTER_ORIG_FLAGS)] {
                found += try dump("list the connections", type: messageType(IPCTNL_MSG_CT_GET)) {
                    $0.filterHeader(family: address.family)
                    $0.nested(tuple) { $0.nested(CTA_TUPLE_IP) { $0.attribute(CTA_IP_V4_SRC, bytes: address.bytes) } }
                    // The source address is all that must be equal (bit 0, nf_internals.h).
                    $0.nested(CTA_FILTER) { $0.attribute(flags, UInt32(1)) }
                }
            }
        }
        var batch = NetlinkBatch()
        for connection in found.compactMap({ TrackedConnection($0) }) where connection.sources.contains(address) {
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
