import LinuxKernel

extension Engine {
    /// `volume create`.
    ///
    /// - Returns: its name, a random one without a wish.
    public func createVolume(_ name: String?, labels: [String: String]) throws(EngineError) -> String {
        let chosen = name ?? ContainerID.make()
        let lock = try volumes.lock(shared: true)
        defer { withExtendedLifetime(lock) {} }
        let made = try volumes.directory(chosen, labels: labels, isAnonymous: name == nil)
        if made.isNew { report("volume", "create", chosen, ["driver": "local"]) }
        return chosen
    }

    /// `volume inspect`.
    public func volume(_ name: String) throws(EngineError) -> VolumeRecord {
        guard let record = volumes.find(name) else {
            throw EngineError("get \(ContainerRegistry.printable(name)): no such volume")
        }
        return record
    }

    /// Which containers use which volumes, by the volumes' names.
    public func volumeUsers() -> [String: [String]] {
        var result = [String: [String]]()
        for id in containers.ids() {
            guard let record = try? ContainerDirectory(roots: roots, id: id).readRecord() else { continue }
            for mount in record.mounts where mount.kind == .volume { result[mount.name, default: []].append(id) }
        }
        return result
    }

    /// `volume rm`: not while a container uses it, not even one that does not run.
    public func removeVolume(_ name: String) throws(EngineError) {
        volumes.sweep()
        let lock = try volumes.lock(shared: false)
        defer { withExtendedLifetime(lock) {} }
        let record = try volume(name)
        // What killed commands left counts no more.
        _ = try? list()
        if let users = volumeUsers()[record.name], !users.isEmpty {
            throw EngineError("remove \(record.name): volume is in use - [\(users.joined(separator: ", "))]")
        }
        try volumes.remove(record.name)
        report("volume", "destroy", record.name, ["driver": "local"])
    }

    /// `volume prune`.
    ///
    /// - Parameter wanted: whether a volume that nobody uses is to go.
    /// - Returns: the names of those that are gone, and how much that freed.
    public func pruneVolumes(_ wanted: (VolumeRecord) -> Bool) throws(EngineError) -> (names: [String], bytes: Int64) {
        volumes.sweep()
        let lock = try volumes.lock(shared: false)
        defer { withExtendedLifetime(lock) {} }
        _ = try? list()
        let users = volumeUsers()
        var names = [String]()
        var bytes: Int64 = 0
        for record in volumes.all() where users[record.name] == nil && wanted(record) {
            var usage = PathUsage()
            try? usage.add("\(roots.volumes)/\(record.name)")
            try volumes.remove(record.name)
            report("volume", "destroy", record.name, ["driver": "local"])
            names.append(record.name)
            bytes += usage.bytes
        }
        return (names, bytes)
    }

    /// Removes the anonymous volumes of a container that is gone, unless another one uses them.
    func removeAnonymousVolumes(of record: ContainerRecord) {
        let anonymous = record.mounts.filter { $0.kind == .volume && $0.isAnonymous }
        guard !anonymous.isEmpty, let lock = try? volumes.lock(shared: false) else { return }
        defer { withExtendedLifetime(lock) {} }
        let users = volumeUsers()
        for mount in anonymous where (users[mount.name] ?? []).allSatisfy({ $0 == record.id }) {
            try? volumes.remove(mount.name)
        }
    }

    /// `volume import docker:NAME`: a copy of another engine's volume, with owners, modes and times.
    ///
    /// - Parameters:
    ///   - source: the directory that holds the content.
    ///   - name: the new volume's name, which must not be taken.
    public func importVolume(from source: String, as name: String) throws(EngineError) {
        let lock = try volumes.lock(shared: false)
        defer { withExtendedLifetime(lock) {} }
        guard volumes.find(name) == nil else { throw EngineError("a volume named \(name) exists already") }
        let content = try attempt("open", source) { () throws(Errno) in try Files.open(source, [.readOnly, .directory])
        }
        let made = try volumes.directory(name)
        do throws(EngineError) {
            try attempt("copy", source) { () throws(Errno) in
                let target = try Files.open(made.path, [.readOnly, .directory])
                var copy = TreeCopy()
                try copy.copyContent(of: content.rawValue, to: target.rawValue)
            }
        } catch {
            try? volumes.remove(name)
            throw error
        }
        report("volume", "create", name, ["driver": "local"])
    }

    /// `container prune`: removes all containers that do not run.
    ///
    /// - Parameter wanted: whether one is meant.
    public func pruneContainers(
        _ wanted: (ContainerRecord) -> Bool
    ) throws(EngineError) -> (ids: [String], bytes: Int64) {
        var ids = [String]()
        var bytes: Int64 = 0
        for (record, state) in try list() where !state.isAlive && wanted(record) {
            var usage = PathUsage()
            try? usage.add(roots.container(record.id))
            // Somebody may have started it this moment: then it stays.
            do throws(EngineError) { try remove(record.id, force: false, volumes: false) } catch { continue }
            ids.append(record.id)
            bytes += usage.bytes
        }
        return (ids, bytes)
    }
}
