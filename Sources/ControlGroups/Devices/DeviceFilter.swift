/// Turns device rules into an eBPF program for cgroup version 2.
///
/// The kernel asks it about one access at a time: a set of bits (read, write, make node), a kind and two numbers. Each bit
/// is decided by the last rule that covers it. So the program walks the rules backwards with the bits still undecided:
/// a denying rule that covers any of them ends it with "no", an allowing rule takes its bits out, and when none is left
/// the answer is "yes". Bits that no rule covers are allowed only when there is no rule at all.
public enum DeviceFilter {
    /// The program's instructions (`struct bpf_insn` as little-endian words).
    public static func program(_ rules: [DeviceRule]) -> [UInt64] {
        var code = Assembler()
        // struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; } with access << 16 | type.
        code.loadWord(.r2, from: .r1, offset: 0)
        code.move(.r3, .r2)
        code.shiftRight(.r3, by: 16)  // r3: undecided access bits
        code.and(.r2, 0xFFFF)  // r2: kind
        code.loadWord(.r4, from: .r1, offset: 4)
        code.loadWord(.r5, from: .r1, offset: 8)
        let rules = effective(rules)
        for rule in rules.reversed() { emit(rule, into: &code) }
        // A total rule ends the program by itself, and the kernel refuses instructions that nothing reaches.
        if rules.first?.isTotal != true {
            code.move(.r0, immediate: rules.isEmpty ? 1 : 0)
            code.exit()
        }
        return code.words
    }

    /// The rules from the last total one on: those before it never decide. Keeps programs short, and is what makes a
    /// privileged container's program five instructions.
    static func effective(_ rules: [DeviceRule]) -> [DeviceRule] {
        guard let last = rules.lastIndex(where: \.isTotal) else { return rules }
        return Array(rules[last...])
    }

    private static func emit(_ rule: DeviceRule, into code: inout Assembler) {
        var tests: [(Assembler.Register, UInt32)] = []
        // BPF_DEVCG_DEV_BLOCK 1, BPF_DEVCG_DEV_CHAR 2.
        if rule.kind != .all { tests.append((.r2, rule.kind == .block ? 1 : 2)) }
        if let major = rule.major { tests.append((.r4, major)) }
        if let minor = rule.minor { tests.append((.r5, minor)) }
        // Deny: and, jump, return; allow: clear, jump, return.
        let partial = rule.access != .all
        let body = rule.allow ? (partial ? 4 : 2) : (partial ? 5 : 2)
        for (index, test) in tests.enumerated() {
            code.jumpIfNotEqual(test.0, test.1, over: body + tests.count - 1 - index)
        }
        if rule.allow {
            if partial {
                code.and(.r3, ~rule.access.rawValue & 0xFFFF)
                code.jumpIfNotEqual(.r3, 0, over: 2)
            }
            code.move(.r0, immediate: 1)
            code.exit()
        } else {
            if partial {
                code.move(.r6, .r3)
                code.and(.r6, rule.access.rawValue)
                code.jumpIfEqual(.r6, 0, over: 2)
            }
            code.move(.r0, immediate: 0)
            code.exit()
        }
    }
}

/// The few eBPF instructions a device filter needs (RFC 9669).
struct Assembler {
    enum Register: UInt64 {
        case r0, r1, r2, r3, r4, r5, r6
    }

    private(set) var words: [UInt64] = []

    private mutating func add(
        _ opcode: UInt64, _ to: Register, _ from: Register = .r0, offset: Int = 0, immediate: UInt32 = 0
    ) {
        words.append(
            opcode | to.rawValue << 8 | from.rawValue << 12 | UInt64(UInt16(truncatingIfNeeded: offset)) << 16
                | UInt64(immediate) << 32)
    }

    /// `to = *(u32 *)(from + offset)`
    mutating func loadWord(_ to: Register, from: Register, offset: Int) { add(0x61, to, from, offset: offset) }
    /// 32-bit arithmetic throughout: it zeroes the upper half, and numbers are unsigned.
    mutating func move(_ to: Register, _ from: Register) { add(0xBC, to, from) }
    mutating func move(_ to: Register, immediate: UInt32) { add(0xB4, to, immediate: immediate) }
    mutating func and(_ to: Register, _ immediate: UInt32) { add(0x54, to, immediate: immediate) }
    mutating func shiftRight(_ to: Register, by bits: UInt32) { add(0x74, to, immediate: bits) }
    /// 32-bit compares (class JMP32, Linux 5.1): a 64-bit one would sign-extend numbers above 2³¹.
    mutating func jumpIfNotEqual(_ register: Register, _ value: UInt32, over count: Int) {
        add(0x56, register, offset: count, immediate: value)
    }
    mutating func jumpIfEqual(_ register: Register, _ value: UInt32, over count: Int) {
        add(0x16, register, offset: count, immediate: value)
    }
    mutating func exit() { add(0x95, .r0) }
}
