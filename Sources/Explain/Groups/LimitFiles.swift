/// The files of one limit in a group's directory.
struct LimitFile {
    var name: String
    var controller: String
    var limit: String
    var use: String?
    var peak: String?
    /// How often the limit was met: a file, and the key in it unless it is a number alone.
    var reached: (file: String, key: String)?
    var unit = GroupLimit.Unit.bytes
    /// Shown also when it is not set.
    var isUsual = false
    /// A setting of this value is the kernel's own, and not worth a line.
    var plain: Set<String> = ["max", "-1"]

    /// Version 2 (Documentation/admin-guide/cgroup-v2.rst).
    static let version2: [LimitFile] = [
        LimitFile(
            name: "memory", controller: "memory", limit: "memory.max", use: "memory.current", peak: "memory.peak",
            reached: ("memory.events", "max"), isUsual: true),
        LimitFile(
            name: "swap", controller: "memory", limit: "memory.swap.max", use: "memory.swap.current",
            reached: ("memory.swap.events", "max"), isUsual: true),
        LimitFile(
            name: "memory, throttled above", controller: "memory", limit: "memory.high", use: "memory.current",
            reached: ("memory.events", "high")),
        LimitFile(
            name: "memory, kept below", controller: "memory", limit: "memory.low", use: "memory.current",
            plain: ["0", "max"]),
        LimitFile(
            name: "memory, guaranteed", controller: "memory", limit: "memory.min", use: "memory.current",
            plain: ["0", "max"]),
        LimitFile(
            name: "processes", controller: "pids", limit: "pids.max", use: "pids.current", peak: "pids.peak",
            reached: ("pids.events", "max"), unit: .count, isUsual: true),
        LimitFile(
            name: "processor weight", controller: "cpu", limit: "cpu.weight", unit: .text, plain: ["100"]),
        LimitFile(name: "processors", controller: "cpuset", limit: "cpuset.cpus", unit: .text, plain: [""]),
        LimitFile(name: "memory nodes", controller: "cpuset", limit: "cpuset.mems", unit: .text, plain: [""]),
        LimitFile(name: "devices' rates", controller: "io", limit: "io.max", unit: .text, plain: [""]),
        LimitFile(
            name: "devices' weight", controller: "io", limit: "io.weight", unit: .text, plain: ["default 100"]),
    ]

    /// Version 1 (Documentation/admin-guide/cgroup-v1).
    static let version1: [LimitFile] = [
        LimitFile(
            name: "memory", controller: "memory", limit: "memory.limit_in_bytes", use: "memory.usage_in_bytes",
            peak: "memory.max_usage_in_bytes", reached: ("memory.failcnt", ""), isUsual: true),
        LimitFile(
            name: "memory and swap", controller: "memory", limit: "memory.memsw.limit_in_bytes",
            use: "memory.memsw.usage_in_bytes", reached: ("memory.memsw.failcnt", ""), isUsual: true),
        LimitFile(
            name: "memory, kept to when short", controller: "memory", limit: "memory.soft_limit_in_bytes",
            use: "memory.usage_in_bytes"),
        LimitFile(
            name: "swappiness", controller: "memory", limit: "memory.swappiness", unit: .text, plain: ["60"]),
        LimitFile(
            name: "processes", controller: "pids", limit: "pids.max", use: "pids.current", peak: "pids.peak",
            reached: ("pids.events", "max"), unit: .count, isUsual: true),
        LimitFile(name: "processor shares", controller: "cpu", limit: "cpu.shares", unit: .text, plain: ["1024"]),
        LimitFile(
            name: "processors", controller: "cpuset", limit: "cpuset.cpus", unit: .text, isUsual: true, plain: [""]),
        LimitFile(
            name: "memory nodes", controller: "cpuset", limit: "cpuset.mems", unit: .text, isUsual: true, plain: [""]),
        LimitFile(
            name: "devices' weight", controller: "blkio", limit: "blkio.weight", unit: .text, plain: ["500", "0"]),
        LimitFile(
            name: "bytes read a second", controller: "blkio", limit: "blkio.throttle.read_bps_device", unit: .text,
            plain: [""]),
        LimitFile(
            name: "bytes written a second", controller: "blkio", limit: "blkio.throttle.write_bps_device",
            unit: .text, plain: [""]),
        LimitFile(
            name: "reads a second", controller: "blkio", limit: "blkio.throttle.read_iops_device", unit: .text,
            plain: [""]),
        LimitFile(
            name: "writes a second", controller: "blkio", limit: "blkio.throttle.write_iops_device", unit: .text,
            plain: [""]),
        LimitFile(
            name: "devices", controller: "devices", limit: "devices.list", unit: .text, isUsual: true,
            plain: ["a *:* rwm"]),
    ]
}
