import CLinux
import LinuxKernel

/// A unicast route.
public struct RouteInfo: Sendable, Equatable {
    /// Where it leads; a default route has length 0.
    public var destination: IPNetwork
    /// The next router, nil for a directly connected subnet.
    public var gateway: IPAddress?
    /// The number of the interface it leaves by, where it has one.
    public var index: Int32?
    /// The routing table (254 is the main one).
    public var table: UInt32
    /// Of equal routes the lowest counts.
    public var metric: UInt32

    /// From an RTM_NEWROUTE message, nil when it is none, no unicast route, or makes no sense.
    public init?(_ message: NetlinkMessage) {
        guard message.type == UInt16(RTM_NEWROUTE), let family = message.payload.number(at: 0, as: UInt8.self),
            let length = message.payload.number(at: 1, as: UInt8.self),
            let shortTable = message.payload.number(at: 4, as: UInt8.self),
            let type = message.payload.number(at: 7, as: UInt8.self), type == UInt8(RTN_UNICAST)
        else { return nil }
        let attributes = message.attributes(after: 12)
        let any: IPAddress
        switch Int32(family) {
        case AF_INET: any = .anyV4
        case AF_INET6: any = .anyV6
        default: return nil
        }
        let address = attributes[RTA_DST].flatMap { IPAddress(bytes: $0) } ?? any
        guard address.bitCount == any.bitCount, let destination = IPNetwork(address, prefixLength: Int(length)) else {
            return nil
        }
        self.destination = destination
        gateway = attributes[RTA_GATEWAY].flatMap { IPAddress(bytes: $0) }
        index = attributes.number(RTA_OIF)
        table = attributes.number(RTA_TABLE) ?? UInt32(shortTable)
        metric = attributes.number(RTA_PRIORITY) ?? 0
    }
}

extension NetlinkWriter {
    fileprivate mutating func routeHeader(family: UInt8, length: Int = 0, table: UInt8 = 0, type: UInt8 = 0) {
        append(family)
        append(UInt8(truncatingIfNeeded: length))
        append(UInt8(0))
        append(UInt8(0))
        append(table)
        append(table == 0 ? UInt8(0) : UInt8(RTPROT_STATIC))
        append(UInt8(RT_SCOPE_UNIVERSE.rawValue))
        append(type)
        append(UInt32(0))
    }
}

extension NetlinkBatch {
    /// Adds a route by a router to the main table. One that stands already is fine.
    public mutating func addRoute(to destination: IPNetwork, via gateway: IPAddress, index: Int32) {
        add(
            "add the route", "to \(destination) via \(gateway)", tolerating: [.fileExists], type: UInt16(RTM_NEWROUTE),
            flags: UInt16(NLM_F_CREATE | NLM_F_EXCL)
        ) {
            $0.routeHeader(
                family: destination.address.family, length: destination.prefixLength,
                table: UInt8(RT_TABLE_MAIN.rawValue),
                type: UInt8(RTN_UNICAST))
            if destination.prefixLength > 0 { $0.attribute(RTA_DST, bytes: destination.base.bytes) }
            $0.attribute(RTA_GATEWAY, bytes: gateway.bytes)
            $0.attribute(RTA_OIF, index)
        }
    }
}

extension NetlinkConnection where Transport: ~Copyable {
    /// The unicast routes of all tables, both families.
    public mutating func routes() throws(NetlinkError) -> [RouteInfo] {
        var result = [RouteInfo]()
        for family in [UInt8(AF_INET), UInt8(AF_INET6)] {
            do throws(NetlinkError) {
                result += try dump("list the routes", type: UInt16(RTM_GETROUTE)) { $0.routeHeader(family: family) }
                    .compactMap { RouteInfo($0) }
            } catch {
                // A kernel without IPv6 has no routes of it.
                if family == UInt8(AF_INET6), error.cause == .notSupported { continue }
                throw error
            }
        }
        return result
    }
}
