import Glibc
import LinuxKernel
import OCI

/// Limits that the launching process sets on the new one from outside, with the host's rights.
struct ProcessLimits {
    private var limits: [(number: Int32, name: String, soft: UInt64, hard: UInt64)] = []
    private var oomScoreAdjustment: Int?

    private static let numbers: [String: Int32] = [
        "RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5,
        "RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7, "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10,
        "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15,
    ]

    init(_ process: RuntimeProcess) throws(RuntimeError) {
        for limit in process.rlimits {
            guard let number = Self.numbers[limit.type] else {
                throw RuntimeError("set limit", limit.type, cause: "there is no such limit")
            }
            guard limit.soft <= limit.hard else {
                throw RuntimeError(
                    "set limit", limit.type, cause: "the soft limit \(limit.soft) is over the hard limit \(limit.hard)")
            }
            guard !limits.contains(where: { $0.number == number }) else {
                throw RuntimeError("set limit", limit.type, cause: "it is listed twice")
            }
            limits.append((number, limit.type, limit.soft, limit.hard))
        }
        if let adjustment = process.oomScoreAdjustment {
            guard (-1000...1000).contains(adjustment) else {
                throw RuntimeError("set", "oomScoreAdj", cause: "\(adjustment) is not between -1000 and 1000")
            }
            oomScoreAdjustment = adjustment
        }
    }

    /// Sets them on a process.
    func apply(to pid: Int32) throws(RuntimeError) {
        for limit in limits {
            try attempt("set limit", "\(limit.name) to \(limit.soft):\(limit.hard)") { () throws(Errno) in
                try ProcessControl.setLimit(limit.number, soft: limit.soft, hard: limit.hard, of: pid)
            }
        }
        if let adjustment = oomScoreAdjustment {
            try attempt("set", "oomScoreAdj to \(adjustment)") { () throws(Errno) in
                try Files.writeKernelFile("/proc/\(pid)/oom_score_adj", String(adjustment))
            }
        }
    }
}
