import LinuxKernel
import OCI

/// `process.scheduler` and `process.ioPriority`, checked: set from outside with the host's rights, after the process has
/// joined its control groups (a real-time policy is refused to a group without real-time).
struct ProcessScheduling: Sendable {
    private(set) var attributes: Scheduling.Attributes?
    private(set) var ioClass: Int32?
    private(set) var ioLevel: Int32 = 0

    /// Whether nothing is asked for.
    var isEmpty: Bool { attributes == nil && ioClass == nil }

    private static let policies: [String: UInt32] = [
        "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5,
        "SCHED_DEADLINE": 6,
    ]
    private static let flags: [String: UInt64] = [
        "SCHED_FLAG_RESET_ON_FORK": 0x01, "SCHED_FLAG_RECLAIM": 0x02, "SCHED_FLAG_DL_OVERRUN": 0x04,
        "SCHED_FLAG_KEEP_POLICY": 0x08, "SCHED_FLAG_KEEP_PARAMS": 0x10, "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
        "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
    ]

    init(_ process: RuntimeProcess) throws(RuntimeError) {
        if let scheduler = process.scheduler { attributes = try Self.attributes(scheduler) }
        guard let priority = process.ioPriority else { return }
        func invalid(_ cause: String) -> RuntimeError { RuntimeError("set", "ioPriority", cause: cause) }
        switch priority.class {
        case "IOPRIO_CLASS_RT": ioClass = 1
        case "IOPRIO_CLASS_BE": ioClass = 2
        case "IOPRIO_CLASS_IDLE": ioClass = 3
        default: throw invalid("there is no class \(priority.class)")
        }
        guard (0...7).contains(priority.priority) else { throw invalid("\(priority.priority) is not between 0 and 7") }
        ioLevel = Int32(priority.priority)
    }

    private static func attributes(_ scheduler: RuntimeScheduler) throws(RuntimeError) -> Scheduling.Attributes {
        func invalid(_ cause: String) -> RuntimeError { RuntimeError("set", "scheduler", cause: cause) }
        guard let policy = policies[scheduler.policy] else { throw invalid("there is no policy \(scheduler.policy)") }
        var bits: UInt64 = 0
        for name in scheduler.flags {
            guard let flag = flags[name] else { throw invalid("there is no flag \(name)") }
            bits |= flag
        }
        guard (-20...19).contains(scheduler.nice) else {
            throw invalid("nice \(scheduler.nice) is not between -20 and 19")
        }
        let isRealTime = policy == 1 || policy == 2
        guard isRealTime ? (1...99).contains(scheduler.priority) : scheduler.priority == 0 else {
            throw invalid("priority \(scheduler.priority) does not fit \(scheduler.policy)")
        }
        let hasTimes = scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0
        guard !hasTimes || policy == 6 else { throw invalid("runtime, deadline and period are for SCHED_DEADLINE") }
        return Scheduling.Attributes(
            policy: policy, flags: bits, nice: scheduler.nice, priority: UInt32(scheduler.priority),
            runtime: scheduler.runtime, deadline: scheduler.deadline, period: scheduler.period)
    }

    /// Sets both on a process.
    func apply(to pid: Int32) throws(RuntimeError) {
        if let attributes {
            do throws(Errno) { try Scheduling.set(attributes, of: pid) } catch {
                throw RuntimeError(
                    "set", "scheduler", error,
                    remedy: error == .notPermitted
                        ? "a real-time policy needs CAP_SYS_NICE, and linux.resources.cpu.realtimeRuntime on kernels with RT_GROUP_SCHED"
                        : nil)
            }
        }
        if let ioClass {
            try attempt("set", "ioPriority") { () throws(Errno) in
                try Scheduling.setIOPriority(class: ioClass, level: ioLevel, of: pid)
            }
        }
    }
}
