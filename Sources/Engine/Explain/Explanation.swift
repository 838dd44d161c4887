import ControlGroups
import Glibc
import JSON
import LinuxKernel

/// What makes a process a container, read back from the kernel.
public struct Explanation: Sendable {
    public var process = JSONObject()
    public var namespaces = JSONObject()
    public var controlGroups = JSONObject()
    public var root = JSONObject()
    public var mounts: [JSONValue] = []
    public var network = JSONObject()
    public var users = JSONObject()
    public var security = JSONObject()
    /// Where what the kernel says is not what was asked for.
    public var differences: [String] = []

    /// Everything as one object.
    public var json: JSONValue {
        .object(
            JSONObject([
                ("Process", .object(process)), ("Namespaces", .object(namespaces)),
                ("ControlGroups", .object(controlGroups)), ("Root", .object(root)), ("Mounts", .array(mounts)),
                ("Network", .object(network)), ("Users", .object(users)), ("Security", .object(security)),
                ("Differences", JSONValue(differences)),
            ]))
    }
}

/// Reads what the kernel says of one process.
struct ExplanationReader {
    let pid: Int32
    /// The running containers of this engine, to say who shares what.
    let neighbours: [(name: String, pid: Int32)]

    private func text(_ name: String) -> String {
        String(decoding: (try? Files.read("/proc/\(pid)/\(name)", limit: 4 << 20)) ?? [], as: UTF8.self)
    }

    func read() throws(EngineError) -> Explanation {
        guard Files.exists("/proc/\(pid)/status") else { throw EngineError("no such process: \(pid)") }
        var result = Explanation()
        let status = KernelText.fields(text("status"))
        result.process = process(status)
        result.namespaces = namespaces()
        result.controlGroups = groups()
        let mounts = KernelText.mounts(text("mountinfo"))
        result.root = root(mounts)
        result.mounts = mounts.filter { $0.target != "/" }.map { mount in
            [
                "Target": .string(mount.target), "Type": .string(mount.type), "Source": .string(mount.source),
                "Root": .string(mount.root), "Options": .string(mount.options.joined(separator: ",")),
                "Propagation": .string(
                    mount.propagation.isEmpty ? "private" : mount.propagation.joined(separator: ",")),
            ]
        }
        result.network = network()
        result.users = users(status)
        result.security = security(status)
        return result
    }

    private func process(_ status: [String: String]) -> JSONObject {
        let words = ((try? Files.read("/proc/\(pid)/cmdline", limit: 1 << 20)) ?? []).split(separator: 0)
        var object = JSONObject([
            ("Pid", JSONValue(pid)), ("Name", .string(status["Name"] ?? "")),
            ("Command", .string(words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " "))),
            ("State", .string(status["State"] ?? "")), ("Parent", .string(status["PPid"] ?? "")),
            ("Threads", .string(status["Threads"] ?? "")),
        ])
        if let inner = status["NSpid"]?.split(separator: " ").last { object["PidInside"] = .string(String(inner)) }
        object["OomScoreAdjustment"] = .string(text("oom_score_adj").filter { $0 != "\n" })
        return object
    }

    private func namespaces() -> JSONObject {
        var object = JSONObject()
        for (_, name) in NamespaceSet.fileNames {
            guard let inode = try? Files.status("/proc/\(pid)/ns/\(name)", followLink: true).inode else { continue }
            var entry = JSONObject([("Inode", JSONValue(inode))])
            func same(_ other: String) -> Bool {
                (try? Files.status("/proc/\(other)/ns/\(name)", followLink: true).inode) == inode
            }
            let sharing = neighbours.filter { $0.pid != pid && same(String($0.pid)) }.map(\.name)
            entry["Host"] = .bool(same("self"))
            if !sharing.isEmpty { entry["SharedWith"] = JSONValue(sharing) }
            object[name] = .object(entry)
        }
        return object
    }

    // MARK: Control groups

    /// Files that say a limit, and beside it what is used.
    private static let files: [(controller: String, name: String, limit: [String], use: [String])] = [
        ("memory", "Memory", ["memory.max", "memory.limit_in_bytes"], ["memory.current", "memory.usage_in_bytes"]),
        ("memory", "MemoryHigh", ["memory.high"], []),
        ("memory", "MemoryReservation", ["memory.low", "memory.soft_limit_in_bytes"], []),
        (
            "memory", "Swap", ["memory.swap.max", "memory.memsw.limit_in_bytes"],
            ["memory.swap.current", "memory.memsw.usage_in_bytes"]
        ),
        ("pids", "Processes", ["pids.max"], ["pids.current"]),
        ("cpu", "CpuQuota", ["cpu.max", "cpu.cfs_quota_us"], []), ("cpu", "CpuPeriod", ["cpu.cfs_period_us"], []),
        ("cpu", "CpuWeight", ["cpu.weight", "cpu.shares"], []),
        ("cpuset", "Cpus", ["cpuset.cpus.effective", "cpuset.effective_cpus"], []),
        ("cpuset", "MemoryNodes", ["cpuset.mems.effective", "cpuset.effective_mems"], []),
        ("cpuacct", "CpuTime", [], ["cpuacct.usage"]),
        ("freezer", "Frozen", ["freezer.state"], []), ("", "Frozen", ["cgroup.freeze"], []),
        ("devices", "Devices", ["devices.list"], []),
        ("", "CpuPressure", [], ["cpu.pressure"]), ("", "MemoryPressure", [], ["memory.pressure"]),
        ("", "IoPressure", [], ["io.pressure"]),
    ]

    private func groups() -> JSONObject {
        guard let host = try? HostControlGroups.detect() else { return JSONObject() }
        var object = JSONObject([("Layout", .string(host.layout.rawValue))])
        for (controllers, path) in KernelText.groups(text("cgroup")) {
            let hierarchy = host.hierarchies.first {
                controllers.isEmpty ? $0.isUnified : !$0.isUnified && !Set($0.controllers).isDisjoint(with: controllers)
            }
            guard let hierarchy else { continue }
            // The path is from this process's own view of the hierarchy's root.
            let directory = hierarchy.mountPoint + (path == "/" ? "" : path)
            var entry = JSONObject([("Path", .string(path))])
            for file in Self.files
            where hierarchy.isUnified || controllers.contains(file.controller) {
                func first(_ names: [String]) -> String? {
                    for name in names {
                        if let bytes = try? Files.read("\(directory)/\(name)", limit: 64 << 10) {
                            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
                            return lines.joined(separator: "; ")
                        }
                    }
                    return nil
                }
                let limit = first(file.limit), use = first(file.use)
                switch (limit, use) {
                case (let limit?, let use?): entry[file.name] = .string("\(use) of \(Self.readable(limit))")
                case (let limit?, nil): entry[file.name] = .string(Self.readable(limit))
                case (nil, let use?): entry[file.name] = .string(use)
                default: break
                }
            }
            object[controllers.isEmpty ? "unified" : controllers.joined(separator: ",")] = .object(entry)
        }
        return object
    }

    /// Version 1 says "no limit" by its largest number.
    private static func readable(_ limit: String) -> String {
        (Int64(limit) ?? 0) >= 0x7FFF_FFFF_FFFF_0000 ? "max" : limit
    }

    // MARK: Files

    private func root(_ mounts: [KernelText.Mount]) -> JSONObject {
        // The last one at a place is on top.
        guard let root = mounts.last(where: { $0.target == "/" }) else { return JSONObject() }
        var object = JSONObject([
            ("Type", .string(root.type)), ("Source", .string(root.source)),
            ("ReadOnly", .bool(root.options.contains("ro"))),
            ("Options", .string(root.options.joined(separator: ","))),
        ])
        guard root.type == "overlay" else { return object }
        var layers = [String]()
        for option in root.superOptions {
            for key in ["lowerdir+=", "lowerdir="] where PathText.begins(option, with: key) {
                layers += option.dropFirst(key.count).split(separator: ":").map(String.init)
            }
            for (key, name) in [("upperdir=", "Upper"), ("workdir=", "Work")] where PathText.begins(option, with: key) {
                object[name] = .string(String(option.dropFirst(key.count)))
            }
            if option == "volatile" { object["Volatile"] = true }
        }
        object["LowerLayers"] = JSONValue(layers)
        return object
    }

    // MARK: Network, users, rights

    private func network() -> JSONObject {
        var object = JSONObject()
        var interfaces = JSONObject()
        for line in text("net/dev").split(separator: "\n").dropFirst(2) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let fields = parts[1].split(separator: " ")
            guard fields.count >= 9 else { continue }
            interfaces[parts[0].filter { $0 != " " }] = [
                "ReceivedBytes": .string(String(fields[0])), "SentBytes": .string(String(fields[8])),
            ]
        }
        object["Interfaces"] = .object(interfaces)
        object["Addresses"] = JSONValue(KernelText.addresses4(text("net/fib_trie")))
        if let route = KernelText.defaultRoute(text("net/route")) {
            object["DefaultRoute"] = .string("\(route.gateway) through \(route.interface)")
        }
        return object
    }

    private func users(_ status: [String: String]) -> JSONObject {
        func map(_ name: String) -> JSONValue {
            JSONValue(
                text(name).split(separator: "\n").map { line in
                    let words = line.split(separator: " ").map(String.init)
                    guard words.count == 3 else { return String(line) }
                    return "\(words[0]) inside is \(words[1]) on the host, \(words[2]) ids"
                })
        }
        return JSONObject([
            ("Uid", .string(status["Uid"]?.split(separator: " ").first.map(String.init) ?? "")),
            ("Gid", .string(status["Gid"]?.split(separator: " ").first.map(String.init) ?? "")),
            ("Groups", .string(status["Groups"] ?? "")), ("UidMap", map("uid_map")), ("GidMap", map("gid_map")),
        ])
    }

    private func security(_ status: [String: String]) -> JSONObject {
        func set(_ name: String) -> CapabilitySet {
            CapabilitySet(rawValue: UInt64(status[name] ?? "0", radix: 16) ?? 0).intersection(.all)
        }
        let bounding = set("CapBnd")
        let modes = ["0": "none", "1": "strict", "2": "filter"]
        var object = JSONObject([
            ("CapabilitiesEffective", JSONValue(set("CapEff").memberNames)),
            ("CapabilitiesBounding", JSONValue(bounding.memberNames)),
            ("CapabilitiesDropped", JSONValue(CapabilitySet.all.subtracting(bounding).memberNames)),
            ("CapabilitiesInheritable", JSONValue(set("CapInh").memberNames)),
            ("NoNewPrivileges", .bool(status["NoNewPrivs"] == "1")),
            ("Seccomp", .string(modes[status["Seccomp"] ?? ""] ?? "unknown")),
            ("SeccompFilters", .string(status["Seccomp_filters"] ?? "")),
        ])
        let label = text("attr/current").filter { $0 != "\n" && $0 != "\0" }
        if !label.isEmpty { object["Label"] = .string(label) }
        return object
    }
}
