import CommandLine
import ContainerRuntime
import LinuxKernel
import OCI

/// `update`.
enum UpdateVerb: RuntimeVerb {
    static let command = Command(
        "update", identifier: "update", summary: "Change limits of a container", usage: "[OPTIONS] CONTAINER",
        operands: .exactly(1),
        flags: {
            [
                Flag(
                    "resources", "r", .string, "File with limits as JSON (linux.resources), - for standard input; alone"
                ),
                Flag("blkio-weight", nil, .unsigned(bits: 16), "Weight of block IO, 10 to 1000"),
                Flag("cpu-period", nil, .unsigned(bits: 64), "Length of a period of processor time, in microseconds"),
                Flag("cpu-quota", nil, .integer, "Processor time in a period, in microseconds; -1 for no limit"),
                Flag(
                    "cpu-burst", nil, .unsigned(bits: 64), "Unused processor time that may be saved up, in microseconds"
                ),
                Flag("cpu-share", nil, .unsigned(bits: 64), "Weight of processor time against other containers"),
                Flag("cpu-rt-period", nil, .unsigned(bits: 64), "Length of a real-time period, in microseconds"),
                Flag("cpu-rt-runtime", nil, .integer, "Real-time scheduling time in a period, in microseconds"),
                Flag("cpuset-cpus", nil, .string, "Processors to use", check: CommonFlags.checkNumberList),
                Flag("cpuset-mems", nil, .string, "Memory nodes to use", check: CommonFlags.checkNumberList),
                Flag(
                    "cpu-idle", nil, .integer, "1: run only when nothing else wants to; 0: as usual", check: checkIdle),
                Flag("memory", nil, .bytesOrUnlimited, "Limit of memory"),
                Flag("memory-reservation", nil, .bytesOrUnlimited, "Memory kept under pressure"),
                Flag("memory-swap", nil, .bytesOrUnlimited, "Limit of memory and swap together; -1 for none"),
                Flag("pids-limit", nil, .integer, "Most processes and threads; -1 for no limit"),
                Flag("l3-cache-schema", nil, .string, "Schema of the L3 cache (Intel RDT/CAT)"),
                Flag("mem-bw-schema", nil, .string, "Schema of memory bandwidth (Intel RDT/MBA)"),
            ]
        })

    private static let checkIdle: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard value == "0" || value == "1" else { throw ValueError("it is neither 0 nor 1") }
    }

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let flags = invocation.flags
        let containers = try settings.containers()
        if let name = ProcessFlags.path("resources", flags) {
            let text = name == "-" ? try standardInput() : try read(name)
            try containers.update(invocation.container, RuntimeResources(updateFrom: text, name: name))
        } else {
            try containers.update(invocation.container, resources(flags))
        }
        for (flag, kind) in [("l3-cache-schema", "L3"), ("mem-bw-schema", "MB")] {
            guard let schema = flags.string(flag), !schema.isEmpty else { continue }
            try CacheAllocation.set(schema, kind: kind, container: invocation.container)
        }
        return 0
    }

    /// What the single flags ask for.
    static func resources(_ flags: FlagValues) -> RuntimeResources {
        func unsigned(_ name: String) -> UInt64? {
            flags.string(name).flatMap { try? NumberValue.unsigned($0) }
        }
        var resources = RuntimeResources()
        var memory = RuntimeMemory()
        memory.limit = flags.bytes("memory")
        memory.reservation = flags.bytes("memory-reservation")
        memory.swap = flags.bytes("memory-swap")
        resources.memory = memory
        var cpu = RuntimeCPU()
        cpu.period = unsigned("cpu-period")
        cpu.quota = flags.integer("cpu-quota")
        cpu.burst = unsigned("cpu-burst")
        cpu.shares = unsigned("cpu-share")
        cpu.realtimePeriod = unsigned("cpu-rt-period")
        cpu.realtimeRuntime = flags.integer("cpu-rt-runtime")
        cpu.cpus = flags.string("cpuset-cpus")
        cpu.mems = flags.string("cpuset-mems")
        cpu.idle = flags.integer("cpu-idle")
        resources.cpu = cpu
        if let weight = unsigned("blkio-weight") {
            var blockIO = RuntimeBlockIO()
            blockIO.weight = UInt16(clamping: weight)
            resources.blockIO = blockIO
        }
        resources.pidsLimit = flags.integer("pids-limit")
        return resources
    }

    private static func read(_ path: String) throws(RuntimeError) -> [UInt8] {
        do throws(Errno) { return try Files.read(path, limit: 1 << 20) } catch {
            throw RuntimeError("read resources from", path, error)
        }
    }

    private static func standardInput() throws(RuntimeError) -> [UInt8] {
        do throws(Errno) {
            let file = FileDescriptor(owning: try ProcessControl.duplicate(0, minimum: 3))
            return try file.readAll(limit: 1 << 20)
        } catch {
            throw RuntimeError("read resources from", "standard input", error)
        }
    }
}
