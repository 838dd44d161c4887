import ControlGroups
import LinuxKernel

/// Reads a process's groups from cgroupfs.
struct GroupReading {
    /// A mounted hierarchy, as this program sees it.
    struct Mounted {
        var controllers: [String]
        var isUnified: Bool
        var root: String
        var mountPoint: String
    }

    let mounted: [Mounted]

    init(mounts: [MountEntry]) {
        mounted = mounts.compactMap { mount in
            guard mount.type == "cgroup" || mount.type == "cgroup2" else { return nil }
            return Mounted(
                controllers: mount.superOptions.map { String(decoding: $0, as: UTF8.self) },
                isUnified: mount.type == "cgroup2", root: mount.root, mountPoint: mount.mountPoint)
        }
    }

    func part(_ membership: GroupMembership) -> GroupPart {
        var part = GroupPart(
            hierarchy: membership.isUnified ? "unified" : membership.controllers.joined(separator: ","),
            isUnified: membership.isUnified, path: membership.path, reason: "", limits: [], above: [], pressure: [],
            notes: [])
        guard
            let mount = mounted.first(where: { mount in
                mount.isUnified == membership.isUnified
                    && (membership.isUnified || membership.controllers.allSatisfy { mount.controllers.contains($0) })
            })
        else {
            part.reason = "its hierarchy is not mounted here"
            return part
        }
        guard let names = Self.below(mount.root, membership) else {
            part.reason = "it is outside of what is mounted here"
            return part
        }
        guard let top = try? Files.open(mount.mountPoint, [.readOnly, .directory]) else {
            part.reason = "\(mount.mountPoint) cannot be opened"
            return part
        }
        let relative = names.joined(separator: "/")
        guard let own = open(top, names) else {
            part.reason = "the group is gone"
            return part
        }
        part.directory = relative.isEmpty ? mount.mountPoint : "\(mount.mountPoint)/\(relative)"
        let controllers = membership.isUnified ? Self.controllers(own) : membership.controllers
        part.limits = Self.limits(own, controllers, isUnified: membership.isUnified, all: !names.isEmpty)
        part.notes = Self.notes(own, isUnified: membership.isUnified)
        for resource in ["cpu", "memory", "io"] {
            guard let text = try? Files.readLine(at: own.rawValue, "\(resource).pressure") else { continue }
            part.pressure.append(.init(resource: resource, pressure: Pressure(parsing: text)))
        }
        // What a group above limits holds here as well. The root limits nothing.
        for depth in stride(from: names.count - 1, to: 0, by: -1) {
            let above = Array(names.prefix(depth))
            guard let group = open(top, above) else { continue }
            let found = Self.limits(
                group, membership.isUnified ? Self.controllers(group) : membership.controllers,
                isUnified: membership.isUnified, all: false)
            for var limit in found where limit.isLimited {
                limit.group = "/" + above.joined(separator: "/")
                part.above.append(limit)
            }
        }
        return part
    }

    private func open(_ top: borrowing FileDescriptor, _ names: [String]) -> FileDescriptor? {
        // A group's name cannot lead out of cgroupfs, which has no links; neither can one that was made up.
        try? Files.open(
            at: top.rawValue, names.isEmpty ? "." : names.joined(separator: "/"), [.readOnly, .directory],
            resolve: [.beneath, .noSymbolicLinks])
    }

    /// The names from the mount's beginning to the group; nil when it does not lie below it.
    static func below(_ root: String, _ membership: GroupMembership) -> [String]? {
        let names = membership.names
        let start = PathText.names(root)
        // The path begins at the root of this program's view, "/.." is above it; a mount's root may be "/.." as well.
        guard !names.contains(".."), !start.contains(".."), names.starts(with: start) else { return nil }
        return Array(names.dropFirst(start.count))
    }

    private static func controllers(_ group: borrowing FileDescriptor) -> [String] {
        let text = (try? Files.readLine(at: group.rawValue, "cgroup.controllers")) ?? ""
        return KernelText.words(text.utf8).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func read(_ group: borrowing FileDescriptor, _ name: String) -> String? {
        try? Files.readLine(at: group.rawValue, name)
    }

    private static func number(_ group: borrowing FileDescriptor, _ name: String) -> UInt64? {
        read(group, name).flatMap { KernelText.number($0.utf8) }
    }

    /// - Parameter all: whether usual limits that are not set are told as well.
    private static func limits(
        _ group: borrowing FileDescriptor, _ controllers: [String], isUnified: Bool, all: Bool
    ) -> [GroupLimit] {
        var found: [GroupLimit] = []
        for file in isUnified ? LimitFile.version2 : LimitFile.version1 where controllers.contains(file.controller) {
            guard let text = read(group, file.limit) else { continue }
            var limit = GroupLimit(name: file.name, file: file.limit, unit: file.unit, text: text)
            if file.unit != .text { limit.limit = LimitText.limit(text) }
            let isSet =
                file.unit == .text ? !file.plain.contains(text) : limit.limit != nil && !file.plain.contains(text)
            guard isSet || (all && file.isUsual) else { continue }
            limit.use = file.use.flatMap { number(group, $0) }
            limit.peak = file.peak.flatMap { number(group, $0) }
            if let reached = file.reached, let text = read(group, reached.file) {
                limit.reached = LimitText.value(text, key: reached.key)
            }
            found.append(limit)
        }
        if controllers.contains("cpu") { found += processorTime(group, isUnified: isUnified, all: all) }
        if !isUnified, all, controllers.contains("cpuacct"), let use = number(group, "cpuacct.usage") {
            found.append(
                GroupLimit(name: "processor time", file: "cpuacct.usage", unit: .nanoseconds, text: "\(use)", use: use))
        }
        if controllers.contains("hugetlb") { found += hugePages(group, isUnified: isUnified) }
        return found
    }

    /// Processor time a period, in thousandths of a processor.
    private static func processorTime(
        _ group: borrowing FileDescriptor, isUnified: Bool, all: Bool
    ) -> [GroupLimit] {
        let text =
            isUnified
            ? read(group, "cpu.max")
            : read(group, "cpu.cfs_quota_us").map { "\($0) \(read(group, "cpu.cfs_period_us") ?? "100000")" }
        guard let text else { return [] }
        let bandwidth = LimitText.bandwidth(text)
        guard bandwidth != nil || all else { return [] }
        let statistics = read(group, "cpu.stat") ?? ""
        return [
            GroupLimit(
                name: "processor time", file: isUnified ? "cpu.max" : "cpu.cfs_quota_us", unit: .microseconds,
                limit: bandwidth?.quota, text: text, use: LimitText.value(statistics, key: "usage_usec"),
                reached: LimitText.value(statistics, key: "nr_throttled"))
        ]
    }

    private static func hugePages(_ group: borrowing FileDescriptor, isUnified: Bool) -> [GroupLimit] {
        guard let entries = try? Files.open(at: group.rawValue, ".", [.readOnly, .directory]).directoryEntries() else {
            return []
        }
        let end = isUnified ? ".max" : ".limit_in_bytes"
        return entries.map(\.name.description).sorted().compactMap { name in
            let words = name.utf8.split(separator: 46)
            guard name.utf8.starts(with: "hugetlb.".utf8), name.utf8.reversed().starts(with: end.utf8.reversed()),
                words.count == 3, let size = String(words[1]), size != "rsvd",
                let text = read(group, name), let limit = LimitText.limit(text)
            else { return nil }
            return GroupLimit(
                name: "huge pages of \(size)", file: name, unit: .bytes, limit: limit, text: text,
                use: number(group, isUnified ? "hugetlb.\(size).current" : "hugetlb.\(size).usage_in_bytes"))
        }
    }

    private static func notes(_ group: borrowing FileDescriptor, isUnified: Bool) -> [String] {
        var notes: [String] = []
        if isUnified {
            if read(group, "cgroup.freeze") == "1" { notes.append("frozen") }
            if let events = read(group, "memory.events"), let kills = LimitText.value(events, key: "oom_kill"),
                kills > 0
            {
                notes.append("processes killed for want of memory: \(kills)")
            }
        } else {
            if let state = read(group, "freezer.state"), state != "THAWED" { notes.append("frozen") }
            if let control = read(group, "memory.oom_control") {
                if LimitText.value(control, key: "oom_kill_disable") == 1 {
                    notes.append("nothing is killed for want of memory")
                }
                if let kills = LimitText.value(control, key: "oom_kill"), kills > 0 {
                    notes.append("processes killed for want of memory: \(kills)")
                }
            }
        }
        return notes
    }
}

/// The kernel's ways to write a limit.
enum LimitText {
    /// A number; nil for "max", "-1" and the v1 numbers that stand for no limit (the largest multiple of a page that fits).
    static func limit(_ text: String) -> UInt64? {
        guard let number = KernelText.number(text.utf8), number < 1 << 62 else { return nil }
        return number
    }

    /// The value of a line "key value", or the whole text for an empty key.
    static func value(_ text: String, key: String) -> UInt64? {
        if key.isEmpty { return KernelText.number(text.utf8) }
        for line in text.utf8.split(separator: 10) {
            let words = KernelText.words(line)
            if words.count == 2, words[0].elementsEqual(key.utf8) { return KernelText.number(words[1]) }
        }
        return nil
    }

    /// "50000 100000": microseconds of processor time in each so many; nil without a limit.
    static func bandwidth(_ text: String) -> (quota: UInt64, period: UInt64)? {
        let words = KernelText.words(text.utf8)
        guard words.count == 2, let quota = KernelText.number(words[0]), let period = KernelText.number(words[1]),
            period > 0
        else { return nil }
        return (quota, period)
    }
}
