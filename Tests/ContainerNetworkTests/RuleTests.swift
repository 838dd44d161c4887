import LinuxKernel
import Testing

@testable import ContainerNetwork
@testable import Netlink

@Suite("Rules and their elements") struct RuleTests {
    static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("elements as bytes and as text") func forms() throws {
        let container = try Self.address("172.24.0.2")
        let any = RuleElement.published(
            PublishedPort(request: PortRequest(hostPort: 8080, containerPort: 80), hostPort: 8080), container: container
        )
        #expect(any.set == "published_any")
        #expect(any.setElement.key == [6, 0, 0, 0, 0x1F, 0x90, 0, 0])
        #expect(any.setElement.data == [172, 24, 0, 2, 0, 80, 0, 0])
        #expect(any.text == "6 . 8080 : 172.24.0.2 . 80")

        let one = RuleElement.published(
            PublishedPort(
                request: PortRequest(
                    hostAddress: try Self.address("127.0.0.1"), hostPort: 53, containerPort: 5353, portProtocol: .udp),
                hostPort: 53), container: container)
        #expect(one.set == "published")
        #expect(one.setElement.key == [127, 0, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0])
        #expect(one.text == "127.0.0.1 . 17 . 53 : 172.24.0.2 . 5353")

        let sctp = RuleElement.published(
            PublishedPort(
                request: PortRequest(hostPort: 9899, containerPort: 99, portProtocol: .sctp), hostPort: 9899),
            container: container)
        #expect(sctp.setElement.key == [132, 0, 0, 0, 0x26, 0xAB, 0, 0])
        #expect(sctp.text == "132 . 9899 : 172.24.0.2 . 99")

        let source = RuleElement.source(interface: "v-berth-abcdef", MACAddress(for: container), container)
        #expect(source.family == .bridge)
        #expect(
            source.setElement.key
                == Array("v-berth-abcdef".utf8) + [0, 0] + [2, 0x42, 172, 24, 0, 2, 0, 0] + [172, 24, 0, 2])

        let subnet = RuleElement.subnet(bridge: "berth0", try #require(IPNetwork("172.24.0.0/20")))
        let name = Array("berth0".utf8) + [UInt8](repeating: 0, count: 10)
        #expect(subnet.setElement.key == name + [172, 24, 0, 0])
        #expect(subnet.setElement.keyEnd == name + [172, 24, 15, 255])
        #expect(RuleElement.within("berth0").setElement.key == name + name)
    }

    @Test("the version depends on the rules and names, not on the elements") func version() {
        let text = RuleText(names: InstanceNames(""))
        #expect(text.versionChain == RuleText(names: InstanceNames("")).versionChain)
        #expect(text.versionChain != RuleText(names: InstanceNames("abc")).versionChain)
        #expect(text.versionChain.count <= 31)
        #expect(text.script([.bridge("berth0")]).contains("elements = { \"berth0\" }"))
        #expect(!text.script([]).contains("elements"))
        #expect(text.script([]).hasPrefix("add table inet berth\ndelete table inet berth\nadd table bridge berth\n"))
    }

    @Test("an internal network, one without inter-container traffic, one without masquerade") func options() throws {
        var record = NetworkRecord(name: "n", bridge: "b", subnet: try #require(IPNetwork("10.64.0.0/20")))
        #expect(Set(record.ruleElements.map(\.set)) == ["bridges", "subnets", "within", "outbound", "masqueraded"])
        record.allowsMembers = false
        record.masquerades = false
        #expect(Set(record.ruleElements.map(\.set)) == ["bridges", "subnets", "apart", "outbound"])
        record.masquerades = true
        record.allowsOutside = false
        #expect(Set(record.ruleElements.map(\.set)) == ["bridges", "subnets", "apart"])
        record.isIsolated = true
        record.allowsLinkLocal = false
        record.v6 = AddressPlan(subnet: try #require(IPNetwork("fd00:1::/64")))
        #expect(
            Set(record.ruleElements.map(\.set)) == [
                "bridges", "subnets", "subnets6", "apart", "isolated", "without_link_local",
            ])
        record.driver = .macvlan
        #expect(record.ruleElements.isEmpty)
    }

    @Test("names that no two engines share, within 15 bytes") func names() {
        let tokens = ["", "a", "abc1234", "berth0", NetworkEngine.instanceToken(forRoot: "/srv/one"), "Not A Token!"]
        let all = tokens.map { InstanceNames($0) }
        #expect(Set(all.map(\.table)).count == tokens.count)
        #expect(Set(all.map(\.defaultBridge)).count == tokens.count)
        for names in all {
            #expect(names.defaultBridge.utf8.count <= 15)
            #expect(names.bridge(forNetwork: "web").utf8.count == 15)
            #expect(names.randomPort().utf8.count <= 15)
            #expect(names.randomPort() != names.randomPort())
            for other in all where other != names { #expect(!other.randomPort().hasPrefix(names.portPrefix)) }
        }
        #expect(all[0].defaultBridge == "berth0")
        #expect(all[0].table == "berth")
        #expect(NetworkEngine.instanceToken(forRoot: "/srv/one") == NetworkEngine.instanceToken(forRoot: "/srv/one"))
        #expect(
            InstanceNames(NetworkEngine.instanceToken(forRoot: "/x")).token
                == NetworkEngine.instanceToken(forRoot: "/x"))
    }

    @Test("only foreign drop policies in forward chains are obstacles") func obstacles() {
        func chain(_ family: UInt8, _ table: String, _ hook: UInt32?, _ policy: UInt32?) -> ChainInfo {
            ChainInfo(family: family, table: table, name: "c", useCount: 1, hook: hook, priority: 0, policy: policy)
        }
        let chains = [
            chain(2, "filter", 2, 0), chain(2, "filter", 2, 1), chain(2, "filter", 1, 0), chain(1, "berth", 2, 0),
            chain(1, "firewalld", 2, 0), chain(7, "berth", 2, 0), chain(2, "other", nil, nil), chain(10, "six", 2, 0),
        ]
        let found = ForeignFirewalls.obstacles(chains, ownTable: "berth", bridge: "berth0").map(\.description)
        #expect(found.count == 3)
        #expect(found[0].contains("\"ip filter c\"") && found[0].contains("iifname \"berth0\" accept"))
        #expect(found[1].contains("\"inet firewalld c\""))
        #expect(found[2].contains("\"ip6 six c\""))
    }
}
