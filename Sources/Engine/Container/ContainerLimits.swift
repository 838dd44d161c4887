import JSON

/// What a container may use. Absent means no limit of its own.
public struct ContainerLimits: Equatable, Sendable {
    /// Bytes.
    public var memory: Int64?
    /// Memory and swap together, bytes; -1 is no limit of swap.
    public var memorySwap: Int64?
    /// Bytes.
    public var memoryReservation: Int64?
    /// Billionths of a processor.
    public var nanoCPUs: Int64?
    public var cpuShares: UInt64?
    /// Microseconds of processor time per period.
    public var cpuQuota: Int64?
    /// Microseconds.
    public var cpuPeriod: UInt64?
    public var cpusetCPUs: String?
    public var cpusetMems: String?
    /// Processes and threads; -1 is no limit.
    public var pids: Int64?

    /// No limits.
    public init() {}

    var json: JSONValue {
        var object = JSONObject()
        object["memory"] = memory.map { JSONValue($0) }
        object["memorySwap"] = memorySwap.map { JSONValue($0) }
        object["memoryReservation"] = memoryReservation.map { JSONValue($0) }
        object["nanoCPUs"] = nanoCPUs.map { JSONValue($0) }
        object["cpuShares"] = cpuShares.map { JSONValue($0) }
        object["cpuQuota"] = cpuQuota.map { JSONValue($0) }
        object["cpuPeriod"] = cpuPeriod.map { JSONValue($0) }
        object["cpusetCPUs"] = cpusetCPUs.map { .string($0) }
        object["cpusetMems"] = cpusetMems.map { .string($0) }
        object["pids"] = pids.map { JSONValue($0) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        memory = try object.integer("memory")
        memorySwap = try object.integer("memorySwap")
        memoryReservation = try object.integer("memoryReservation")
        nanoCPUs = try object.integer("nanoCPUs")
        cpuShares = try object.integer("cpuShares")
        cpuQuota = try object.integer("cpuQuota")
        cpuPeriod = try object.integer("cpuPeriod")
        cpusetCPUs = try object.string("cpusetCPUs")
        cpusetMems = try object.string("cpusetMems")
        pids = try object.integer("pids")
    }
}
