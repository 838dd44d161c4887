import Testing

@testable import Netlink

@Suite("Addresses") struct AddressTests {
    @Test("IPv4 text", arguments: ["0.0.0.0", "127.0.0.1", "255.255.255.255", "172.24.15.9"]) func v4(text: String) {
        #expect(IPAddress(text)?.description == text)
    }

    @Test(
        "IPv6 text",
        arguments: [
            ("::", "::"), ("::1", "::1"), ("fd00:0:0:1::", "fd00:0:0:1::"),
            ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
            ("::ffff:192.0.2.1", "::ffff:c000:201"), ("1::8", "1::8"), ("0:0:0:0:0:0:0:0", "::"),
        ]) func v6(text: String, canonical: String)
    {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(
        "what is no address",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.-4", "+1.2.3.4", " 1.2.3.4", "1.2.3.4 ",
            "1..3.4",
            "1.2.3.4/8", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1%eth0",
            "1:2:3:4:5:6:7:1.2.3.4",
            "1.2.3.4::", "::1.2.3", "-1::", "٣.2.3.4", "fe80::+1",
        ]) func noAddress(text: String)
    {
        #expect(IPAddress(text) == nil)
    }

    @Test("bytes and back") func bytes() throws {
        for text in ["1.2.3.4", "2001:db8::ff00:42:8329"] {
            let address = try #require(IPAddress(text))
            #expect(IPAddress(bytes: address.bytes) == address)
        }
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test("neighbours in number") func advanced() {
        #expect(IPAddress("1.2.3.255")?.advanced(by: 1)?.description == "1.2.4.0")
        #expect(IPAddress("255.255.255.255")?.advanced(by: 1) == nil)
        #expect(IPAddress("0.0.0.0")?.advanced(by: -1) == nil)
        #expect(IPAddress("::ffff:ffff:ffff:ffff")?.advanced(by: 1)?.description == "0:0:0:1::")
        #expect(IPAddress.v6(high: .max, low: .max).advanced(by: 1) == nil)
    }

    @Test("subnets") func subnets() throws {
        let net = try #require(IPNetwork("172.24.5.6/20"))
        #expect(net.subnet.description == "172.24.0.0/20")
        #expect(net.last.description == "172.24.15.255")
        #expect(net.size == 4096)
        #expect(net.contains(try #require(IPAddress("172.24.15.255"))))
        #expect(!net.contains(try #require(IPAddress("172.24.16.0"))))
        #expect(!net.contains(.anyV6))
        let wide = try #require(IPNetwork("172.16.0.0/12"))
        #expect(wide.overlaps(net) && net.overlaps(wide))
        #expect(!net.overlaps(try #require(IPNetwork("172.24.16.0/20"))))
        #expect(try #require(IPNetwork("0.0.0.0/0")).overlaps(net))
        #expect(!(try #require(IPNetwork("::/0")).overlaps(net)))
        let six = try #require(IPNetwork("fd00:1:2:3:4::1/66"))
        #expect(six.base.description == "fd00:1:2:3::")
        #expect(six.last.description == "fd00:1:2:3:3fff:ffff:ffff:ffff")
    }

    @Test(
        "what is no subnet",
        arguments: [
            "1.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/08", "::/129", "/8", "1.2.3.4/8/8",
            "1.2.3.4/+8",
        ])
    func noSubnet(text: String) { #expect(IPNetwork(text) == nil) }

    @Test("link-layer addresses") func mac() throws {
        #expect(MACAddress("02:42:AC:18:00:02")?.description == "02:42:ac:18:00:02")
        #expect(MACAddress("02-42-ac-18-00-02")?.bytes == [2, 0x42, 0xAC, 0x18, 0, 2])
        for bad in [
            "", "02:42:ac:18:00", "02:42:ac:18:00:02:03", "2:42:ac:18:00:02", "+2:42:ac:18:00:02", "0g:42:ac:18:00:02",
        ] {
            #expect(MACAddress(bad) == nil)
        }
        #expect(MACAddress(for: try #require(IPAddress("172.24.0.2"))).description == "02:42:ac:18:00:02")
        #expect(MACAddress("01:00:5e:00:00:01")?.isUnicast == false)
        #expect(MACAddress("00:00:00:00:00:00")?.isUnicast == false)
        #expect(MACAddress("02:00:00:00:00:00")?.isUnicast == true)
    }
}
