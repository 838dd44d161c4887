import LinuxKernel
import OCI

/// `linux.personality` and `linux.memoryPolicy`: what the container's first process sets for itself and hands down.
struct ExecutionDomain: Sendable {
    private(set) var personality: UInt?
    private(set) var memoryMode: Int32?
    private(set) var memoryNodes: [UInt64] = []

    private static let modes: [String: Int32] = [
        "MPOL_DEFAULT": 0, "MPOL_PREFERRED": 1, "MPOL_BIND": 2, "MPOL_INTERLEAVE": 3, "MPOL_LOCAL": 4,
        "MPOL_PREFERRED_MANY": 5, "MPOL_WEIGHTED_INTERLEAVE": 6,
    ]
    private static let flags: [String: Int32] = [
        "MPOL_F_NUMA_BALANCING": 1 << 13, "MPOL_F_RELATIVE_NODES": 1 << 14, "MPOL_F_STATIC_NODES": 1 << 15,
    ]

    /// The words that `linux.memoryPolicy` may hold.
    static var modeNames: [String] { modes.keys.sorted() }
    static var flagNames: [String] { flags.keys.sorted() }

    init(_ linux: RuntimeLinux) throws(RuntimeError) {
        if let wanted = linux.personality {
            func invalid(_ cause: String) -> RuntimeError { RuntimeError("set", "personality", cause: cause) }
            switch wanted.domain {
            case "LINUX": personality = 0
            case "LINUX32": personality = 8
            default: throw invalid("there is no domain \(wanted.domain)")
            }
            // The specification defines none (config-linux.md, "Personality").
            guard wanted.flags.isEmpty else {
                throw invalid("the flags \(wanted.flags.joined(separator: ", ")) are unknown")
            }
        }
        if let policy = linux.memoryPolicy { try read(policy) }
    }

    private mutating func read(_ policy: RuntimeMemoryPolicy) throws(RuntimeError) {
        func invalid(_ cause: String) -> RuntimeError { RuntimeError("set", "memoryPolicy", cause: cause) }
        guard var mode = Self.modes[policy.mode] else { throw invalid("there is no mode \(policy.mode)") }
        for name in policy.flags {
            guard let flag = Self.flags[name] else { throw invalid("there is no flag \(name)") }
            mode |= flag
        }
        if !policy.nodes.isEmpty {
            guard let nodes = NumberMask.words(policy.nodes) else {
                throw invalid("\(policy.nodes) is no list of nodes")
            }
            memoryNodes = nodes
        }
        let takesNone = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL"
        guard takesNone ? memoryNodes.isEmpty : (!memoryNodes.isEmpty || policy.mode == "MPOL_PREFERRED") else {
            throw invalid(takesNone ? "\(policy.mode) takes no nodes" : "\(policy.mode) needs nodes")
        }
        memoryMode = mode
    }

    /// Sets both on the calling process.
    func apply() throws(RuntimeError) {
        if let memoryMode {
            try attempt("set", "memoryPolicy") { () throws(Errno) in
                try Scheduling.setMemoryPolicy(mode: memoryMode, nodes: memoryNodes)
            }
        }
        if let personality {
            try attempt("set", "personality") { () throws(Errno) in try Scheduling.setPersonality(personality) }
        }
    }
}
