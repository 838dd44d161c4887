import LinuxKernel

extension ControlGroup {
    /// Makes the group and sets its limits, before any process is in it.
    ///
    /// The group's directory may exist already if it holds no process. Parents are made as needed and left when the
    /// group is removed (but see ``remove(emptyParents:)``). After an error everything made here is removed again.
    ///
    /// - Parameters:
    ///   - path: below the root of every cgroup mount, such as "/berth/ID/payload"; `..` is refused.
    ///   - limits: those that the machine cannot honour are errors, never dropped.
    /// - Throws: ``ControlGroupError`` when a limit's controller or file is missing or refuses the value, when the group
    ///   is occupied, or when the cgroup file system may not be written.
    public static func create(
        host: HostControlGroups, path: String, limits: ResourceLimits = ResourceLimits()
    ) throws(ControlGroupError) -> ControlGroup {
        try create(host: host, path: path, limits: limits, isPrepared: false)
    }

    /// Sets limits on a group that systemd has made and put a process into, and makes what it lacks: in hierarchies of
    /// version 1 systemd makes only what its own settings need.
    public static func complete(
        host: HostControlGroups, path: String, limits: ResourceLimits
    ) throws(ControlGroupError) -> ControlGroup {
        try create(host: host, path: path, limits: limits, isPrepared: true)
    }

    private static func create(
        host: HostControlGroups, path: String, limits: ResourceLimits, isPrepared: Bool
    ) throws(ControlGroupError) -> ControlGroup {
        let path = try GroupPath(path)
        var attempts = 5
        while true {
            var builder = GroupBuilder(host: host, path: path, limits: limits, isPrepared: isPrepared)
            do {
                return try builder.build()
            } catch {
                builder.rollBack()
                attempts -= 1
                // Another container that ended took a common parent away between our steps.
                guard error.errno == .noSuchFile, attempts > 0 else { throw error }
            }
        }
    }
}

/// The steps of making a group.
struct GroupBuilder {
    let host: HostControlGroups
    let path: GroupPath
    let limits: ResourceLimits
    /// What was made, in order, to be taken back.
    private var made: [(hierarchy: Hierarchy, path: GroupPath)] = []

    /// Controllers every container gets where they exist: statistics, and limits given later, need them.
    static let standard: Set<String> = ["memory", "cpu", "cpuacct", "pids"]

    /// Whether systemd has made the group: it holds a process then, and is also in systemd's own named hierarchy.
    private let isPrepared: Bool

    init(host: HostControlGroups, path: GroupPath, limits: ResourceLimits, isPrepared: Bool = false) {
        self.isPrepared = isPrepared
        self.host = host
        self.path = path
        self.limits = limits
    }

    mutating func build() throws(ControlGroupError) -> ControlGroup {
        let needed = limits.neededControllers
        var chosen: [Hierarchy] = []
        var unifiedControllers: Set<String> = []
        for controller in needed.union(Self.standard).sorted() {
            if let old = host.version1(Hierarchy.version1Name(controller)) {
                if !chosen.contains(old) { chosen.append(old) }
            } else if controller != "cpuacct" {
                unifiedControllers.insert(controller)
            }
        }
        if host.layout == .v2 { unifiedControllers.insert("io") }
        if let devices = host.version1("devices") { chosen.append(devices) }
        if host.unified == nil, let freezer = host.version1("freezer") { chosen.append(freezer) }
        if isPrepared, let named = host.hierarchies.first(where: { $0.controllers.contains("name=systemd") }) {
            chosen.append(named)
        }
        if let unified = host.unified {
            if !unifiedControllers.isEmpty { unifiedControllers.formIntersection(try available(unified)) }
            chosen.append(unified)
        }
        try refuseMissing(needed, offeredByUnified: unifiedControllers)

        for hierarchy in chosen where !hierarchy.isUnified { try makeVersion1(hierarchy) }
        if let unified = host.unified {
            do {
                try makeUnified(unified, enable: unifiedControllers, needed: needed)
            } catch {
                // On a hybrid machine it only makes freezing and killing simpler; without it there is the freezer.
                let mayNot = [Errno.accessDenied, .notPermitted, .readOnlyFileSystem].contains(error.errno)
                guard host.layout == .hybrid, mayNot, unifiedControllers.isDisjoint(with: needed),
                    limits.unified.isEmpty,
                    let freezer = host.version1("freezer")
                else { throw error }
                chosen.removeAll { $0.isUnified }
                chosen.append(freezer)
                try makeVersion1(freezer)
            }
        }
        let group = ControlGroup(path: path, host: host, hierarchies: chosen)
        try group.write(limits)
        return group
    }

    /// Removes what ``build()`` made; parents that another container uses by now stay.
    func rollBack() {
        for item in made.reversed() {
            guard let root = try? item.hierarchy.openRoot() else { continue }
            try? Files.unlink(at: root.rawValue, item.path.relative, directory: true)
        }
    }

    private func available(_ unified: Hierarchy) throws(ControlGroupError) -> Set<String> {
        do throws(Errno) {
            let root = try unified.openRoot()
            return try ControlFile.words(root, "cgroup.controllers")
        } catch {
            throw ControlGroupError("read the controllers of", unified.mountPoint, error)
        }
    }

    private func refuseMissing(_ needed: Set<String>, offeredByUnified: Set<String>) throws(ControlGroupError) {
        for controller in needed.sorted() where !offeredByUnified.contains(controller) {
            if host.version1(Hierarchy.version1Name(controller)) != nil { continue }
            throw ControlGroupError(
                operation: "limit", object: controller, cause: "this machine has no \(controller) controller",
                remedy: "leave that limit out, or enable the controller in the kernel")
        }
    }

    /// Makes the directories of one hierarchy, again when a parent vanished in between: a container that ends takes its
    /// empty parents with it while the next one begins.
    private mutating func makeLevels(_ hierarchy: Hierarchy, enable: Set<String>) throws(ControlGroupError) {
        var attempt = 0
        while true {
            do throws(Errno) {
                try makeLevelsOnce(hierarchy, enable)
                return
            } catch {
                attempt += 1
                guard error == .noSuchFile, attempt < 20 else { throw creationFailure(hierarchy, error) }
            }
        }
    }

    private mutating func makeLevelsOnce(_ hierarchy: Hierarchy, _ enable: Set<String>) throws(Errno) {
        let root = try hierarchy.openRoot()
        let inherits = hierarchy.controllers.contains("cpuset")
        if enable.isEmpty, !inherits, try make(path, hierarchy, root, ignoreMissingParent: true) { return }
        for level in path.chain {
            // The controllers of a version 2 group are those its parent hands down.
            if !enable.isEmpty {
                if let above = level.parent {
                    try Subtree.enable(enable, in: try hierarchy.open(above, in: root))
                } else {
                    try Subtree.enable(enable, in: root)
                }
            }
            _ = try make(level, hierarchy, root)
            if inherits { try Self.inheritProcessors(level, hierarchy, root) }
        }
    }

    // MARK: Version 1

    private mutating func makeVersion1(_ hierarchy: Hierarchy) throws(ControlGroupError) {
        try makeLevels(hierarchy, enable: [])
        try refuseOccupied(hierarchy)
    }

    /// Makes one directory. False when a parent is missing and that was to be ignored.
    private mutating func make(
        _ level: GroupPath, _ hierarchy: Hierarchy, _ root: borrowing FileDescriptor, ignoreMissingParent: Bool = false
    ) throws(Errno) -> Bool {
        do throws(Errno) {
            try Files.makeDirectory(at: root.rawValue, level.relative)
            made.append((hierarchy, level))
        } catch {
            if error == .noSuchFile, ignoreMissingParent { return false }
            if error != .fileExists { throw error }
        }
        return true
    }

    /// A new version 1 cpuset is empty, and nothing can join an empty one (ENOSPC): it starts as its parent
    /// (cgroup-v1/cpusets, section 2.1).
    static func inheritProcessors(
        _ level: GroupPath, _ hierarchy: Hierarchy, _ root: borrowing FileDescriptor
    ) throws(Errno) {
        let directory = try hierarchy.open(level, in: root)
        for name in ["cpuset.cpus", "cpuset.mems"] where try ControlFile.read(directory, name).isEmpty {
            let parent: String
            if let above = level.parent {
                parent = try ControlFile.read(try hierarchy.open(above, in: root), name)
            } else {
                parent = try ControlFile.read(root, name)
            }
            try ControlFile.write(directory, name, parent)
        }
    }

    // MARK: Version 2

    private mutating func makeUnified(
        _ hierarchy: Hierarchy, enable: Set<String>, needed: Set<String>
    ) throws(ControlGroupError) {
        try makeLevels(hierarchy, enable: enable)
        try refuseOccupied(hierarchy)
        if !enable.isDisjoint(with: needed) { try checkHandedDown(hierarchy, enable.intersection(needed)) }
    }

    /// Names the ancestor that does not hand a needed controller down.
    private func checkHandedDown(_ hierarchy: Hierarchy, _ needed: Set<String>) throws(ControlGroupError) {
        var missing: Set<String> = []
        var above = "/"
        var occupied = false
        do throws(Errno) {
            let root = try hierarchy.openRoot()
            missing = needed.subtracting(
                try ControlFile.words(try hierarchy.open(path, in: root), "cgroup.controllers"))
            if missing.isEmpty { return }
            if try ControlFile.words(root, "cgroup.subtree_control").isSuperset(of: missing) {
                for level in path.chain.dropLast() {
                    let directory = try hierarchy.open(level, in: root)
                    if try ControlFile.words(directory, "cgroup.subtree_control").isSuperset(of: missing) { continue }
                    above = level.description
                    occupied = !(try ControlFile.read(directory, "cgroup.procs").isEmpty)
                    break
                }
            } else {
                occupied = !(try ControlFile.read(root, "cgroup.procs").isEmpty)
            }
        } catch {
            throw creationFailure(hierarchy, error)
        }
        let names = missing.sorted()
        throw ControlGroupError(
            operation: "limit", object: names.joined(separator: ", "),
            cause: "the group \(above) does not hand that down"
                + (occupied ? ", because processes are in it (version 2 allows them only in leaves)" : ""),
            remedy: occupied
                ? "move its processes into a group below it, for example \(above == "/" ? "" : above)/init"
                : "write \"+\(names.joined(separator: " +"))\" to its cgroup.subtree_control")
    }

    // MARK: Both

    /// A group with processes, its own or in groups below it, belongs to somebody else; limits would hit them, and removing
    /// it would kill them.
    private func refuseOccupied(_ hierarchy: Hierarchy) throws(ControlGroupError) {
        if isPrepared || made.contains(where: { $0.hierarchy == hierarchy && $0.path == path }) { return }
        do throws(Errno) {
            let root = try hierarchy.openRoot()
            var isOccupied = false
            GroupTree.visit(try hierarchy.open(path, in: root, .readOnly)) { directory in
                // What cannot be read is not known to be empty.
                if !isOccupied, (try? ControlFile.read(directory, "cgroup.procs"))?.isEmpty != true {
                    isOccupied = true
                }
            }
            if !isOccupied { return }
        } catch {
            throw creationFailure(hierarchy, error)
        }
        throw ControlGroupError(
            operation: "use the control group", object: path.description, cause: "it already holds processes",
            remedy: "choose another path")
    }

    private func creationFailure(_ hierarchy: Hierarchy, _ errno: Errno) -> ControlGroupError {
        ControlGroupError.creation(hierarchy.mountPoint + path.description, errno)
    }
}

extension ControlGroupError {
    /// Why a group's directory could not be made.
    static func creation(_ object: String, _ errno: Errno) -> ControlGroupError {
        var remedy: String?
        switch errno {
        case .accessDenied, .notPermitted: remedy = "run as root, or in a group that was delegated to you"
        case .readOnlyFileSystem: remedy = "mount the cgroup file system writable"
        case .wouldBlock: remedy = "cgroup.max.descendants or cgroup.max.depth of a parent is reached"
        case .noSpace: remedy = "too many control groups exist; remove some"
        default: break
        }
        return ControlGroupError("make the control group", object, errno, remedy: remedy)
    }
}

extension Hierarchy {
    /// The version 1 name of a version 2 controller.
    static func version1Name(_ controller: String) -> String { controller == "io" ? "blkio" : controller }
}

/// `cgroup.subtree_control`.
enum Subtree {
    /// Hands controllers down to child groups, as many as the group has and the kernel lets it.
    ///
    /// A group with processes of its own cannot hand down most of them (EBUSY, "no internal processes"); that is not an
    /// error here, because whether the controller was needed is known only to the caller.
    static func enable(_ controllers: Set<String>, in directory: borrowing FileDescriptor) throws(Errno) {
        let missing = controllers.subtracting(try ControlFile.words(directory, "cgroup.subtree_control"))
        if missing.isEmpty { return }
        let possible = missing.intersection(try ControlFile.words(directory, "cgroup.controllers")).sorted()
        if possible.isEmpty { return }
        do throws(Errno) {
            try ControlFile.write(directory, "cgroup.subtree_control", possible.map { "+\($0)" }.joined(separator: " "))
        } catch {
            if possible.count == 1 { return }
            // The kernel takes all or none: one that fails must not keep the others away.
            for controller in possible { try? ControlFile.write(directory, "cgroup.subtree_control", "+\(controller)") }
        }
    }
}
