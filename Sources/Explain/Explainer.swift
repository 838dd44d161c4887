import LinuxKernel

/// Reads everything about a process from procfs, cgroupfs, netlink. Nothing is changed.
public struct Explainer: Sendable {
    /// What an engine adds.
    public var hints: ExplainHints

    /// An explainer.
    public init(hints: ExplainHints = ExplainHints()) { self.hints = hints }

    /// The container that a process belongs to, told by its control groups; nil when it is none's.
    public static func identity(of pid: Int32) throws(ExplainError) -> ContainerIdentity? {
        do throws(Errno) {
            return ContainerIdentity(
                GroupMembership.all(parsing: try Files.read("/proc/\(pid)/cgroup", limit: 1 << 20)))
        } catch { throw failure(pid, error) }
    }

    /// Explains a process.
    ///
    /// - Throws: ``ExplainError`` when there is no such process, it ends while it is being read, or the caller may not
    ///   look at it.
    public func explain(_ pid: Int32) throws(ExplainError) -> Explanation {
        do throws(Errno) { return try read(try ProcessFolder(pid)) } catch { throw Self.failure(pid, error) }
    }

    private static func failure(_ pid: Int32, _ error: Errno) -> ExplainError {
        let object = "process \(pid)"
        switch error {
        case .noSuchFile: return ExplainError("explain", object, cause: "there is no such process")
        // EINVAL is what the mounts of a process give that has ended and is not reaped yet.
        case .noSuchProcess, .invalidArgument: return ExplainError("explain", object, cause: "it ended meanwhile")
        case .accessDenied, .notPermitted:
            return ExplainError("explain", object, cause: "\(error)", remedy: "run berth as root (sudo berth …)")
        default: return ExplainError("explain", object, cause: "\(error)")
        }
    }

    private func read(_ folder: borrowing ProcessFolder) throws(Errno) -> Explanation {
        let status = ProcessStatus(parsing: try folder.read("status"))
        if status.state == "Z" || status.state == "X" { throw .noSuchProcess }
        let memberships = GroupMembership.all(parsing: try folder.read("cgroup"))
        let identity = ContainerIdentity(memberships)
        let mounts = MountEntry.all(parsing: try folder.read("mountinfo"))
        let users = UserPart(users: try folder.read("uid_map"), groups: try folder.read("gid_map"))
        let survey = NamespaceSurvey()
        var names = ProcessNames(containers: hints.names)

        var namespaces: [NamespacePart] = []
        var isHostNetwork = false
        var networkMembers: [Int32] = []
        for (kind, name) in NamespaceSurvey.kinds.enumerated() {
            guard let inode = folder.namespace(name) else {
                // A kernel without it has no such file.
                if name != "time" || Files.exists("/proc/self/ns/time") {
                    namespaces.append(.init(kind: name, isHost: false, ownProcesses: 0, others: []))
                }
                continue
            }
            let isHost = survey.isHost(kind, inode)
            var part = NamespacePart(kind: name, inode: inode, isHost: isHost, ownProcesses: 1, others: [])
            let members = survey.members(kind, inode)
            if name == "net" { (isHostNetwork, networkMembers) = (isHost, members) }
            if !isHost { (part.ownProcesses, part.others) = names.sharers(members, own: identity, pid: folder.pid) }
            namespaces.append(part)
        }

        var others: [(owner: String, mounts: [MountEntry])] = []
        if mounts.contains(where: { $0.mountPoint == "/" && $0.type == "overlay" }) {
            for pid in survey.mountNamespaces(without: folder.namespace("mnt")) {
                guard let text = try? Files.read("/proc/\(pid)/mountinfo", limit: 64 << 20),
                    let owner = names.identity(pid), owner != identity, !owner.isMonitor
                else { continue }
                others.append((names.title(owner), MountEntry.all(parsing: text)))
            }
        }
        var tables = hints.tables
        if let parent = identity?.parent, identity?.engine == "berth" {
            // The engine of another root names its table as it names its groups (docs/architecture.md).
            let table = String(decoding: parent.utf8.map { $0 == 45 ? 95 : $0 }, as: UTF8.self)
            if !tables.contains(table) { tables.append(table) }
        }
        let ownMounts = MountEntry.all(parsing: try Files.read("/proc/self/mountinfo", limit: 64 << 20))
        let groups = GroupReading(mounts: ownMounts)
        let process = part(folder, status, identity.map { Ancestry.named($0, pid: folder.pid) })
        var network = NetworkReading(tables: tables).part(folder, isHost: isHostNetwork, members: networkMembers)
        if identity?.engine != "berth", network.interfaces.contains(where: { $0.kind != nil && !$0.addresses.isEmpty })
        {
            network.gaps.append(
                "ports that others' firewall rules publish: only their forwarding processes and our own tables are looked at"
            )
        }
        let explanation = Explanation(
            process: process, namespaces: namespaces, users: users, groups: memberships.map { groups.part($0) },
            root: LayerReading(hints: hints).root(mounts, others: others), mounts: mounts,
            network: network, security: security(folder, status), name: identity.flatMap { hints.names[$0.id] })
        // The last word: a process that has ended meanwhile was read in part only.
        _ = try folder.read("status")
        return explanation
    }

    private func part(
        _ folder: borrowing ProcessFolder, _ status: ProcessStatus, _ identity: ContainerIdentity?
    ) -> ProcessPart {
        let arguments = ((try? folder.read("cmdline")) ?? []).split(separator: 0)
        return ProcessPart(
            pid: folder.pid, numbers: status.numbers, name: status.name,
            arguments: arguments.prefix(1000).map { String(decoding: $0, as: UTF8.self) },
            executable: try? folder.link("exe"), state: status.state,
            user: status.users.count > 1 ? status.users[1] : nil,
            group: status.groups.count > 1 ? status.groups[1] : nil,
            residentBytes: status.residentBytes, threads: status.threads, identity: identity,
            startTime: ProcessInformation.startTime(of: folder.pid))
    }

    private func security(_ folder: borrowing ProcessFolder, _ status: ProcessStatus) -> SecurityPart {
        let last = (try? Files.readLine("/proc/sys/kernel/cap_last_cap")).flatMap { Int($0) } ?? 40
        var part = SecurityPart(
            effective: status.effective, permitted: status.permitted, inheritable: status.inheritable,
            bounding: status.bounding, ambient: status.ambient, capabilityCount: last + 1,
            noNewPrivileges: status.noNewPrivileges, seccomp: status.seccomp, seccompFilters: status.seccompFilters)
        // The module's own file, where the kernel has one; the common one is of whichever comes first.
        for (file, module) in [("attr/apparmor/current", "AppArmor"), ("attr/current", "security module")] {
            guard let text = try? folder.read(file) else { continue }
            let label = String(decoding: text.prefix { $0 != 0 && $0 != 10 }, as: UTF8.self)
            guard !label.isEmpty else { continue }
            part.label = label
            part.module = module
            break
        }
        return part
    }
}
