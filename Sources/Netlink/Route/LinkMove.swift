import CLinux
import LinuxKernel

extension NetlinkBatch {
    /// Moves a link into another network namespace, given by an open `nsfs` file, under a name that is free there, in one
    /// step. It arrives switched off and without addresses.
    public mutating func moveLink(_ index: Int32, toNamespace namespace: Int32, as name: String) {
        add("move the link", name, type: UInt16(RTM_NEWLINK)) {
            $0.linkHeader(index: index)
            $0.attribute(IFLA_NET_NS_FD, namespace)
            $0.attribute(IFLA_IFNAME, text: name)
        }
    }
}
