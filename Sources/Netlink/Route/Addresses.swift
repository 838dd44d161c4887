import CLinux
import LinuxKernel

/// An address an interface has.
public struct AddressInfo: Sendable, Equatable {
    /// The interface's number.
    public var index: Int32
    /// The address and its subnet.
    public var network: IPNetwork
    /// How far it is valid: 0 is everywhere (`RT_SCOPE_UNIVERSE`).
    public var scope: UInt8
    /// Whether it was given for good (`IFA_F_PERMANENT`), not by a router or a lease.
    public var isPermanent: Bool

    /// From an RTM_NEWADDR message, nil when it is none or makes no sense.
    public init?(_ message: NetlinkMessage) {
        guard message.type == UInt16(RTM_NEWADDR), let length = message.payload.number(at: 1, as: UInt8.self),
            let index = message.payload.number(at: 4, as: Int32.self)
        else { return nil }
        let attributes = message.attributes(after: 8)
        // IFA_LOCAL is the interface's own address, IFA_ADDRESS the far end's on a point-to-point link.
        guard let bytes = attributes[IFA_LOCAL] ?? attributes[IFA_ADDRESS],
            let address = IPAddress(bytes: bytes), let network = IPNetwork(address, prefixLength: Int(length))
        else { return nil }
        self.index = index
        self.network = network
        scope = message.payload.number(at: 3, as: UInt8.self) ?? 0
        isPermanent = (message.payload.number(at: 2, as: UInt8.self) ?? 0) & 0x80 != 0
    }
}

extension NetlinkBatch {
    private mutating func address(
        _ operation: StaticString, _ type: UInt16, _ flags: UInt16, _ tolerated: [Errno], _ network: IPNetwork,
        _ index: Int32
    ) {
        add(operation, "\(network)", tolerating: tolerated, type: type, flags: flags) {
            $0.append(network.address.family)
            $0.append(UInt8(truncatingIfNeeded: network.prefixLength))
            // IPv6: used at once, without duplicate detection (IFA_F_NODAD): addresses are leased.
            $0.append(network.address.bitCount == 128 ? UInt8(2) : UInt8(0))
            $0.append(UInt8(RT_SCOPE_UNIVERSE.rawValue))
            $0.append(index)
            $0.attribute(IFA_LOCAL, bytes: network.address.bytes)
            $0.attribute(IFA_ADDRESS, bytes: network.address.bytes)
            if network.address.bitCount == 32, network.prefixLength < 31 {
                $0.attribute(IFA_BROADCAST, bytes: network.last.bytes)
            }
        }
    }

    /// Gives an interface an address (and with it the route to the subnet). One it has already is fine.
    public mutating func addAddress(_ network: IPNetwork, to index: Int32) {
        address(
            "add the address", UInt16(RTM_NEWADDR), UInt16(NLM_F_CREATE | NLM_F_EXCL), [.fileExists], network, index)
    }

    /// Takes an address from an interface. One it does not have is fine.
    public mutating func removeAddress(_ network: IPNetwork, from index: Int32) {
        address("remove the address", UInt16(RTM_DELADDR), 0, [.addressNotAvailable], network, index)
    }
}

extension NetlinkConnection where Transport: ~Copyable {
    /// All addresses of the namespace, both families.
    public mutating func addresses() throws(NetlinkError) -> [AddressInfo] {
        try dump("list the addresses", type: UInt16(RTM_GETADDR)) {
            $0.append(UInt8(AF_UNSPEC))
            $0.append(UInt8(0))
            $0.append(UInt16(0))
            $0.append(Int32(0))
        }.compactMap { AddressInfo($0) }
    }
}
