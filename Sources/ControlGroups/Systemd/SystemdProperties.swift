/// Limits as properties of a systemd unit (systemd.resource-control(5), org.freedesktop.systemd1(5)). systemd must know them,
/// or it would set its own when it reloads; whatever it has no word for is written by ourselves.
enum SystemdProperties {
    /// One property.
    struct Property: Equatable {
        var name: String
        var value: BusValue

        init(_ name: String, _ value: BusValue) {
            self.name = name
            self.value = value
        }

        var element: BusValue { .structure([.string(name), .variant(value)]) }
    }

    /// What a new scope is made with.
    static func start(
        _ unit: SystemdUnit, id: String, pid: UInt32, limits: ResourceLimits, isVersion2: Bool, extra: [Property]
    ) -> [Property] {
        var properties = [
            Property("Description", .string("berth container \(id)")), Property("Slice", .string(unit.slice)),
            Property("Delegate", .bool(true)), Property("PIDs", .array(element: "u", [.uint32(pid)])),
            Property("MemoryAccounting", .bool(true)), Property("CPUAccounting", .bool(true)),
            Property(isVersion2 ? "IOAccounting" : "BlockIOAccounting", .bool(true)),
            Property("TasksAccounting", .bool(true)),
            Property("DefaultDependencies", .bool(false)),
        ]
        properties += self.limits(limits, isVersion2: isVersion2)
        // The container's own wishes come last, and win.
        for property in extra {
            properties.removeAll { $0.name == property.name }
            properties.append(property)
        }
        return properties
    }

    private static let unlimited = UInt64.max

    /// The limits that systemd has words for.
    static func limits(_ limits: ResourceLimits, isVersion2: Bool) -> [Property] {
        var result = [Property]()
        func add(_ name: String, _ value: UInt64) { result.append(Property(name, .uint64(value))) }
        func bound(_ value: Int64) -> UInt64 { value < 0 ? unlimited : UInt64(value) }
        if let limit = limits.memory.limit, limit != 0 { add(isVersion2 ? "MemoryMax" : "MemoryLimit", bound(limit)) }
        if isVersion2 {
            if let reservation = limits.memory.reservation, reservation != 0 { add("MemoryLow", bound(reservation)) }
            if let swap = limits.memory.swap, swap != 0 {
                // OCI's number is memory and swap together.
                add("MemorySwapMax", swap < 0 ? unlimited : bound(max(0, swap - max(0, limits.memory.limit ?? 0))))
            }
        }
        if let shares = limits.cpu.shares, shares != 0 {
            if isVersion2 {
                add("CPUWeight", UInt64(CPUWeight.weight(shares: shares)))
            } else {
                add("CPUShares", shares)
            }
        }
        if let quota = limits.cpu.quota, quota != 0 {
            let period = limits.cpu.period ?? 0
            if period != 0 { add("CPUQuotaPeriodUSec", period) }
            add("CPUQuotaPerSecUSec", perSecond(quota: quota, period: period == 0 ? 100_000 : period))
        }
        if let weight = limits.blockIO.weight, weight != 0 {
            if isVersion2 {
                add("IOWeight", UInt64(CPUWeight.ioWeight(UInt64(weight))))
            } else {
                add("BlockIOWeight", UInt64(weight))
            }
        }
        if let pids = limits.pids, pids != 0 { add("TasksMax", bound(pids)) }
        if isVersion2 {
            if let mask = limits.cpu.cpus.flatMap(mask) { result.append(Property("AllowedCPUs", .bytes(mask))) }
            if let mask = limits.cpu.mems.flatMap(mask) { result.append(Property("AllowedMemoryNodes", .bytes(mask))) }
        }
        return result
    }

    /// systemd takes whole hundredths of a processor and rounds down: rounded up here, so that it is never less than asked.
    static func perSecond(quota: Int64, period: UInt64) -> UInt64 {
        guard quota > 0 else { return unlimited }
        let (product, overflow) = UInt64(quota).multipliedReportingOverflow(by: 1_000_000)
        if overflow { return unlimited }
        let exact = product / period
        return exact % 10_000 == 0 ? exact : (exact / 10_000 + 1) * 10_000
    }

    /// A list of numbers as bits, the lowest first.
    static func mask(_ list: String) -> [UInt8]? {
        guard !list.isEmpty, let ranges = NumberList(parsing: list) else { return nil }
        var bytes = [UInt8]()
        for range in ranges.ranges {
            for number in range where number < 8192 {
                while bytes.count <= number / 8 { bytes.append(0) }
                bytes[number / 8] |= 1 << UInt8(number % 8)
            }
        }
        return bytes.isEmpty ? nil : bytes
    }
}
