import ContainerNetwork
import Explain
import LinuxKernel
import Netlink

/// What a container was asked to be, held against what the kernel has.
struct ContainerExpectations {
    let record: ContainerRecord
    /// What is to be published.
    let ports: [PublishedPort]
    /// The container's control group, above those of its processes.
    let group: String

    func differences(_ found: Explanation) -> [Explanation.Difference] {
        limits(found) + rights(found) + files(found) + network(found) + namespaces(found)
    }

    // MARK: Limits

    private func limits(_ found: Explanation) -> [Explanation.Difference] {
        var result: [Explanation.Difference] = []
        func check(_ what: String, _ files: [String], _ asked: UInt64?, tolerance: UInt64 = 0) {
            guard let asked else { return }
            let limit = Self.limit(found, files)
            if let limit, limit.limit.map({ $0 <= asked && asked - $0 <= tolerance }) == true { return }
            result.append(
                .init(
                    what, asked: "\(asked)",
                    found: limit.map { $0.limit.map { "\($0)" } ?? "no limit" } ?? "no such group"))
        }
        let limits = record.limits
        func positive(_ number: Int64?) -> UInt64? { number.flatMap { $0 > 0 ? UInt64($0) : nil } }
        // The kernel counts in pages, of at most 64 KiB.
        check("memory", ["memory.max", "memory.limit_in_bytes"], positive(limits.memory), tolerance: 65535)
        if let both = positive(limits.memorySwap), let memory = positive(limits.memory) {
            // Version 2 has a file for swap alone. A machine without swap accounting has neither.
            let alone = Self.limit(found, ["memory.swap.max"])
            let together = Self.limit(found, ["memory.memsw.limit_in_bytes"])
            if alone != nil {
                check("swap", ["memory.swap.max"], both >= memory ? both - memory : 0, tolerance: 65535)
            } else if together != nil {
                check("memory and swap", ["memory.memsw.limit_in_bytes"], both, tolerance: 65535)
            }
        }
        check("processes", ["pids.max"], positive(limits.pids))
        var bandwidth: (quota: UInt64, period: UInt64)?
        if let processors = limits.nanoCPUs, processors > 0 {
            bandwidth = (UInt64(processors), 1_000_000_000)
        } else if let quota = positive(limits.cpuQuota) {
            bandwidth = (quota, limits.cpuPeriod.flatMap { $0 > 0 ? $0 : nil } ?? 100_000)
        }
        if let bandwidth {
            let limit = Self.limit(found, ["cpu.max", "cpu.cfs_quota_us"])
            let words = limit?.text.utf8.split(separator: 32).compactMap { UInt64(Substring($0)) } ?? []
            let asked = Double(bandwidth.quota) / Double(bandwidth.period)
            let got = words.count == 2 && words[1] > 0 ? Double(words[0]) / Double(words[1]) : nil
            // Microseconds are whole.
            if got.map({ abs($0 - asked) > 0.002 }) ?? true {
                result.append(.init("processors", asked: "\(asked)", found: got.map { "\($0)" } ?? "no limit"))
            }
        }
        for (what, asked, file) in [
            ("processors to run on", limits.cpusetCPUs, "cpuset.cpus"),
            ("memory nodes", limits.cpusetMems, "cpuset.mems"),
        ] {
            guard let asked, !asked.isEmpty else { continue }
            let text = Self.limit(found, [file])?.text ?? ""
            if Self.numbers(text) != Self.numbers(asked) { result.append(.init(what, asked: asked, found: text)) }
        }
        return result
    }

    /// The limit of the container's own group: the process may be in one below it.
    private static func limit(_ found: Explanation, _ files: [String]) -> GroupLimit? {
        let own = found.groups.flatMap(\.limits).filter { files.contains($0.file) }
        if let set = own.first(where: { $0.isLimited || $0.unit == .text }) { return set }
        return found.groups.flatMap(\.above).first { files.contains($0.file) } ?? own.first
    }

    /// "0-2,7" as a set.
    static func numbers(_ text: String) -> Set<Int> {
        var result = Set<Int>()
        for part in text.utf8.split(separator: 44) {
            let ends = part.split(separator: 45).compactMap { Int(Substring($0)) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 1 << 16 else { continue }
            result.formUnion(first...last)
        }
        return result
    }

    // MARK: Rights

    private func rights(_ found: Explanation) -> [Explanation.Difference] {
        var result: [Explanation.Difference] = []
        let asked = record.security.capabilities.reduce(into: CapabilitySet()) { set, name in
            if let one = CapabilitySet(name: name) { set.formUnion(one) }
        }
        let bounding = CapabilitySet(rawValue: found.security.bounding & found.security.every)
        let extra = bounding.subtracting(asked).memberNames
        let missing = asked.intersection(CapabilitySet(rawValue: found.security.every)).subtracting(bounding)
            .memberNames
        if !extra.isEmpty {
            result.append(.init("capabilities", asked: "without \(extra.joined(separator: ", "))", found: "kept"))
        }
        if !missing.isEmpty {
            result.append(.init("capabilities", asked: "with \(missing.joined(separator: ", "))", found: "dropped"))
        }
        if record.security.noNewPrivileges, found.security.noNewPrivileges == false {
            result.append(.init("new privileges", asked: "none", found: "allowed"))
        }
        switch (record.security.seccomp, found.security.seccomp) {
        case (.unconfined, _), (_, 2), (_, nil): break
        default: result.append(.init("seccomp", asked: "a filter", found: found.security.seccompMode))
        }
        return result
    }

    // MARK: Files

    private func files(_ found: Explanation) -> [Explanation.Difference] {
        var result: [Explanation.Difference] = []
        if let root = found.root {
            if root.isReadOnly != record.readOnlyRoot {
                func word(_ isReadOnly: Bool) -> String { isReadOnly ? "read-only" : "writable" }
                result.append(
                    .init("root file system", asked: word(record.readOnlyRoot), found: word(root.isReadOnly)))
            }
            if root.type == "overlay", root.layers.count != record.layers.count {
                result.append(.init("layers", asked: "\(record.layers.count)", found: "\(root.layers.count)"))
            }
        }
        for mount in record.mounts {
            let place = "/" + PathText.names(mount.destination).joined(separator: "/")
            // The uppermost counts. A destination behind a symbolic link stands elsewhere: nothing is said of it.
            guard let entry = found.mounts.last(where: { $0.mountPoint == place }) else { continue }
            if mount.isReadOnly && !entry.isReadOnly {
                result.append(.init("mount \(place)", asked: "read-only", found: "writable"))
            }
        }
        return result
    }

    // MARK: Network and namespaces

    private func network(_ found: Explanation) -> [Explanation.Difference] {
        if found.network.gaps.contains(where: { PathText.begins($0, with: "the published ports") }) { return [] }
        return ports.compactMap { port in
            guard port.way != .monitor, port.hostPort != 0 else { return nil }
            let isThere = found.network.ways.contains {
                $0.hostPort == port.hostPort && $0.port == port.request.containerPort
                    && $0.hostAddress == port.hostAddress && $0.proto == port.request.portProtocol.rawValue
            }
            return isThere
                ? nil : .init("published port", asked: port.description, found: "no element in the kernel's map")
        }
    }

    private func namespaces(_ found: Explanation) -> [Explanation.Difference] {
        var own: Set<String> = ["mnt"]
        if !record.security.usesHostUsers { own.insert("user") }
        if record.joinsNetworks || record.network == "none" { own.insert("net") }
        return found.namespaces.compactMap { part in
            own.contains(part.kind) && part.isHost
                ? .init("\(part.kind) namespace", asked: "one of its own", found: "the host's") : nil
        }
    }
}
