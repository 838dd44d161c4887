import CLinux
import LinuxKernel

extension NetlinkBatch {
    private mutating func neighbour(
        _ operation: StaticString, _ type: UInt16, _ flags: UInt16, _ tolerated: [Errno], _ address: IPAddress,
        _ mac: MACAddress?, _ index: Int32
    ) {
        add(operation, "\(address)", tolerating: tolerated, type: type, flags: flags) {
            $0.append(address.family)
            $0.append(UInt8(0))
            $0.append(UInt16(0))
            $0.append(index)
            $0.append(mac == nil ? UInt16(0) : UInt16(NUD_PERMANENT))
            $0.append(UInt8(0))
            $0.append(UInt8(0))
            $0.attribute(NDA_DST, bytes: address.bytes)
            if let mac { $0.attribute(NDA_LLADDR, bytes: mac.bytes) }
        }
    }

    /// Writes down for good which link-layer address a neighbour has: no ARP to forge, and permanent entries do not
    /// count towards the neighbour table's limit, which all namespaces share (`gc_thresh3`).
    public mutating func setNeighbour(_ address: IPAddress, macAddress: MACAddress, index: Int32) {
        let replace = UInt16(NLM_F_CREATE | NLM_F_REPLACE)
        neighbour("write the neighbour", UInt16(RTM_NEWNEIGH), replace, [], address, macAddress, index)
    }

    /// Forgets a neighbour. One that is not known is fine, an interface that is gone too.
    public mutating func removeNeighbour(_ address: IPAddress, index: Int32) {
        let gone = [Errno.noSuchFile, Errno(rawValue: ENODEV), Errno(rawValue: ENXIO), .invalidArgument]
        neighbour("remove the neighbour", UInt16(RTM_DELNEIGH), 0, gone, address, nil, index)
    }
}
