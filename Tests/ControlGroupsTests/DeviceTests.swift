import Glibc
import Testing

@testable import ControlGroups

private func rule(_ allow: Bool, _ kind: DeviceRule.Kind, _ major: UInt32?, _ minor: UInt32?, _ letters: String)
    -> DeviceRule
{
    DeviceRule(
        allow: allow, kind: kind, major: major, minor: minor, access: DeviceRule.Access(letters: letters) ?? .all)
}

private let denyAll = DeviceRule(allow: false)

/// What the rules mean, said in the plainest way: each bit by the last rule that covers it.
private func allowed(_ rules: [DeviceRule], _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32, _ bits: UInt32)
    -> Bool
{
    if rules.isEmpty { return true }
    for bit: UInt32 in [1, 2, 4] where bits & bit != 0 {
        var verdict = false
        for rule in rules
        where (rule.kind == .all || rule.kind == kind) && (rule.major == nil || rule.major == major)
            && (rule.minor == nil || rule.minor == minor) && rule.access.rawValue & bit != 0
        { verdict = rule.allow }
        if !verdict { return false }
    }
    return true
}

/// Executes the few instructions the assembler knows.
private func execute(_ program: [UInt64], _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32, _ bits: UInt32)
    -> UInt32?
{
    var registers = [UInt32](repeating: 0xDEAD, count: 11)
    let context = [bits << 16 | (kind == .block ? 1 : 2), major, minor]
    var counter = 0
    while program.indices.contains(counter) {
        let word = program[counter]
        let to = Int(word >> 8 & 15)
        let from = Int(word >> 12 & 15)
        let offset = Int(Int16(truncatingIfNeeded: word >> 16))
        let immediate = UInt32(truncatingIfNeeded: word >> 32)
        counter += 1
        switch word & 0xFF {
        case 0x61: registers[to] = context[offset / 4]
        case 0xBC: registers[to] = registers[from]
        case 0xB4: registers[to] = immediate
        case 0x54: registers[to] &= immediate
        case 0x74: registers[to] >>= immediate
        case 0x56: if registers[to] != immediate { counter += offset }
        case 0x16: if registers[to] == immediate { counter += offset }
        case 0x95: return registers[0]
        default: return nil
        }
    }
    return nil
}

@Suite struct DeviceTests {
    @Test func exactInstructions() {
        // ldxw r2,[r1]; mov r3,r2; rsh r3,16; and r2,0xffff; ldxw r4,[r1+4]; ldxw r5,[r1+8]
        let prologue: [UInt64] = [
            0x0000_0000_0000_1261, 0x0000_0000_0000_23BC, 0x0000_0010_0000_0374, 0x0000_FFFF_0000_0254,
            0x0000_0000_0004_1461, 0x0000_0000_0008_1561,
        ]
        #expect(DeviceFilter.program([]) == prologue + [0x0000_0001_0000_00B4, 0x95])
        #expect(DeviceFilter.program([denyAll]) == prologue + [0x0000_0000_0000_00B4, 0x95])
        // allow c 1:3 rw, else deny
        #expect(
            DeviceFilter.program([denyAll, rule(true, .character, 1, 3, "rw")])
                == prologue + [
                    0x0000_0002_0006_0256,  // if r2 != 2 goto +6
                    0x0000_0001_0005_0456,  // if r4 != 1 goto +5
                    0x0000_0003_0004_0556,  // if r5 != 3 goto +4
                    0x0000_FFF9_0000_0354,  // r3 &= ~6
                    0x0000_0000_0002_0356,  // if r3 != 0 goto +2
                    0x0000_0001_0000_00B4, 0x95,  // return 1
                    0x0000_0000_0000_00B4, 0x95,  // return 0
                ])
    }

    @Test func programsMeanWhatTheRulesMean() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix(state: seed)
        print("device rules seed: \(seed)")
        for _ in 0..<repetitions(1000) {
            let rules = randomRules(&generator)
            let program = DeviceFilter.program(rules)
            for kind in [DeviceRule.Kind.character, .block] {
                for major: UInt32 in [1, 2, 0xFFFF_FFFF] {
                    for minor: UInt32 in [0, 3] {
                        for bits: UInt32 in 1...7 {
                            let wanted: UInt32 = allowed(rules, kind, major, minor, bits) ? 1 : 0
                            #expect(execute(program, kind, major, minor, bits) == wanted, "\(rules)")
                        }
                    }
                }
            }
        }
    }

    @Test func version1WritesMeanTheSameOrAreRefused() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix(state: seed)
        print("device rules seed: \(seed)")
        var expressible = 0
        for _ in 0..<repetitions(2000) {
            let rules = randomRules(&generator)
            guard let writes = Version1Devices.writes(rules), !rules.isEmpty else { continue }
            expressible += 1
            for kind in [DeviceRule.Kind.character, .block] {
                for major: UInt32 in [1, 2, 9] {
                    for minor: UInt32 in [0, 3] {
                        for bits: UInt32 in 1...7 {
                            // The kernel's own test: under a default of "deny" one exception must cover all bits, under
                            // "allow" none may touch any (security/device_cgroup.c).
                            let byDefault = writes[0].allow
                            let hits = writes.dropFirst().filter { matches($0.value, kind, major, minor) }.map {
                                accessBits($0.value)
                            }
                            let kernel =
                                byDefault ? !hits.contains { $0 & bits != 0 } : hits.contains { $0 & bits == bits }
                            let wanted = allowed(rules, kind, major, minor, bits)
                            // Two exceptions that each cover a part do not add up in the kernel: stricter, never looser.
                            #expect(
                                kernel == wanted || (!kernel && wanted && bits.nonzeroBitCount > 1),
                                "\(rules) \(writes)")
                        }
                    }
                }
            }
        }
        #expect(expressible > 10)
    }

    @Test func dockersDefaultIsExpressible() {
        let rules = [
            denyAll, rule(true, .character, nil, nil, "m"), rule(true, .block, nil, nil, "m"),
            rule(true, .character, 1, 3, "rwm"),
            rule(true, .character, 136, nil, "rwm"),
        ]
        #expect(
            Version1Devices.writes(rules)?.map(\.value) == ["a", "c *:* m", "b *:* m", "c 1:3 rwm", "c 136:* rwm"])
        #expect(Version1Devices.writes([DeviceRule(allow: true)]) == [.init(allow: true, value: "a")])
        #expect(Version1Devices.writes([]) == [])
    }

    @Test func holesAreNotExpressible() {
        #expect(
            Version1Devices.writes([
                denyAll, rule(true, .character, 1, nil, "rwm"), rule(false, .character, 1, 11, "w"),
            ]) == nil)
        // Denying what was allowed exactly so, or a part of the bits of it, is fine.
        #expect(
            Version1Devices.writes([denyAll, rule(true, .character, 1, 3, "rwm"), rule(false, .character, 1, nil, "w")]
            )?
            .map(\.value) == ["a", "c 1:3 rm"])
        #expect(
            Version1Devices.writes([DeviceRule(allow: true), rule(false, .all, nil, nil, "m")])?.map(\.value)
                == ["a", "c *:* m", "b *:* m"])
    }

    @Test func letters() {
        #expect(DeviceRule.Access(letters: "") == .all)
        #expect(DeviceRule.Access(letters: "mr")?.letters == "rm")
        #expect(DeviceRule.Access(letters: "x") == nil)
        #expect(DeviceRule.Access(letters: "r w") == nil)
    }

    private func randomRules(_ generator: inout SplitMix) -> [DeviceRule] {
        (0..<Int.random(in: 0...5, using: &generator)).map { _ in
            DeviceRule(
                allow: Bool.random(using: &generator),
                kind: [.all, .character, .block].randomElement(using: &generator) ?? .all,
                major: [nil, 1, 2, 0xFFFF_FFFF].randomElement(using: &generator) ?? nil,
                minor: [nil, 0, 3].randomElement(using: &generator) ?? nil,
                access: DeviceRule.Access(rawValue: [7, 7, 1, 2, 4, 6].randomElement(using: &generator) ?? 7))
        }
    }

    private func matches(_ value: String, _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32) -> Bool {
        let words = value.split(separator: " ")
        let numbers = words[1].split(separator: ":")
        return words[0] == kind.rawValue && (numbers[0] == "*" || numbers[0] == "\(major)")
            && (numbers[1] == "*" || numbers[1] == "\(minor)")
    }

    private func accessBits(_ value: String) -> UInt32 {
        DeviceRule.Access(letters: String(value.split(separator: " ")[2]))?.rawValue ?? 0
    }
}

/// A generator that repeats from its seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// How often a random test runs: `count`, scaled by the environment's BERTH_TEST_SCALE.
func repetitions(_ count: Int) -> Int {
    let scale = getenv("BERTH_TEST_SCALE").flatMap { Double(String(cString: $0)) } ?? 1
    return max(1, Int(Double(count) * scale))
}
