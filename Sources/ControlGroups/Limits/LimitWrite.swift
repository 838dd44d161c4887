/// One write of a value to a control file, made from ``ResourceLimits`` without touching the machine.
struct LimitWrite: Sendable, Equatable {
    /// The controller that must have the file.
    var controller: String
    /// Names of the file, best first: kernels call some differently ("io.weight", "io.bfq.weight").
    var files: [String]
    var value: String
    /// What a person calls it: "memory limit".
    var what: String
    /// Another value for the file at the same place in `files`, where its scale differs.
    var alternative: String?

    init(_ controller: String, _ file: String, _ value: String, _ what: String) {
        self.controller = controller
        files = [file]
        self.value = value
        self.what = what
    }
}

extension ResourceLimits {
    /// The controllers whose limits are asked for. Devices are apart.
    var neededControllers: Set<String> {
        var result: Set<String> = []
        if memory != MemoryLimits() { result.insert("memory") }
        if cpu.needsCPU { result.insert("cpu") }
        if cpu.cpus != nil || cpu.mems != nil { result.insert("cpuset") }
        if let pids, pids != 0 { result.insert("pids") }
        if blockIO != BlockIOLimits() { result.insert("io") }
        if !hugepages.isEmpty { result.insert("hugetlb") }
        if network.classID != nil { result.insert("net_cls") }
        if !network.priorities.isEmpty { result.insert("net_prio") }
        if !rdma.isEmpty { result.insert("rdma") }
        for name in unified.keys {
            if let dot = name.firstIndex(of: "."), !name.hasPrefix("cgroup.") { result.insert(String(name[..<dot])) }
        }
        return result
    }

    /// A value that cannot be honoured.
    func refused(_ what: String, _ cause: String, _ remedy: String? = nil) -> ControlGroupError {
        ControlGroupError(operation: "set the", object: what, cause: cause, remedy: remedy)
    }

    /// Checks that hold on every kernel.
    func validate() throws(ControlGroupError) {
        if let limit = memory.limit, limit > 0, let swap = memory.swap, swap >= 0, swap < limit, swap != 0 {
            throw refused(
                "memory and swap limit", "\(swap) bytes is less than the memory limit of \(limit) bytes",
                "it counts memory and swap together")
        }
        if memory.limit ?? -1 <= 0, let swap = memory.swap, swap > 0 {
            throw refused("memory and swap limit", "there is no memory limit", "set the memory limit too")
        }
        if let swappiness = memory.swappiness, swappiness > 100 {
            throw refused("memory swappiness", "\(swappiness) is not between 0 and 100")
        }
        if let shares = cpu.shares, shares != 0, shares < 2 || shares > 262_144 {
            throw refused("CPU shares", "\(shares) is not between 2 and 262144")
        }
        if let period = cpu.period, period != 0, period < 1000 || period > 1_000_000 {
            throw refused("CPU period", "\(period) µs is not between 1000 and 1000000")
        }
        if let quota = cpu.quota, quota > 0, quota < 1000 {
            throw refused("CPU quota", "\(quota) µs is less than 1000")
        }
        if let idle = cpu.idle, idle != 0, idle != 1 { throw refused("idle scheduling", "\(idle) is neither 0 nor 1") }
        if let weight = blockIO.weight, weight != 0, weight < 10 || weight > 1000 {
            throw refused("block IO weight", "\(weight) is not between 10 and 1000")
        }
        for (what, list) in [("processors", cpu.cpus), ("memory nodes", cpu.mems)] {
            if let list, !list.isEmpty, NumberList(parsing: list) == nil {
                throw refused(what, "\"\(printable(list))\" is not a list such as 0-2,7")
            }
        }
        for page in hugepages where !page.pageSize.utf8.allSatisfy(isWordByte) || page.pageSize.isEmpty {
            throw refused("huge page limit", "\"\(printable(page.pageSize))\" is not a page size such as 2MB")
        }
        for (name, value) in unified {
            guard name.utf8.allSatisfy({ isWordByte($0) || $0 == 46 }), name.contains("."), !name.contains("..") else {
                throw refused("control file \"\(printable(name))\"", "it is not a file name such as memory.high")
            }
            // These move processes or make the group something else; they are the runtime's own.
            if [
                "cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze", "cgroup.type",
                "cgroup.subtree_control",
            ]
            .contains(name) || value.utf8.contains(0) {
                throw refused("control file \(name)", "it is not a limit")
            }
        }
        for entry in network.priorities
        where entry.interface.isEmpty || entry.interface.utf8.contains(where: { $0 <= 32 || $0 == 47 }) {
            throw refused("network priority", "\"\(printable(entry.interface))\" is not an interface name")
        }
        for entry in rdma where entry.device.isEmpty || entry.device.utf8.contains(where: { $0 <= 32 || $0 == 47 }) {
            throw refused("RDMA limit", "\"\(printable(entry.device))\" is not a device name")
        }
    }
}

extension CPULimits {
    var needsCPU: Bool {
        shares != nil || quota != nil || period != nil || burst != nil || realtimeRuntime != nil
            || realtimePeriod != nil
            || idle != nil
    }
}

/// Letters, digits, "_" and "-".
func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, 95, 45: true
    default: false
    }
}

/// Foreign text for a message: at most 100 characters, no control characters.
func printable(_ text: String) -> String {
    String(
        String.UnicodeScalarView(text.unicodeScalars.prefix(100).map { $0.value < 32 || $0.value == 127 ? "?" : $0 }))
}

/// A list of numbers as cpusets write it: "0-2,7" (cpuset(7), "List format").
public struct NumberList: Sendable, Equatable {
    /// The ranges as written.
    public let ranges: [ClosedRange<Int>]

    /// Reads a list; nil when it is not one, or holds numbers above 65535. An empty list is fine.
    public init?(parsing text: String) {
        var ranges: [ClosedRange<Int>] = []
        if text.isEmpty {
            self.ranges = []
            return
        }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            var numbers: [Int] = []
            for end in ends {
                guard !end.isEmpty, end.utf8.count <= 5, end.utf8.allSatisfy({ (48...57).contains($0) }),
                    let number = Int(end), number <= 65535
                else { return nil }
                numbers.append(number)
            }
            guard let low = numbers.first, let high = numbers.last, low <= high else { return nil }
            ranges.append(low...high)
        }
        self.ranges = ranges
    }

    /// Whether every number of `other` is in this list.
    public func contains(_ other: NumberList) -> Bool {
        other.ranges.allSatisfy { range in range.allSatisfy { number in ranges.contains { $0.contains(number) } } }
    }
}
