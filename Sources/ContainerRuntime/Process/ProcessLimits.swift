import Glibc
import LinuxKernel
import OCI

/// Limits of a new process: raised by the launching process from outside, with the host's rights, and lowered by the new
/// process itself as late as can be, since its own set-up must not be what a low limit hits.
struct ProcessLimits {
    private struct Limit: CustomStringConvertible {
        let number: Int32
        let name: String
        let soft: UInt64
        let hard: UInt64

        var description: String { "\(name) to \(soft):\(hard)" }
    }

    private var limits: [Limit] = []
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
            limits.append(Limit(number: number, name: limit.type, soft: limit.soft, hard: limit.hard))
        }
        if let adjustment = process.oomScoreAdjustment {
            guard (-1000...1000).contains(adjustment) else {
                throw RuntimeError("set", "oomScoreAdj", cause: "\(adjustment) is not between -1000 and 1000")
            }
            oomScoreAdjustment = adjustment
        }
    }

    /// Raises on a child what it could not raise itself, and sets what only the host may.
    func raise(for pid: Int32) throws(RuntimeError) {
        for limit in limits {
            try attempt("set limit", limit.description) { () throws(Errno) in
                let inherited = try ProcessControl.limit(limit.number)
                guard limit.hard > inherited.hard else { return }
                try ProcessControl.setLimit(
                    limit.number, soft: max(limit.soft, inherited.soft), hard: limit.hard, of: pid)
            }
        }
        if let adjustment = oomScoreAdjustment {
            try attempt("set", "oomScoreAdj to \(adjustment)") { () throws(Errno) in
                try Files.writeKernelFile("/proc/\(pid)/oom_score_adj", String(adjustment))
            }
        }
    }

    /// Sets the limits on this process: after ``raise(for:)`` that takes no right.
    func assume() throws(RuntimeError) {
        for limit in limits {
            try attempt("set limit", limit.description) { () throws(Errno) in
                try ProcessControl.setLimit(limit.number, soft: limit.soft, hard: limit.hard, of: 0)
            }
        }
    }
}
