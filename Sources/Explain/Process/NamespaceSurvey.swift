import LinuxKernel

/// A namespace of the explained process.
public struct NamespacePart: Sendable {
    /// As procfs calls it: "mnt", "net".
    public var kind: String
    /// Its number; nil when it may not be known.
    public var inode: UInt64?
    /// Whether the machine's first process is in it.
    public var isHost: Bool
    /// How many processes of the same container are in it, the explained one among them.
    public var ownProcesses: Int
    /// Who else is in it; nobody is named for the host's.
    public var others: [Sharer]

    /// Somebody in the same namespace.
    public struct Sharer: Sendable, Equatable {
        /// "docker 0123456789ab", "process 12 (sleep)".
        public var name: String
        public var processes: Int
    }
}

/// Who is in which namespace: one look at every process.
struct NamespaceSurvey {
    /// As `/proc/PID/ns` calls them.
    static let kinds = ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"]

    /// A process and its namespaces in the order of ``kinds``.
    struct Entry {
        var pid: Int32
        var inodes: [UInt64?]
    }

    private(set) var entries: [Entry] = []
    private var host: [UInt64?]

    init() {
        for pid in ProcessFolder.all() {
            // One that ends meanwhile is simply not there.
            guard let folder = try? ProcessFolder(pid) else { continue }
            var inodes: [UInt64?] = []
            for kind in Self.kinds { inodes.append(folder.namespace(kind)) }
            // A kernel thread has them, a process that has ended has none.
            if inodes.contains(where: { $0 != nil }) { entries.append(Entry(pid: pid, inodes: inodes)) }
        }
        host = entries.first { $0.pid == 1 }?.inodes ?? []
        if !host.contains(where: { $0 != nil }) {
            // The first process may not be looked at: what this program is in counts as the host.
            host = Self.own()
        }
    }

    private static func own() -> [UInt64?] {
        guard let file = try? Files.readLink("/proc/self").bytes,
            let pid = KernelText.number(file).flatMap({ Int32(exactly: $0) }),
            let folder = try? ProcessFolder(pid)
        else { return [] }
        var inodes: [UInt64?] = []
        for kind in kinds { inodes.append(folder.namespace(kind)) }
        return inodes
    }

    /// The processes in the same namespace as one with this inode.
    func members(_ kind: Int, _ inode: UInt64) -> [Int32] {
        entries.filter { kind < $0.inodes.count && $0.inodes[kind] == inode }.map(\.pid)
    }

    /// Whether the host is in it.
    func isHost(_ kind: Int, _ inode: UInt64) -> Bool { kind < host.count && host[kind] == inode }

    /// A process of each mount namespace but the explained one's.
    func mountNamespaces(without inode: UInt64?) -> [Int32] {
        var seen = Set<UInt64>()
        if let inode { seen.insert(inode) }
        return entries.compactMap { entry in
            guard let own = entry.inodes[1], seen.insert(own).inserted else { return nil }
            return entry.pid
        }
    }
}

/// Names processes by what their control groups tell. Many are asked for again and again.
struct ProcessNames {
    private var known: [Int32: ContainerIdentity?] = [:]
    /// The names of containers whose engine is known, by id.
    let containers: [String: String]

    init(containers: [String: String]) { self.containers = containers }

    mutating func identity(_ pid: Int32) -> ContainerIdentity? {
        if let found = known[pid] { return found }
        let text = (try? Files.read("/proc/\(pid)/cgroup", limit: 1 << 20)) ?? []
        let found = ContainerIdentity(GroupMembership.all(parsing: text))
        known[pid] = .some(found)
        return found
    }

    func title(_ identity: ContainerIdentity) -> String {
        containers[identity.id].map { "\(identity.description) (\($0))" } ?? identity.description
    }

    /// Who is in a namespace beside the explained process's own.
    mutating func sharers(_ members: [Int32], own: ContainerIdentity?, pid: Int32) -> (
        own: Int, others: [NamespacePart.Sharer]
    ) {
        var ownCount = 0
        var others: [NamespacePart.Sharer] = []
        var rest = 0
        for member in members {
            let identity = member == pid ? own : identity(member)
            if member == pid || identity != nil && identity == own {
                ownCount += 1
                continue
            }
            let name: String
            if let identity {
                name = title(identity)
            } else {
                guard others.count < 20 else {
                    rest += 1
                    continue
                }
                name = "process \(member) (\(ProcessInformation.name(of: member) ?? "ended"))"
            }
            if let place = others.firstIndex(where: { $0.name == name }) {
                others[place].processes += 1
            } else {
                others.append(.init(name: name, processes: 1))
            }
        }
        if rest > 0 { others.append(.init(name: "others", processes: rest)) }
        return (ownCount, others)
    }
}
