import Glibc
import LinuxKernel
import Netlink
import Testing

@testable import ContainerNetwork

@Suite("Questions and answers of names") struct NameTests {
    static func query(_ name: String, _ type: UInt16 = 1, flags: UInt16 = 0x0100, options: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = [0x12, 0x34, UInt8(flags >> 8), UInt8(flags & 255), 0, 1, 0, 0, 0, 0, 0, options ? 1 : 0]
        for label in name.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + label.utf8 }
        bytes += [0, UInt8(type >> 8), UInt8(type & 255), 0, 1]
        if options { bytes += [0, 0, 41, 0x08, 0, 0, 0, 0, 0, 0, 0] }
        return bytes
    }

    @Test("a question is read") func reads() throws {
        let query = try DNSQuery(Self.query("Web.App", 28, options: true)[...])
        #expect(query.name == "web.app" && query.type == 28 && query.id == 0x1234 && query.datagramLimit == 2048)
        #expect(try DNSQuery(Self.query("x")[...]).datagramLimit == nil)
        #expect(try DNSQuery(Self.query("")[...]).labels.isEmpty)
    }

    @Test("pointers") func pointers() throws {
        #expect(try DNSQuery(Self.query("2.0.24.172.in-addr.arpa", 12)[...]).reverseAddress == IPAddress("172.24.0.2"))
        let six = Array(repeating: "0", count: 31).reduce("2") { $0 + "." + $1 } + ".ip6.arpa"
        #expect(try DNSQuery(Self.query(six, 12)[...]).reverseAddress == IPAddress("::2"))
        for bad in [
            "1.2.3.in-addr.arpa", "256.0.0.1.in-addr.arpa", "in-addr.arpa", "a.b.c.d.in-addr.arpa", "1.ip6.arpa",
        ] {
            #expect(try DNSQuery(Self.query(bad, 12)[...]).reverseAddress == nil, "\(bad)")
        }
    }

    @Test("what is broken is refused or not answered, at every length and with every byte changed") func hostile() {
        let good = Self.query("a.very.long.name.of.a.container", options: true)
        for length in 0..<good.count { _ = try? DNSQuery(good[..<length]) }
        for place in good.indices {
            for byte in [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF] as [UInt8] {
                var changed = good
                changed[place] = byte
                guard let query = try? DNSQuery(changed[...]) else { continue }
                _ = DNSAnswer.message(query, .success, [.address(.anyV4)], limit: 512)
                _ = query.reverseAddress
                _ = query.name.flatMap { NameIndex.key($0) }
            }
        }
        func outcome(_ bytes: [UInt8]) -> DNSQuery.Problem? {
            do throws(DNSQuery.Problem) {
                _ = try DNSQuery(bytes[...])
                return nil
            } catch { return error }
        }
        #expect(outcome([]) == .unanswerable)
        #expect(outcome(Self.query("a", flags: 0x8180)) == .unanswerable, "an answer is never answered")
        #expect(outcome(Self.query("a", flags: 0x2000)) == .answer(id: 0x1234, flags: 0x2000, .notImplemented))
        #expect(outcome(Array(Self.query("a").dropLast())) == .answer(id: 0x1234, flags: 0x0100, .formatError))
        #expect(
            outcome(Array(Self.query("a").prefix(12)) + [0xC0, 0x0C, 0, 1, 0, 1])
                == .answer(id: 0x1234, flags: 0x0100, .formatError))
        #expect(outcome(Array(repeating: 0, count: 5000)) == .unanswerable)
    }

    @Test("an answer that is too long is cut, and says so") func cut() throws {
        let query = try DNSQuery(Self.query("web")[...])
        let many = (0..<100).map { DNSAnswer.Record.address(.v4(0x0A00_0000 + UInt32($0))) }
        let short = DNSAnswer.message(query, .success, many, limit: 512)
        #expect(short.count <= 512 && DNSForwarding.isCut(short[...]))
        let whole = DNSAnswer.message(query, .success, many, limit: 65535)
        #expect(!DNSForwarding.isCut(whole[...]) && whole[7] == 100)
    }

    @Test("only an answer to the question is one") func forwarding() throws {
        let query = try DNSQuery(Self.query("Example.test")[...])
        var answer = DNSAnswer.message(query, .success, [.address(.anyV4)], limit: 512)
        #expect(DNSForwarding.isAnswer(answer[...], to: query, id: 0x1234))
        #expect(!DNSForwarding.isAnswer(answer[...], to: query, id: 0x1235))
        answer[13] ^= 0x20
        #expect(DNSForwarding.isAnswer(answer[...], to: query, id: 0x1234), "the size of letters may change")
        answer[13] ^= 1
        #expect(!DNSForwarding.isAnswer(answer[...], to: query, id: 0x1234))
        for length in 0..<12 { #expect(!DNSForwarding.isAnswer(answer[..<length], to: query, id: 0x1234)) }
        #expect(DNSForwarding.renumbered([], 5).isEmpty)
    }

    @Test("a remembered name is looked at again, and is gone with its container") func remembered() throws {
        let directory = try ScratchDirectory()
        let index = NameIndex(directory: directory.path)
        let endpoint = try RecordTests.endpoint("abc", ports: [])
        let address = try #require(endpoint.addresses.first?.address)
        let name = try #require(endpoint.names.compactMap { NameIndex.key($0) }.first)
        let cached = CachedNames(index)
        #expect(cached.addresses(name, in: endpoint.network) == nil)
        try index.add(endpoint)
        // Also when nothing was looked at in between: what is not known is never remembered.
        #expect(cached.addresses(name, in: endpoint.network)?.contains(address) == true)
        usleep(200_000)
        for _ in 0..<3 {
            cached.look()
            #expect(cached.addresses(name, in: endpoint.network)?.contains(address) == true)
        }
        let other = try RecordTests.endpoint("def", ports: [])
        try index.add(other)
        cached.look()
        #expect((cached.addresses(name, in: endpoint.network)?.count ?? 0) >= endpoint.addresses.count)
        // Only what has not changed for a while is remembered.
        usleep(200_000)
        cached.look()
        #expect(cached.addresses(name, in: endpoint.network) != nil)
        index.remove(endpoint)
        index.remove(other)
        #expect(cached.addresses(name, in: endpoint.network) != nil, "until the next look")
        cached.look()
        #expect(cached.addresses(name, in: endpoint.network) == nil)
    }

    @Test("datagrams that come and go together") func batches() throws {
        // One that is free: taken for a moment by a socket that tells its number.
        let port = try PortSocket(.udp, address: [127, 0, 0, 1], port: 0).port
        let server = try InternetSocket.bound(.udp, [127, 0, 0, 1], port: port).intoDescriptor()
        let client = try InternetSocket.connecting(.udp, to: InternetPeer(address: [127, 0, 0, 1], port: port))
            .intoDescriptor()
        for number in 0..<40 { _ = try StreamSocket.send(client.rawValue, [UInt8(number), 1, 2][...]) }
        _ = try StreamSocket.send(client.rawValue, [UInt8](repeating: 9, count: 100)[...])
        let batch = DatagramBatch(limit: 64)
        var seen = [UInt8]()
        var tooLong = 0
        while true {
            let count = try batch.receive(server.rawValue)
            if count == 0 { break }
            for index in 0..<count {
                guard let bytes = batch.received(index) else {
                    tooLong += 1
                    continue
                }
                seen.append(bytes[0])
                #expect(batch.add([bytes[0]], to: batch.sender(index)))
            }
            batch.send(server.rawValue)
        }
        #expect(seen == Array(0..<40))
        #expect(tooLong == 1)
        var answers = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 64)
        while let (length, _) = try InternetSocket.receive(client.rawValue, into: &buffer) {
            #expect(length == 1)
            answers.append(buffer[0])
        }
        #expect(answers == Array(0..<40))
    }

    @Test("names that become file names") func keys() {
        #expect(NameIndex.key("Web-1_x.y") == "web-1_x.y")
        for bad in ["", ".", "..", ".x", "a/b", "a b", "a\0", "é", String(repeating: "a", count: 254)] {
            #expect(NameIndex.key(bad) == nil, "\(bad)")
        }
    }

    @Test("resolv.conf") func configuration() {
        let text =
            "search a.test b.test\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\nnameserver x\nnameserver ::1\noptions ndots:2 rotate\nsearch last.test\n# x\n"
        let read = ResolverConfiguration(Array(text.utf8))
        #expect(read.servers.map(\.description) == ["10.0.0.1", "::1"])
        #expect(read.searchDomains == ["last.test"] && read.options == ["ndots:2", "rotate"])
        #expect(read.text == "nameserver 10.0.0.1\nnameserver ::1\nsearch last.test\noptions ndots:2 rotate\n")
        #expect(ResolverConfiguration(Array("nameserver".utf8) + [0xFF, 10, 0]).servers.isEmpty)
    }
}

@Suite("What a network may be") struct NetworkRequestTests {
    static func record(_ change: (inout NetworkRequest) -> Void) throws -> NetworkRecord {
        var request = NetworkRequest(name: "n")
        change(&request)
        return try request.record(id: "1", bridge: "bn-x")
    }

    static func subnets(_ texts: String...) -> [IPNetwork] { texts.compactMap { IPNetwork($0) } }

    @Test("placed where they belong") func places() throws {
        let record = try Self.record {
            $0.usesIPv6 = true
            $0.subnets = Self.subnets("10.9.0.0/24", "fd00:9::/64")
            $0.gateways = [IPAddress("fd00:9::fe"), IPAddress("10.9.0.254")].compactMap { $0 }
            $0.ranges = Self.subnets("10.9.0.64/26")
            $0.reserved = ["printer": .v4(0x0A09_0041)]
            $0.options = ["mtu": "1400", "icc": "false"]
        }
        #expect(record.v4?.gateway == IPAddress("10.9.0.254") && record.v6?.gateway == IPAddress("fd00:9::fe"))
        #expect(record.v4?.room == 63 && record.mtu == 1400 && !record.allowsMembers)
    }

    @Test("refused") func refuses() throws {
        let bad: [(inout NetworkRequest) -> Void] = [
            { $0.subnets = Self.subnets("10.9.0.1/24") }, { $0.subnets = Self.subnets("10.9.0.0/31") },
            { $0.subnets = Self.subnets("127.1.0.0/16") }, { $0.subnets = Self.subnets("224.0.0.0/8") },
            { $0.subnets = Self.subnets("fd00:9::/64") }, { $0.subnets = Self.subnets("10.9.0.0/24", "10.8.0.0/24") },
            { $0.gateways = [.v4(0x0A09_0001)] },
            {
                $0.subnets = Self.subnets("10.9.0.0/24"); $0.gateways = [.v4(0x0A09_0000)]
            },
            {
                $0.subnets = Self.subnets("10.9.0.0/24"); $0.gateways = [.v4(0x0A09_00FF)]
            },
            {
                $0.subnets = Self.subnets("10.9.0.0/24"); $0.ranges = Self.subnets("10.9.0.0/16")
            },
            {
                $0.subnets = Self.subnets("10.9.0.0/30"); $0.reserved = ["a": .v4(0x0A09_0002)]
            },
            { $0.usesIPv4 = false }, { $0.driver = .macvlan }, { $0.options = ["mtu": "60"] },
            {
                $0.options = ["mtu": "1000"]; $0.usesIPv6 = true
            }, { $0.options = ["icc": "perhaps"] },
            { $0.options = ["com.docker.network.bridge.name": "a/b"] }, { $0.options = ["no.such": "1"] },
            { $0.options = ["com.docker.network.bridge.name": "sixteen-letters-"] }, { $0.options = ["publish": "x"] },
        ]
        for (number, change) in bad.enumerated() {
            #expect(throws: NetworkError.self, "\(number)") { _ = try Self.record(change) }
        }
    }

    @Test("unique local subnets avoid what is taken") func uniqueLocal() throws {
        var numbers: [UInt64] = [0, 0, 1]
        let first = try #require(SubnetPool.uniqueLocal(taken: []) { numbers.removeFirst() })
        #expect(first.description == "fd00::/64")
        let next = SubnetPool.uniqueLocal(taken: [first]) { numbers.removeFirst() }
        #expect(next?.description == "fd00:0:0:1::/64")
        #expect(SubnetPool.uniqueLocal(taken: Self.subnets("fd00::/8")) == nil)
    }

    @Test("the forward policy of old iptables, and bytes that make no sense") func legacy() {
        var info = [UInt8](repeating: 0, count: 84)
        info[64] = 8
        var rules = [UInt8](repeating: 0, count: 8 + 112 + 40)
        rules[8 + 88] = 112
        rules.replaceSubrange((8 + 112 + 32)..., with: [0xFF, 0xFF, 0xFF, 0xFF] + [0, 0, 0, 0])
        #expect(LegacyTables.forwardPolicy(info: info[...], rules: rules[...], six: false) == -1)
        for length in 0..<rules.count - 4 {
            _ = LegacyTables.forwardPolicy(info: info[...], rules: rules[..<length], six: false)
        }
        info.replaceSubrange(64..<68, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(LegacyTables.forwardPolicy(info: info[...], rules: rules[...], six: false) == nil)
        #expect(LegacyTables.forwardPolicy(info: [], rules: [], six: true) == nil)
    }
}
