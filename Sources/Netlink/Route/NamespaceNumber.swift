import CLinux
import LinuxKernel

extension NetlinkConnection where Transport: ~Copyable {
    /// The number by which this namespace's links name another network namespace (`IFLA_LINK_NETNSID`); nil when none of
    /// them has a link there (`ip-netns(8)`, "nsid").
    public mutating func namespaceNumber(of namespace: borrowing FileDescriptor) throws(NetlinkError) -> Int32? {
        var batch = NetlinkBatch()
        let file = namespace.rawValue
        batch.add("find the number of", "a network namespace", type: UInt16(RTM_GETNSID)) {
            // struct rtgenmsg, padded to four bytes.
            $0.append(UInt8(AF_UNSPEC))
            $0.append(UInt8(0))
            $0.append(UInt16(0))
            $0.attribute(3 /* NETNSA_FD */, file)
        }
        for outcome in try execute(batch) {
            if let error = outcome.error { throw error }
            for reply in outcome.replies {
                // NETNSA_NSID is 1; -1 stands for none.
                if let number = reply.attributes(after: 4).number(1, as: Int32.self), number >= 0 { return number }
            }
        }
        return nil
    }
}
