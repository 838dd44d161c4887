import JSON
import OCI
import Testing

@testable import Engine

@Suite struct AttachFrameTests {
    @Test func framesSurviveTheWire() throws {
        let frames: [AttachFrame] = [
            .input([1, 2, 3]), .inputEnded, .resize(rows: 24, columns: 80), .signal(15), .output(Array("hi".utf8)), .errorOutput([]),
            .started, .warning("w"), .exited(-1), .failed("no", code: 127),
        ]
        var wire = frames.flatMap(\.encoded)
        var read = [AttachFrame]()
        while let frame = try AttachFrame.decode(&wire) { read.append(frame) }
        #expect(read == frames)
        #expect(wire.isEmpty)
    }

    @Test func waitsForTheRest() throws {
        let whole = AttachFrame.output(Array(repeating: 7, count: 100)).encoded
        for count in 0..<whole.count {
            var part = Array(whole[..<count])
            #expect(try AttachFrame.decode(&part) == nil)
            #expect(part.count == count)
        }
    }

    @Test func refusesNonsense() {
        var long: [UInt8] = [0, 255, 255, 255, 255]
        #expect(throws: EngineError.self) { try AttachFrame.decode(&long) }
        var unknown: [UInt8] = [99, 0, 0, 0, 0]
        #expect(throws: EngineError.self) { try AttachFrame.decode(&unknown) }
        var short: [UInt8] = [2, 1, 0, 0, 0, 9]
        #expect(throws: EngineError.self) { try AttachFrame.decode(&short) }
    }
}

@Suite struct RecordTests {
    private var record: ContainerRecord {
        var record = ContainerRecord(
            id: String(repeating: "a", count: 64), name: "web", created: "2026-01-01T00:00:00Z", image: "x", imageID: "sha256:1")
        record.layers = [ContainerRecord.Layer(path: "/l", idBase: 0)]
        record.idRange = IDRange(base: 536_870_912, size: 65536)
        record.command = ["sh", "-c", "true"]
        record.mounts = [ContainerMount(kind: .bind, source: "/a", destination: "/b")]
        record.limits.memory = 1 << 30
        record.limits.nanoCPUs = 500_000_000
        record.ports = [ContainerRecord.Port(hostAddress: "0.0.0.0", hostPort: 80, lastHostPort: 90, containerPort: 80, proto: "tcp")]
        record.ulimits = [ContainerRecord.Ulimit(name: "nofile", soft: 1, hard: UInt64.max)]
        record.security.seccomp = .profile("{}")
        return record
    }

    @Test func recordsSurviveTheDisk() throws {
        let read = try ContainerRecord(parsing: record.json.serialized())
        #expect(read.json == record.json)
        #expect(read.idRange == record.idRange)
        #expect(read.ulimits == record.ulimits)
        #expect(read.security == record.security)
    }

    @Test func aNewerFormatIsRefused() throws {
        var object = try #require(record.json.objectValue)
        object["formatVersion"] = 2
        #expect(throws: JSONError.self) { try ContainerRecord(parsing: JSONValue.object(object).serialized()) }
    }

    @Test func statesSurviveTheDisk() throws {
        var state = ContainerState()
        state.status = .running
        state.pid = 42
        state.processStart = UInt64.max
        state.ports = record.ports
        #expect(try ContainerState(parsing: state.json.serialized()) == state)
    }
}

@Suite struct NameTests {
    @Test func namesOfContainers() {
        for name in ["ab", "web-1", "a_b.c", "0x"] { #expect(ContainerName.isValid(name)) }
        for name in ["", "a", "../x", "-a", "a/b", "a\nb", "a\0b", "é1", " a", String(repeating: "a", count: 2000)] {
            #expect(!ContainerName.isValid(name))
        }
        for _ in 0..<200 { #expect(ContainerName.isValid(ContainerName.random())) }
    }

    @Test func idsAreDifferent() {
        let ids = Set((0..<1000).map { _ in ContainerID.make() })
        #expect(ids.count == 1000)
        #expect(ids.allSatisfy(ContainerID.isID))
        #expect(!ContainerID.isID("../../etc"))
    }

    @Test func rootsKeepApart() throws {
        let one = try EngineRoots(root: "/a"), two = try EngineRoots(root: "/b")
        #expect(one.instance != two.instance)
        #expect(try EngineRoots(root: nil).instance.isEmpty)
        #expect(try EngineRoots(root: "/a/") == one)
        for path in ["", "a", "/", "/a/../b", "/a/../\u{301}b"] { #expect(throws: EngineError.self) { try EngineRoots(root: path) } }
    }
}

@Suite struct DefaultSeccompTests {
    @Test func privilegedCallsNeedTheirCapability() {
        func names(_ capabilities: Set<String>) -> Set<String> {
            Set(DefaultSeccomp.profile(capabilities: capabilities).syscalls.filter { $0.action == "SCMP_ACT_ALLOW" && $0.args.isEmpty }.flatMap(\.names))
        }
        let standard = names(Set(ContainerSecurity.defaultCapabilities))
        for name in ["mount", "umount2", "unshare", "setns", "bpf", "reboot", "init_module", "open_by_handle_at", "keyctl", "add_key",
            "userfaultfd", "kexec_load", "clone3", "clone", "open_tree", "move_mount", "fsopen", "pivot_root", "swapon", "io_uring_setup"]
        {
            #expect(!standard.contains(name), "\(name)")
        }
        for name in ["read", "execve", "socketpair", "chroot", "ptrace"] { #expect(standard.contains(name), "\(name)") }
        #expect(names(["CAP_SYS_ADMIN"]).contains("mount"))
    }

    /// The kernel looks at 32 bits of the request, so the upper half must not make a difference.
    @Test func noCharactersArePutIntoTerminals() {
        let rules = DefaultSeccomp.profile(capabilities: []).syscalls.filter { $0.names == ["ioctl"] }
        func isAllowed(_ request: UInt64) -> Bool {
            rules.contains { rule in rule.args.allSatisfy { $0.op == "SCMP_CMP_MASKED_EQ" && request & $0.value == $0.valueTwo } }
        }
        #expect(!rules.isEmpty && rules.allSatisfy { !$0.args.isEmpty })
        for request: UInt64 in [0x5412, 0x541C] {
            for upper: UInt64 in [0, 1 << 32, 0xFFFF_FFFF << 32] { #expect(!isAllowed(request | upper)) }
            for bit in UInt64(0)..<32 where request ^ (1 << bit) != 0x541C && request ^ (1 << bit) != 0x5412 {
                #expect(isAllowed(request ^ (1 << bit)), "\(request ^ (1 << bit))")
            }
        }
        for request: UInt64 in 0x5400...0x5480 where request != 0x5412 && request != 0x541C { #expect(isAllowed(request)) }
    }
}
