import JSON
import LinuxKernel
import Netlink
import Testing

@testable import ContainerNetwork

/// A directory of a test's own.
struct ScratchDirectory: ~Copyable {
    let path: String

    init() throws {
        path = "/tmp/berth-network-test-\(UInt64.random(in: .min ... .max))"
        try Files.makeDirectory(path)
    }

    deinit { try? Files.removeTree(path) }
}

@Suite("Records, leases and claims") struct RecordTests {
    static func endpoint(_ id: String, ports: [PublishedPort] = []) throws -> Endpoint {
        var endpoint = Endpoint(
            containerID: id, network: "bridge", networkID: "17", driver: .bridge, names: ["web", "alias"],
            bridge: "berth0", hostInterface: "v-berth-abcdef", containerInterface: "eth0",
            v4: EndpointAddress(
                network: try #require(IPNetwork("172.24.0.2/20")), gateway: IPAddress("172.24.0.1")),
            v6: EndpointAddress(
                network: try #require(IPNetwork("fd00:1::2/64")), gateway: IPAddress("fd00:1::1"),
                isDefaultRoute: true),
            macAddress: try #require(MACAddress("02:42:ac:18:00:02")), ports: ports, isApart: true, isConnected: true,
            bridgeIndex: 4, serial: 99)
        endpoint.macvlanMode = .bridge
        return endpoint
    }

    @Test("endpoints are kept and read back") func endpoints() throws {
        let directory = try ScratchDirectory()
        let records = EndpointRecords(directory: directory.path)
        var range = PortRequest(
            hostAddress: IPAddress("127.0.0.1"), containerPort: 80, portProtocol: .udp)
        range.hostPorts = 8000...8010
        let whole = try Self.endpoint(
            "abc",
            ports: [
                PublishedPort(request: range, hostPort: 8003),
                PublishedPort(request: PortRequest(containerPort: 81), hostPort: 0),
            ])
        try records.write([whole], of: "abc")
        #expect(records.read("abc") == [whole])
        #expect(records.containerIDs() == ["abc"])
        try Files.replace("\(directory.path)/abc.json.7.tmp", with: [])
        try Files.replace("\(directory.path)/live.json.7.tmp", with: [])
        #expect(records.containerIDs() == ["abc"])
        records.removeTemporaries()
        #expect(!Files.exists("\(directory.path)/abc.json.7.tmp"))
        #expect(!Files.exists("\(directory.path)/live.json.7.tmp"), "also that of a living container")
        #expect(records.containerIDs() == ["abc"])
        try records.remove("abc")
        try records.remove("abc")
        #expect(records.read("abc").isEmpty)
        #expect(records.containerIDs().isEmpty)
    }

    @Test(
        "a record that makes no sense counts as none",
        arguments: [
            "", "{", "[]", "{}", #"{"endpoints":1}"#, #"{"endpoints":[1]}"#, #"{"endpoints":[{}]}"#,
            #"{"endpoints":[{"network":"n","bridge":"b","hostInterface":"h","containerInterface":"c","ipv4":{"address":"1.2.3.4"},"macAddress":"02:00:00:00:00:01"}]}"#,
            #"{"endpoints":[{"network":"n","bridge":"b","hostInterface":"h","containerInterface":"c","ipv4":{"address":"fd00::1/64"},"macAddress":"02:00:00:00:00:01"}]}"#,
            #"{"endpoints":[{"network":"n","bridge":"b","hostInterface":"h","containerInterface":"c","macAddress":"02:00:00:00:00"}]}"#,
        ]) func hostileRecord(text: String) throws
    {
        let directory = try ScratchDirectory()
        try Files.replace("\(directory.path)/x.json", with: Array(text.utf8))
        #expect(EndpointRecords(directory: directory.path).read("x").isEmpty)
    }

    @Test("a network's record, and one that makes no sense") func networks() throws {
        let directory = try ScratchDirectory()
        let records = NetworkRecords(directory: directory.path)
        var record = NetworkRecord(name: "web", bridge: "bn-x", subnet: try #require(IPNetwork("10.64.0.0/20")))
        record.allowsMembers = false
        record.mtu = 1400
        try records.write(record)
        #expect(try records.read("web") == record)
        #expect(records.names() == ["web"])
        #expect(try records.read("other") == nil)
        try Files.replace(
            "\(directory.path)/bad.json",
            with: Array(#"{"name":"bad","bridge":"b","subnet":"10.0.0.0/24","gateway":"10.1.0.1"}"#.utf8))
        do throws(NetworkError) {
            _ = try records.read("bad")
            Issue.record("it was read")
        } catch {
            #expect(error.description.contains("/bad.json: gateway: makes no sense; repair or remove that file"))
        }
    }

    /// What an endpoint's lease does, in one step.
    static func take(
        _ leases: AddressLeases, _ subnet: IPNetwork, for id: String, preferred: IPAddress? = nil
    ) throws -> String? {
        let plan = AddressPlan(subnet: subnet)
        guard let address = leases.candidate(in: plan, for: id, preferred: preferred) else { return nil }
        #expect(try leases.take(address, for: id))
        leases.rememberLastGiven(address, in: plan)
        return address.description
    }

    @Test("addresses are given out once each, in turn, and run out") func leases() throws {
        let directory = try ScratchDirectory()
        let leases = AddressLeases(directory: directory.path)
        let subnet = try #require(IPNetwork("10.9.8.0/29"))
        var given = [String?]()
        for number in 0..<6 { given.append(try Self.take(leases, subnet, for: "c\(number)")) }
        #expect(given == ["10.9.8.2", "10.9.8.3", "10.9.8.4", "10.9.8.5", "10.9.8.6", nil])
        let third = try #require(IPAddress("10.9.8.4"))
        #expect(try !leases.take(third, for: "c1"), "taken")
        leases.giveBack(third, of: "c1")
        #expect(leases.owner(of: third) == "c2", "not given back by another")
        leases.giveBack(third, of: "c2")
        #expect(try Self.take(leases, subnet, for: "c7") == "10.9.8.4")
        // Two free ones: the one freed last is not the next.
        let first = try #require(IPAddress("10.9.8.2"))
        leases.giveBack(first, of: "c0")
        leases.giveBack(third, of: "c7")
        #expect(try Self.take(leases, subnet, for: "c8") == "10.9.8.2")
        #expect(try Self.take(leases, subnet, for: "c8", preferred: first) == "10.9.8.2", "its own again")
        #expect(try Self.take(leases, subnet, for: "c9", preferred: first) == "10.9.8.4", "another's is not taken")
        let gateway = try #require(IPAddress("10.9.8.1"))
        #expect(try Self.take(leases, subnet, for: "c9", preferred: gateway) == "10.9.8.4", "never the gateway")
        #expect(
            try Self.take(leases, subnet, for: "c9", preferred: subnet.last) == "10.9.8.4",
            "never the broadcast address")
        #expect(leases.all().count == 5)
    }

    @Test("a hint that lies does no harm", arguments: ["x", "-5", "0", "999999999999", "7", "99999999999999999999999"])
    func hint(text: String) throws {
        let directory = try ScratchDirectory()
        try Files.symbolicLink("\(directory.path)/last32", target: text)
        let subnet = try #require(IPNetwork("10.9.8.0/29"))
        let found = try #require(try Self.take(AddressLeases(directory: directory.path), subnet, for: "c"))
        let address = try #require(IPAddress(found))
        #expect(subnet.contains(address) && address != subnet.base && address != subnet.last)
    }

    @Test("subnets: past everything taken, then none") func pool() throws {
        func first(_ taken: String...) -> String? {
            SubnetPool.firstFree(taken: taken.compactMap { IPNetwork($0) })?.description
        }
        #expect(first() == "172.24.0.0/20")
        #expect(first("172.24.0.0/20", "172.24.17.0/24") == "172.24.32.0/20")
        #expect(first("172.16.0.0/12") == "10.64.0.0/20")
        #expect(
            first("0.0.0.0/1", "128.0.0.0/1", "fd00::/8") == "172.24.0.0/20",
            "a default route in two halves takes nothing")
        #expect(first("172.16.0.0/12", "10.0.0.0/8") == "192.168.128.0/22")
        #expect(first("172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/16") == nil)
        var taken = [IPNetwork]()
        while let next = SubnetPool.firstFree(taken: taken), taken.count < 400 { taken.append(next) }
        #expect(taken.count == 400, "more than Docker's 31")
        #expect(Set(taken).count == 400)
    }

    @Test("name servers in resolv.conf") func resolvers() {
        let text =
            "# nameserver 1.1.1.1\nnameserver 172.24.0.53\nnameserver\t10.64.0.1 x\nnameserver 127.0.0.53\nsearch a\nnameserver fe80::1%eth0\n"
        #expect(
            SubnetPool.nameServers(inResolverConfiguration: Array(text.utf8)).map(\.description) == [
                "172.24.0.53/32", "10.64.0.1/32",
            ])
    }

    @Test("claims of two engines: seen by the other, gone with their record") func claims() throws {
        let directory = try ScratchDirectory()
        let one = MachineClaims(directory: "\(directory.path)/m", stateRoot: "\(directory.path)/one")
        let two = MachineClaims(directory: "\(directory.path)/m", stateRoot: "\(directory.path)/two")
        try one.prepare()
        try Files.makeDirectories("\(directory.path)/one/networks")
        try Files.replace("\(directory.path)/one/networks/bridge.json", with: [])
        let subnet = try #require(IPNetwork("172.24.0.0/20"))
        try one.claimSubnets([AddressPlan(subnet: subnet)], for: "bridge")
        try one.claimSubnets([AddressPlan(subnet: subnet)], for: "bridge")
        #expect(one.otherSubnets(than: "bridge").isEmpty)
        #expect(two.otherSubnets(than: "bridge").map(\.subnet) == [subnet])
        try Files.unlink("\(directory.path)/one/networks/bridge.json")
        #expect(two.otherSubnets(than: "bridge").isEmpty)
        #expect(!two.hasSubnets)

        let port = PublishedPort(request: PortRequest(hostPort: 80, containerPort: 80), hostPort: 80)
        try one.notePort(port, inode: 5, containerID: "a")
        try two.notePort(port, inode: 6, containerID: "b")
        #expect(!one.isNoted(port, of: "a"))
        one.forgetPort(port, of: "b")
        #expect(two.isNoted(port, of: "b"), "another engine's container of the same name")
        let other = try #require(IPAddress("127.0.0.1"))
        #expect(two.owners(of: 80, .tcp, at: other).map(\.containerID) == ["b"])
        #expect(two.owners(of: 80, .udp, at: other).isEmpty)
        #expect(two.owners(of: 8, .tcp, at: other).isEmpty)
        // The same port of a host in another network namespace is another port.
        let elsewhere = MachineClaims(
            directory: "\(directory.path)/m", stateRoot: "\(directory.path)/two", namespace: 7)
        #expect(elsewhere.owners(of: 80, .tcp, at: other).isEmpty)
        try elsewhere.notePort(port, inode: 8, containerID: "c")
        #expect(two.isNoted(port, of: "b"))
        #expect(elsewhere.owners(of: 80, .tcp, at: other).map(\.containerID) == ["c"])
        // Elements are per engine: only a container of the same one can be the owner of the same element.
        #expect(two.isNoted(port, ofAnotherThan: "a"))
        #expect(!one.isNoted(port, ofAnotherThan: "a"))
        two.giveBackAll()
        #expect(two.owners(of: 80, .tcp, at: other).isEmpty)
        #expect(elsewhere.owners(of: 80, .tcp, at: other).isEmpty)
    }

    @Test("rows of /proc/net/tcp") func procRows() throws {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100 0 0 10 0
               1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0
               2: junk
               3: 0100007F:XX 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345
               4: 0100:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345

            """
        let rows = PortOwners.parse(Array(text.utf8))
        #expect(
            rows == [
                PortOwners.Row(address: try #require(IPAddress("127.0.0.1")), port: 8080, state: 10, inode: 12345),
                PortOwners.Row(address: .anyV6, port: 80, state: 10, inode: 7),
            ])
        #expect(PortOwners.parse([]).isEmpty)
    }

    @Test(
        "names that must not become file names",
        arguments: ["", ".", "..", "../x", "a/b", "-x", "a b", "a\nb", "a\0b", "é", String(repeating: "a", count: 129)])
    func names(name: String) throws {
        let directory = try ScratchDirectory()
        let engine = NetworkEngine(
            stateRoot: "\(directory.path)/s", runRoot: "\(directory.path)/r", instance: "test1",
            machineRoot: "\(directory.path)/m")
        #expect(throws: NetworkError.self) { _ = try engine.endpoint(for: name) }
        #expect(throws: NetworkError.self) { _ = try engine.endpoint(for: "ok", network: name) }
        #expect(throws: NetworkError.self) { try engine.release(containerID: name) }
        #expect(engine.endpoints(of: name).isEmpty)
        #expect(!Files.exists("\(directory.path)/r"))
    }
}
