import LinuxKernel
import Testing

@testable import Netlink

/// Questions to the real kernel that change nothing, and the exact bytes of requests that do.
@Suite("Links, addresses, routes") struct KernelTests {
    @Test("the loopback interface, and one that is not there") func loopback() throws {
        var connection = try RouteConnection(opening: .route)
        let link = try connection.link(named: "lo")
        #expect(link?.index == 1)
        #expect(link?.mtu == 65536)
        #expect(link?.kind == nil)
        let absent = try connection.link(named: "no-such-link0")
        #expect(absent == nil)
        let links = try connection.links()
        #expect(links.contains { $0.name == "lo" })
        let addresses = try connection.addresses()
        #expect(addresses.contains { $0.index == 1 && $0.network.description == "127.0.0.1/8" })
        _ = try connection.routes()
    }

    @Test("the kernel's own words come with an error") func words() throws {
        var connection = try RouteConnection(opening: .route)
        var batch = NetlinkBatch()
        // Refused while it is parsed: nothing is changed.
        batch.add("ask badly", "for a link", type: 18) {
            $0.linkHeader()
            $0.attribute(1, UInt8(1))
        }
        do throws(NetlinkError) {
            try connection.run(batch)
            Issue.record("the kernel took it")
        } catch {
            #expect(!error.kernelText.isEmpty)
            #expect(error.description.contains("the kernel says: "))
        }
    }

    @Test("chains of tables that are not there") func chains() throws {
        var connection = try FilterConnection(opening: .netfilter)
        let found = try connection.chains([
            (TableName(.inet, "no_such_table"), "x"), (TableName(.bridge, "no_such_table"), "y"),
        ])
        #expect(found == [nil, nil])
    }

    static func sent(_ fill: (inout NetlinkBatch) -> Void) -> [UInt8] {
        var batch = NetlinkBatch()
        fill(&batch)
        return Array(batch.datagrams(numberedFrom: 1)[0].bytes)
    }

    @Test("a veth pair with its far end in another namespace") func veth() throws {
        let mac = try #require(MACAddress("02:42:ac:18:00:02"))
        let bytes = Self.sent {
            $0.addVeth("v0", master: 7, mtu: 1500, peer: LinkPeer(name: "eth0", macAddress: mac, namespace: 5))
        }
        let header: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let peer: [UInt8] =
            header + [9, 0, 3, 0, 0x65, 0x74, 0x68, 0x30, 0, 0, 0, 0] + [10, 0, 1, 0] + mac.bytes + [0, 0]
            + [8, 0, 4, 0, 0xDC, 5, 0, 0] + [8, 0, 28, 0, 5, 0, 0, 0]
        let information: [UInt8] =
            [9, 0, 1, 0, 0x76, 0x65, 0x74, 0x68, 0, 0, 0, 0] + [UInt8(peer.count + 8), 0, 2, 0x80]
            + [UInt8(peer.count + 4), 0, 1, 0x80] + peer
        let body: [UInt8] =
            header + [7, 0, 3, 0, 0x76, 0x30, 0, 0] + [8, 0, 4, 0, 0xDC, 5, 0, 0] + [8, 0, 10, 0, 7, 0, 0, 0]
            + [UInt8(information.count + 4), 0, 18, 0x80] + information
        #expect(bytes == [UInt8(body.count + 16), 0, 0, 0, 16, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0] + body)
    }

    @Test("a permanent neighbour, an address, a default route") func others() throws {
        let address = try #require(IPAddress("172.24.0.2"))
        let mac = try #require(MACAddress("02:42:ac:18:00:02"))
        #expect(
            Self.sent { $0.setNeighbour(address, macAddress: mac, index: 3) }
                == [48, 0, 0, 0, 28, 0, 5, 5, 1, 0, 0, 0, 0, 0, 0, 0] + [2, 0, 0, 0, 3, 0, 0, 0, 0x80, 0, 0, 0]
                + [8, 0, 1, 0, 172, 24, 0, 2] + [10, 0, 2, 0] + mac.bytes + [0, 0])
        let own = try #require(IPNetwork("172.24.0.2/20"))
        #expect(
            Self.sent { $0.addAddress(own, to: 3) }
                == [48, 0, 0, 0, 20, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0] + [2, 20, 0, 0, 3, 0, 0, 0]
                + [8, 0, 2, 0, 172, 24, 0, 2] + [8, 0, 1, 0, 172, 24, 0, 2] + [8, 0, 4, 0, 172, 24, 15, 255])
        let everywhere = try #require(IPNetwork("0.0.0.0/0"))
        #expect(
            Self.sent { $0.addRoute(to: everywhere, via: address, index: 3) }
                == [44, 0, 0, 0, 24, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0] + [2, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0]
                + [8, 0, 5, 0, 172, 24, 0, 2] + [8, 0, 4, 0, 3, 0, 0, 0])
    }

    @Test("what the kernel says of routes that are none") func routes() {
        func route(_ type: UInt8, _ family: UInt8, _ length: UInt8, _ attributes: [UInt8]) -> RouteInfo? {
            let payload = [family, length, 0, 0, 254, 4, 0, type, 0, 0, 0, 0] + attributes
            return RouteInfo(NetlinkMessage(type: 24, flags: 0, sequence: 0, payload: payload[...]))
        }
        let to: [UInt8] = [8, 0, 1, 0, 10, 0, 0, 0]
        #expect(route(1, 2, 8, to)?.destination.description == "10.0.0.0/8")
        #expect(route(1, 2, 0, [])?.destination.description == "0.0.0.0/0")
        #expect(route(2, 2, 8, to) == nil, "a local route is no unicast route")
        #expect(route(1, 2, 33, to) == nil)
        #expect(route(1, 10, 8, to) == nil, "an IPv4 address in an IPv6 route")
        #expect(route(1, 7, 8, to) == nil)
    }
}
