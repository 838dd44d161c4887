import LinuxKernel
import Testing

@testable import Netlink

@Suite("Batches and their answers") struct ConnectionTests {
    static func answer(_ sequence: UInt32, _ code: Int32, _ text: String = "") -> [UInt8] {
        var writer = NetlinkWriter()
        writer.message(type: 2, flags: text.isEmpty ? 0x100 : 0x300, sequence: sequence) {
            $0.append(code)
            $0.append([UInt8](repeating: 0, count: 16))
            if !text.isEmpty { $0.attribute(1, text: text) }
        }
        return writer.bytes
    }

    static func message(_ type: UInt16, _ sequence: UInt32, flags: UInt16 = 2, _ payload: [UInt8] = []) -> [UInt8] {
        var writer = NetlinkWriter()
        writer.message(type: type, flags: flags, sequence: sequence) { $0.append(payload) }
        return writer.bytes
    }

    static func three() -> NetlinkBatch {
        var batch = NetlinkBatch()
        batch.add("do one", "a", type: 100) { $0.append(UInt32(1)) }
        batch.add("do two", "b", tolerating: [.fileExists], type: 101) { $0.append(UInt32(2)) }
        batch.add("do three", "c", type: 102) { $0.append(UInt32(3)) }
        return batch
    }

    @Test("one send, numbered, each asking for an acknowledgement") func bytes() throws {
        let transport = RecordedTransport(answers: [Self.answer(1, 0), Self.answer(2, 0) + Self.answer(3, 0)])
        var connection = NetlinkConnection(transport)
        try connection.run(Self.three())
        var expected = [UInt8]()
        for number in 1...3 as ClosedRange<UInt8> {
            expected += [20, 0, 0, 0, 99 + number, 0, 5, 0, number, 0, 0, 0, 0, 0, 0, 0, number, 0, 0, 0]
        }
        #expect(transport.sent == [expected])
        transport.answers = [Self.answer(4, 0), Self.answer(5, 0), Self.answer(6, 0)]
        try connection.run(Self.three())
        #expect(transport.sent[1][8] == 4, "the next batch has the next numbers")
    }

    @Test("all answers are read although the first is a failure, whatever their order") func failures() throws {
        let transport = RecordedTransport(answers: [
            Self.answer(99, -1), Self.answer(3, -22, "no such thing"), Self.message(16, 1, [1, 2, 3, 4]),
            Self.answer(2, -17),
            Self.answer(1, -2),
        ])
        var connection = NetlinkConnection(transport)
        let outcomes = try connection.execute(Self.three())
        #expect(transport.answers.isEmpty)
        #expect(outcomes[0].error == NetlinkError(operation: "do one", object: "a", cause: .noSuchFile))
        #expect(outcomes[0].replies.count == 1)
        #expect(outcomes[1].error == nil)
        #expect(outcomes[1].tolerated == .fileExists)
        #expect(
            outcomes[2].error?.description
                == "cannot do three c: invalid argument (the kernel says: no such thing)")
    }

    @Test("a lost answer is an error, not a hang; cut and nonsensical answers too") func lostAnswers() {
        for (answers, code) in [
            ([Self.answer(1, 0), Self.answer(2, 0)], 110), ([[1, 2, 3]], 74),
            ([[UInt8](repeating: 0, count: 40_000)], 90),
        ] as [([[UInt8]], Int32)] {
            var connection = NetlinkConnection(RecordedTransport(answers: answers))
            #expect(throws: NetlinkError(operation: "do one", object: "a", cause: Errno(rawValue: code))) {
                try connection.run(Self.three())
            }
            let isSound = connection.isSound
            #expect(!isSound)
        }
    }

    @Test("an answer that comes twice does not stand for another") func doubleAnswer() {
        var connection = NetlinkConnection(
            RecordedTransport(answers: [Self.answer(1, 0), Self.answer(1, 0), Self.answer(2, 0)]))
        #expect(throws: NetlinkError.self) { try connection.run(Self.three()) }
    }

    @Test("a long batch goes out in parts that fit the receive buffer") func parts() throws {
        var batch = NetlinkBatch()
        for number in 0..<150 { batch.add("do", "\(number)", type: 100) { $0.append(UInt32(number)) } }
        let transport = RecordedTransport(answers: (1...150).map { Self.answer(UInt32($0), 0) })
        var connection = NetlinkConnection(transport)
        try connection.run(batch)
        #expect(transport.sent.map(\.count) == [64 * 20, 64 * 20, 22 * 20])
    }

    @Test("a transaction is one datagram between begin and end") func transaction() throws {
        var batch = NetlinkBatch.tableTransaction()
        let table = TableName(.inet, "t")
        batch.addElements([SetElement(set: "s", key: [0, 1, 0, 0], data: [9])], to: table)
        batch.removeElements([SetElement(set: "s", key: [2], data: [9])], from: table)
        let transport = RecordedTransport(answers: [Self.answer(2, 0), Self.answer(3, 0)])
        var connection = NetlinkConnection(transport)
        try connection.run(batch)
        let begin: [UInt8] = [20, 0, 0, 0, 16, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
        let end: [UInt8] = [20, 0, 0, 0, 17, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
        let names: [UInt8] = [6, 0, 1, 0, 0x74, 0, 0, 0, 6, 0, 2, 0, 0x73, 0, 0, 0]
        let add: [UInt8] =
            [68, 0, 0, 0, 12, 10, 5, 4, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0] + names
            + [32, 0, 3, 0x80, 28, 0, 1, 0x80]
            + [12, 0, 1, 0x80, 8, 0, 1, 0, 0, 1, 0, 0]
            + [12, 0, 2, 0x80, 5, 0, 1, 0, 9, 0, 0, 0]
        let remove: [UInt8] =
            [56, 0, 0, 0, 14, 10, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0] + names
            + [20, 0, 3, 0x80, 16, 0, 1, 0x80]
            + [12, 0, 1, 0x80, 5, 0, 1, 0, 2, 0, 0, 0]
        #expect(transport.sent == [begin + add + remove + end])
    }

    @Test("many elements share a request, each set has its own") func manyElements() {
        var batch = NetlinkBatch.tableTransaction()
        let elements = (0..<1000).map {
            SetElement(set: $0 < 900 ? "a" : "b", key: [0, 0, UInt8($0 >> 8), UInt8($0 & 255)])
        }
        batch.addElements(elements, to: TableName(.inet, "t"))
        #expect(batch.entries.map(\.object) == ["a", "a", "a", "b"].map { "\($0) of table inet t" })
        #expect(!batch.writer.overflowed)
        batch.addElements([], to: TableName(.inet, "t"))
        #expect(batch.count == 4)
    }

    @Test("a transaction that fails as a whole is an error, and not waited for") func transactionFails() {
        var batch = NetlinkBatch.tableTransaction()
        batch.addElements([SetElement(set: "s", key: [1])], to: TableName(.inet, "t"))
        batch.addElements([SetElement(set: "s", key: [2])], to: TableName(.inet, "t"))
        for answers in [[Self.answer(1, -1, "no")], [Self.answer(1, -1, "no"), Self.answer(2, 0), Self.answer(3, 0)]] {
            let transport = RecordedTransport(answers: answers)
            var connection = NetlinkConnection(transport)
            #expect(
                throws: NetlinkError(
                    operation: "add an element to set", object: "s of table inet t", cause: .notPermitted,
                    kernelText: "no")
            ) { try connection.run(batch) }
            #expect(transport.answers.isEmpty)
        }
    }

    @Test("a dump is read to its end, and asked for again when a change interrupted it") func dump() throws {
        let done = Self.message(3, 2, [0, 0, 0, 0])
        let transport = RecordedTransport(answers: [
            Self.message(16, 1, flags: 2 | 0x10, [1]) + Self.message(3, 1, [0, 0, 0, 0]),
            Self.message(16, 2, [2]) + Self.message(16, 1, [9]), Self.message(16, 2, [3]), done,
        ])
        var connection = NetlinkConnection(transport)
        let result = try connection.dump("list", type: 18) { $0.append(UInt32(0)) }
        #expect(result.map { $0.payload.first } == [2, 3])
        #expect(transport.sent.count == 2)
        #expect(transport.sent[0].prefix(8) == [20, 0, 0, 0, 18, 0, 1, 3])
    }

    @Test("a dump that is refused, cut off, or never still") func dumpFails() {
        for (answers, code) in [
            ([Self.answer(1, -1)], 1), ([Self.message(16, 1, [1])], 110),
            ((1...20).map { Self.message(3, UInt32($0), flags: 2 | 0x10, [0, 0, 0, 0]) }, 4),
            ([Self.message(3, 1, [0xEA, 0xFF, 0xFF, 0xFF])], 22),
        ] as [([[UInt8]], Int32)] {
            var connection = NetlinkConnection(RecordedTransport(answers: answers))
            #expect(throws: NetlinkError(operation: "list", object: "", cause: Errno(rawValue: code))) {
                _ = try connection.dump("list", type: 18) { $0.append(UInt32(0)) }
            }
        }
    }
}
