import Testing

@testable import ControlGroups

@Suite struct SystemdUnitTests {
    @Test(arguments: [
        ("system.slice:berth:web", "system.slice", "berth-web.scope", "/system.slice/berth-web.scope"),
        (":cri:x1", "system.slice", "cri-x1.scope", "/system.slice/cri-x1.scope"),
        ("a-b-c.slice:p:n", "a-b-c.slice", "p-n.scope", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"),
        ("-.slice::n", "-.slice", "n.scope", "/n.scope"),
        ("", "system.slice", "berth-ID.scope", "/system.slice/berth-ID.scope"),
    ])
    func names(_ path: String, _ slice: String, _ name: String, _ group: String) throws {
        let unit = try SystemdUnit(path, id: "ID")
        #expect(unit.slice == slice && unit.name == name && unit.groupPath == group)
    }

    @Test(arguments: [
        "/system.slice/x", "a:b", "a.slice:b:c:d", "notaslice:b:c", "x.slice:b:", "x.slice:b:c/d", "x.slice:../b:c",
        "a--b.slice:p:n", "x.slice:b:c\n", "x.slice:\u{301}:c", String(repeating: "x", count: 300) + ".slice:a:b",
    ])
    func refused(_ path: String) { #expect(throws: ControlGroupError.self) { try SystemdUnit(path, id: "ID") } }
}

@Suite struct SystemdPropertyTests {
    private func limits() -> ResourceLimits {
        var limits = ResourceLimits()
        limits.memory.limit = 64 << 20
        limits.memory.swap = 96 << 20
        limits.memory.reservation = 32 << 20
        limits.cpu.shares = 512
        limits.cpu.quota = 150_000
        limits.cpu.period = 100_000
        limits.cpu.cpus = "0-2,9"
        limits.cpu.mems = "0"
        limits.blockIO.weight = 100
        limits.pids = 77
        return limits
    }

    @Test func version2() {
        let found = SystemdProperties.limits(limits(), isVersion2: true)
        #expect(
            found == [
                .init("MemoryMax", .uint64(64 << 20)), .init("MemoryLow", .uint64(32 << 20)),
                .init("MemorySwapMax", .uint64(32 << 20)), .init("CPUWeight", .uint64(CPUWeight.weight(shares: 512))),
                .init("CPUQuotaPeriodUSec", .uint64(100_000)), .init("CPUQuotaPerSecUSec", .uint64(1_500_000)),
                .init("IOWeight", .uint64(CPUWeight.ioWeight(100))), .init("TasksMax", .uint64(77)),
                .init("AllowedCPUs", .bytes([0b111, 0b10])), .init("AllowedMemoryNodes", .bytes([1])),
            ])
    }

    @Test func version1() {
        let found = SystemdProperties.limits(limits(), isVersion2: false)
        #expect(
            found == [
                .init("MemoryLimit", .uint64(64 << 20)), .init("CPUShares", .uint64(512)),
                .init("CPUQuotaPeriodUSec", .uint64(100_000)), .init("CPUQuotaPerSecUSec", .uint64(1_500_000)),
                .init("BlockIOWeight", .uint64(100)), .init("TasksMax", .uint64(77)),
            ])
    }

    @Test func unlimitedAndRounding() {
        #expect(SystemdProperties.perSecond(quota: -1, period: 100_000) == .max)
        // Hundredths of a processor, never less than asked.
        #expect(SystemdProperties.perSecond(quota: 33_333, period: 100_000) == 340_000)
        #expect(SystemdProperties.perSecond(quota: .max, period: 1000) == .max)
        var limits = ResourceLimits()
        limits.memory.limit = -1
        limits.pids = -1
        #expect(
            SystemdProperties.limits(limits, isVersion2: true)
                == [.init("MemoryMax", .uint64(.max)), .init("TasksMax", .uint64(.max))])
    }

    @Test func annotationsWinAndSecondsBecomeMicroseconds() throws {
        let extra = try SystemdAnnotations.properties([
            "org.systemd.property.TimeoutStopSec": "uint64 12",
            "org.systemd.property.CollectMode": "'inactive-or-failed'",
            "org.systemd.property.After": "['a.service', 'b.service']", "org.systemd.property.TasksMax": "uint64 5",
            "other": "x",
        ])
        #expect(
            extra == [
                .init("After", .array(element: "s", [.string("a.service"), .string("b.service")])),
                .init("CollectMode", .string("inactive-or-failed")), .init("TasksMax", .uint64(5)),
                .init("TimeoutStopUSec", .uint64(12_000_000)),
            ])
        let unit = try SystemdUnit("x.slice:a:b", id: "i")
        let all = SystemdProperties.start(unit, id: "i", pid: 7, limits: limits(), isVersion2: true, extra: extra)
        #expect(all.filter { $0.name == "TasksMax" } == [.init("TasksMax", .uint64(5))])
        #expect(
            all.contains(.init("PIDs", .array(element: "u", [.uint32(7)])))
                && all.contains(.init("Delegate", .bool(true))))
    }

    @Test(arguments: [
        ("true", BusValue.bool(true)), ("-5", .int32(-5)), ("byte 255", .byte(255)), ("int64 -9", .int64(-9)),
        ("1.5", .double(1.5)),
        ("\"a\\\"b\"", .string("a\"b")), ("[]", .array(element: "s", [])),
        ("[1, 2]", .array(element: "i", [.int32(1), .int32(2)])),
        ("  'x' ", .string("x")), ("uint16 65535", .uint16(65535)), ("uint32 4294967295", .uint32(.max)),
    ])
    func variants(_ text: String, _ value: BusValue) { #expect(SystemdAnnotations.parse(text) == value) }

    @Test(arguments: [
        "", "'", "'a", "[", "[1", "[1,", "['a', 1]", "[[1]]", "byte 256", "uint64 -1", "int32", "true x", "fun",
        "'a' 'b'", "\\", "'\\q'",
    ])
    func textThatIsNoVariant(_ text: String) { #expect(SystemdAnnotations.parse(text) == nil) }

    @Test(arguments: [
        "org.systemd.property.", "org.systemd.property.a", "org.systemd.property.A_B", "org.systemd.property.X.Y",
        "org.systemd.property.PIDs", "org.systemd.property.Slice", "org.systemd.property.Delegate",
    ])
    func namesThatAreNone(_ name: String) {
        #expect(throws: ControlGroupError.self) { try SystemdAnnotations.properties([name: "true"]) }
    }

    @Test func secondsThatAreNone() {
        #expect(throws: ControlGroupError.self) {
            try SystemdAnnotations.properties(["org.systemd.property.TimeoutStopSec": "'x'"])
        }
    }
}

@Suite struct BusMessageTests {
    /// A call written out by hand from the specification.
    @Test func aCallsBytes() {
        let bytes = BusMessage.call(
            serial: 2, path: "/a", interface: "b.c", member: "D", destination: "e.f", [.string("hi"), .bool(true)])
        var expected: [UInt8] = [UInt8(ascii: "l"), 1, 0, 1, 12, 0, 0, 0, 2, 0, 0, 0, 0x43, 0, 0, 0]
        expected += [1, 1, 0x6F, 0, 2, 0, 0, 0] + Array("/a\0".utf8) + [0, 0, 0, 0, 0]
        expected += [2, 1, 0x73, 0, 3, 0, 0, 0] + Array("b.c\0".utf8) + [0, 0, 0, 0]
        expected += [3, 1, 0x73, 0, 1, 0, 0, 0] + Array("D\0".utf8) + [0, 0, 0, 0, 0, 0]
        expected += [6, 1, 0x73, 0, 3, 0, 0, 0] + Array("e.f\0".utf8) + [0, 0, 0, 0]
        expected += [8, 1, 0x67, 0, 2] + Array("sb\0".utf8)
        expected[12] = UInt8(expected.count - 16)
        while expected.count % 8 != 0 { expected.append(0) }
        expected += [2, 0, 0, 0] + Array("hi\0".utf8) + [0, 1, 0, 0, 0]
        #expect(bytes == expected)
    }

    @Test func nestedValues() {
        var writer = BusWriter()
        writer.append(.array(element: "(sv)", [.structure([.string("A"), .variant(.uint64(1))])]))
        let expected: [UInt8] =
            [24, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0] + Array("A\0".utf8) + [1] + Array("t\0".utf8) + [0, 0, 0, 0, 0, 0, 0]
            + [1, 0, 0, 0, 0, 0, 0, 0]
        // The variant's signature ends at 17; its 64-bit number begins at 24.
        #expect(writer.bytes == expected)
        var empty = BusWriter()
        empty.append(.array(element: "(sv)", []))
        #expect(empty.bytes == [0, 0, 0, 0, 0, 0, 0, 0])
    }

    private func signal() -> [UInt8] {
        // A JobRemoved signal, made with our own writer and then changed byte by byte below.
        var body = BusWriter()
        for value in [BusValue.uint32(9), .objectPath("/j/9"), .string("a.scope"), .string("done")] {
            body.append(value)
        }
        var writer = BusWriter()
        for byte: UInt8 in [UInt8(ascii: "l"), 4, 0, 1] { writer.append(.byte(byte)) }
        writer.append(.uint32(UInt32(body.bytes.count)))
        writer.append(.uint32(5))
        writer.append(
            .array(
                element: "(yv)",
                [
                    .structure([.byte(1), .variant(.objectPath("/o"))]),
                    .structure([.byte(3), .variant(.string("JobRemoved"))]),
                    .structure([.byte(8), .variant(.signature("uoss"))]),
                ]))
        writer.align(8)
        return writer.bytes + body.bytes
    }

    @Test func aSignalIsRead() throws {
        let message = try BusMessage(parsing: signal())
        #expect(message.kind == .signal && message.member == "JobRemoved" && message.path == "/o")
        #expect(message.arguments == [.uint32(9), .objectPath("/j/9"), .string("a.scope"), .string("done")])
    }

    /// Whatever a hostile bus sends: an error, or a message, and never a trap.
    @Test func anyBytesAreSafe() {
        let good = signal()
        for length in 0..<good.count {
            #expect(throws: BusError.self) { try BusMessage(parsing: Array(good[..<length])) }
        }
        for index in good.indices {
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var bytes = good
                bytes[index] = value
                _ = try? BusMessage(parsing: bytes)
            }
        }
        #expect(throws: BusError.self) {
            try BusMessage.length(Array("l\u{1}\0\u{1}".utf8) + [UInt8](repeating: 255, count: 12))
        }
    }
}
