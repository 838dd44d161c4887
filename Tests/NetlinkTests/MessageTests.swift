import LinuxKernel
import Testing

@testable import Netlink

@Suite("Netlink messages") struct MessageTests {
    @Test("attributes are padded, nested ones are marked, lengths are without padding") func layout() {
        var writer = NetlinkWriter()
        writer.message(type: 16, flags: 0x605, sequence: 7) {
            $0.append(UInt32(0x0102_0304))
            $0.attribute(3, text: "lo")
            $0.nested(18) { $0.attribute(1, UInt16(0xABCD)) }
            $0.attribute(5, bigEndian: UInt32(1))
        }
        let expected: [UInt8] = [
            48, 0, 0, 0, 16, 0, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0,
            4, 3, 2, 1,
            7, 0, 3, 0, 0x6C, 0x6F, 0, 0,
            12, 0, 18, 0x80, 6, 0, 1, 0, 0xCD, 0xAB, 0, 0,
            8, 0, 5, 0, 0, 0, 0, 1,
        ]
        #expect(writer.bytes == expected)
        #expect(!writer.overflowed)
    }

    @Test("text ends at a zero byte") func zeroByte() {
        var writer = NetlinkWriter()
        writer.attribute(1, text: "a\0b")
        #expect(writer.bytes == [6, 0, 1, 0, 0x61, 0, 0, 0])
    }

    @Test("an attribute that is too long is noticed") func overflow() {
        var writer = NetlinkWriter()
        writer.nested(1) { outer in for _ in 0..<3 { outer.attribute(2, bytes: [UInt8](repeating: 1, count: 30_000)) } }
        #expect(writer.overflowed)
        var batch = NetlinkBatch()
        batch.add("test", "it", type: 1) { $0.attribute(2, bytes: [UInt8](repeating: 1, count: 65_600)) }
        let transport = RecordedTransport()
        var connection = NetlinkConnection(transport)
        #expect(throws: NetlinkError(operation: "test", object: "it", cause: Errno(rawValue: 90))) {
            try connection.run(batch)
        }
        #expect(transport.sent.isEmpty)
    }

    @Test("what is written is read") func roundTrip() throws {
        var writer = NetlinkWriter()
        for number in 1...3 {
            writer.message(type: 40, flags: 2, sequence: UInt32(number)) {
                $0.append(UInt8(9))
                $0.align()
                $0.nested(4) {
                    $0.attribute(1, text: "name\(number)")
                    $0.attribute(2, bigEndian: UInt64(number))
                }
            }
        }
        let messages = try NetlinkMessage.parse(writer.bytes[...])
        #expect(messages.map(\.sequence) == [1, 2, 3])
        for message in messages {
            let inner = try #require(message.attributes(after: 1).nested(4))
            #expect(inner.text(1) == "name\(message.sequence)")
            #expect(inner.bigEndian(2, as: UInt64.self) == UInt64(message.sequence))
            #expect(inner.number(2, as: UInt32.self) == nil, "another size is not read")
            #expect(inner[9] == nil)
        }
    }

    @Test("acknowledgements with and without the request, with and without words") func acknowledgement() throws {
        func error(_ code: Int32, flags: UInt16, requestLength: UInt32 = 20, _ tail: [UInt8]) -> NetlinkMessage {
            var writer = NetlinkWriter()
            writer.append(code)
            writer.append(requestLength)
            writer.append([UInt8](repeating: 0, count: 12))
            writer.append(tail)
            return NetlinkMessage(type: 2, flags: flags, sequence: 1, payload: writer.bytes[...])
        }
        let words: [UInt8] = [9, 0, 1, 0, 0x4E, 0x6F, 0x70, 0x65, 0, 0, 0, 0]
        #expect(error(0, flags: 0x100, []).acknowledgement?.code == 0)
        #expect(error(-17, flags: 0x300, words).acknowledgement?.code == 17)
        #expect(error(-17, flags: 0x300, words).acknowledgement?.text == "Nope")
        #expect(
            error(-17, flags: 0x200, [1, 2, 3, 4] + words).acknowledgement?.text == "Nope",
            "the request's body is skipped")
        #expect(error(-17, flags: 0x200, requestLength: 9_999, words).acknowledgement?.text == "", "a length that lies")
        #expect(error(-17, flags: 0x200, requestLength: 3, words).acknowledgement?.text == "")
        #expect(error(Int32.min, flags: 0, []).acknowledgement?.code == 74)
        #expect(NetlinkMessage(type: 2, flags: 0, sequence: 0, payload: [1, 2]).acknowledgement?.code == 74)
        #expect(NetlinkMessage(type: 3, flags: 0, sequence: 0, payload: []).acknowledgement?.code == 0)
        #expect(NetlinkMessage(type: 16, flags: 0, sequence: 0, payload: [0, 0, 0, 0]).acknowledgement == nil)
    }

    @Test("every cut and every changed byte is survived") func hostile() throws {
        var batch = NetlinkBatch()
        batch.addVeth(
            "v-berth-abc", master: 4, mtu: 1500,
            peer: LinkPeer(name: "eth0", macAddress: MACAddress(for: .v4(0xAC18_0002)), namespace: 9))
        batch.addElements(
            [SetElement(set: "published", key: [1, 2, 3, 4], data: [5, 6, 7, 8])], to: TableName(.inet, "berth"))
        let good = batch.writer.bytes
        func readAll(_ bytes: [UInt8]) {
            guard let messages = try? NetlinkMessage.parse(bytes[...]) else { return }
            for message in messages {
                _ = message.acknowledgement
                _ = LinkInfo(message)
                _ = AddressInfo(message)
                _ = RouteInfo(message)
                _ = ChainInfo(message)
                for type in [16, 20, 24, 0xA03] as [UInt16] {
                    let other = NetlinkMessage(type: type, flags: 0, sequence: 0, payload: message.payload)
                    _ = LinkInfo(other)
                    _ = AddressInfo(other)
                    _ = RouteInfo(other)
                    _ = ChainInfo(other)
                }
                walk(message.attributes(after: 16), depth: 0)
            }
        }
        func walk(_ attributes: NetlinkAttributes, depth: Int) {
            guard depth < 6 else { return }
            for attribute in attributes { walk(NetlinkAttributes(attribute.value), depth: depth + 1) }
        }
        for length in 0...good.count { readAll(Array(good[..<length])) }
        for position in good.indices {
            for value in [0, 1, 3, 4, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bad = good
                bad[position] = value
                readAll(bad)
            }
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let count = Int.random(in: 0..<200, using: &generator)
            readAll((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        }
    }

    @Test("a message's length that lies is refused") func lyingLength() {
        for length in [0, 1, 15, 17, 1_000, UInt32.max] as [UInt32] {
            var bytes = [UInt8](repeating: 0, count: 16)
            withUnsafeBytes(of: length) { bytes.replaceSubrange(0..<4, with: $0) }
            #expect(throws: Errno(rawValue: 74)) { try NetlinkMessage.parse(bytes[...]) }
        }
        #expect(throws: Errno(rawValue: 74)) { try NetlinkMessage.parse([1, 2, 3]) }
    }

    @Test("reading attributes stops at one that cannot be") func lyingAttribute() {
        let bytes: [UInt8] = [8, 0, 1, 0, 9, 9, 9, 9, 200, 0, 2, 0, 1, 2, 3, 4]
        let attributes = NetlinkAttributes(bytes[...])
        #expect(attributes.number(1, as: UInt32.self) == 0x0909_0909)
        #expect(attributes[2] == nil)
        #expect(Array(NetlinkAttributes([3, 0, 1, 0])).isEmpty)
        #expect(Array(NetlinkAttributes([0, 0, 0, 0, 0, 0, 0, 0])).isEmpty, "a length of 0 does not loop for ever")
    }
}
