import ControlGroups
import JSON

/// A group's counters in the shape that `runc events` prints. Members that are 0 are left out where runc leaves them out:
/// readers know a missing number as 0.
enum StatisticsDocument {
    static func make(_ counters: GroupCounters) -> JSONValue {
        [
            "cpu": cpu(counters.cpu), "cpuset": cpuset(counters.cpuset), "memory": memory(counters.memory),
            "pids": object([("current", counters.pids), ("limit", counters.pidsLimit)]),
            "blkio": blockIO(counters.blockIO), "hugetlb": hugepages(counters.hugepages), "intel_rdt": [:],
            "network_interfaces": nil,
        ]
    }

    /// An object of the numbers that are not 0.
    private static func object(_ members: [(String, UInt64)]) -> JSONValue {
        .object(JSONObject(members.filter { $0.1 != 0 }.map { ($0.0, JSONValue($0.1)) }))
    }

    private static func numbers(_ list: [UInt64]) -> JSONValue { .array(list.map { JSONValue($0) }) }

    private static func cpu(_ cpu: GroupCounters.CPU) -> JSONValue {
        var usage = JSONObject()
        if cpu.total != 0 { usage["total"] = JSONValue(cpu.total) }
        if !cpu.perProcessor.isEmpty { usage["percpu"] = numbers(cpu.perProcessor) }
        if !cpu.perProcessorKernel.isEmpty { usage["percpu_kernel"] = numbers(cpu.perProcessorKernel) }
        if !cpu.perProcessorUser.isEmpty { usage["percpu_user"] = numbers(cpu.perProcessorUser) }
        usage["kernel"] = JSONValue(cpu.kernel)
        usage["user"] = JSONValue(cpu.user)
        let throttling = object([
            ("periods", cpu.periods), ("throttledPeriods", cpu.throttledPeriods), ("throttledTime", cpu.throttledTime),
        ])
        return ["usage": .object(usage), "throttling": throttling]
    }

    private static func cpuset(_ cpuset: GroupCounters.CPUSet) -> JSONValue {
        var result = JSONObject()
        if !cpuset.cpus.isEmpty { result["cpus"] = numbers(cpuset.cpus) }
        if !cpuset.mems.isEmpty { result["mems"] = numbers(cpuset.mems) }
        for (name, value) in cpuset.flags { result[name] = JSONValue(value) }
        return .object(result)
    }

    private static func memory(_ memory: GroupCounters.Memory) -> JSONValue {
        func entry(_ entry: GroupCounters.MemoryEntry) -> JSONValue {
            var result = JSONObject([("limit", JSONValue(entry.limit))])
            if entry.usage != 0 { result["usage"] = JSONValue(entry.usage) }
            if entry.peak != 0 { result["max"] = JSONValue(entry.peak) }
            result["failcnt"] = JSONValue(entry.failures)
            return .object(result)
        }
        var result = JSONObject()
        if memory.cache != 0 { result["cache"] = JSONValue(memory.cache) }
        result["usage"] = entry(memory.main)
        result["swap"] = entry(memory.swap)
        result["kernel"] = entry(memory.kernel)
        result["kernelTCP"] = entry(memory.kernelTCP)
        if !memory.raw.isEmpty {
            result["raw"] = .object(JSONObject(memory.raw.map { ($0.name, JSONValue($0.value)) }))
        }
        return .object(result)
    }

    private static func blockIO(_ lists: [(name: String, entries: [GroupCounters.BlockEntry])]) -> JSONValue {
        var result = JSONObject()
        for list in lists where !list.entries.isEmpty {
            result[list.name] = .array(
                list.entries.map { entry in
                    var object = JSONObject()
                    if entry.major != 0 { object["major"] = JSONValue(entry.major) }
                    if entry.minor != 0 { object["minor"] = JSONValue(entry.minor) }
                    if !entry.operation.isEmpty { object["op"] = .string(entry.operation) }
                    if entry.value != 0 { object["value"] = JSONValue(entry.value) }
                    return .object(object)
                })
        }
        return .object(result)
    }

    private static func hugepages(_ sizes: [(size: String, entry: GroupCounters.MemoryEntry)]) -> JSONValue {
        .object(
            JSONObject(
                sizes.map { size, entry in
                    var object = JSONObject()
                    if entry.usage != 0 { object["usage"] = JSONValue(entry.usage) }
                    if entry.peak != 0 { object["max"] = JSONValue(entry.peak) }
                    object["failcnt"] = JSONValue(entry.failures)
                    return (size, .object(object))
                }))
    }
}
