import Glibc
import ImageStore
import JSON
import LinuxKernel
import OCI

/// What earlier builds made: for each key of a step the layer it led to, one small file each. The layer itself is the
/// store's; a lease in the record's name keeps it.
public struct BuildCache: Sendable {
    /// A step's result.
    public struct Record: Sendable, Equatable {
        public var key: String
        /// The layer's name in the store.
        public var layer: String
        /// When it was made, RFC 3339.
        public var created: String
        /// Bytes of its files.
        public var size: Int64
        /// The instruction's name.
        public var kind: String
    }

    /// One record as `builder du` shows it.
    public struct Usage: Sendable {
        public var record: Record
        /// Seconds since 1970.
        public var lastUsed: Int64
    }

    let path: String
    let store: ImageStore

    /// The cache below a directory, made when it is missing.
    public init(path: String, store: ImageStore) throws(BuildError) {
        self.path = path
        self.store = store
        try converting("make", path) { () throws(Errno) in
            for name in ["", "/steps", "/sources", "/contexts", "/locks", "/mounts", "/images", "/remote"] {
                if !Files.exists(path + name) { try Files.makeDirectories(path + name, mode: 0o700) }
            }
        }
    }

    /// Removes what killed builds have left, once the last of their processes has ended.
    public func sweep() {
        let hadDead = BuildPresence.awaitDead(self)
        sweepScratch()
        guard hadDead else { return }
        releaseUnrecorded()
        sweepLocks()
        try? store.collect()
    }

    /// Ends leases of step results that were never recorded: their builds died between the two.
    private func releaseUnrecorded() {
        for holder in (try? store.leaseHolders()) ?? [] {
            let key = String(decoding: holder.utf8.dropFirst(6), as: UTF8.self)
            guard holder.utf8.starts(with: "build-".utf8), Self.isKey(key), !Files.exists(stepPath(key)) else {
                continue
            }
            // Who is making the step has its lock.
            let path = "\(path)/locks/step-\(key)"
            guard let lock = try? FileLock.attempt(path) else { continue }
            if !Files.exists(stepPath(key)) { try? store.release(holder: holder) }
            try? Files.unlink(path)
            withExtendedLifetime(lock) {}
        }
    }

    /// Lock files whose owners died; both kinds are taken by ``NamedLock``.
    private func sweepLocks() {
        guard let directory = try? Files.open("\(path)/locks", [.readOnly, .directory]),
            let entries = try? directory.directoryEntries()
        else { return }
        for entry in entries
        where entry.name.bytes.starts(with: "step-".utf8) || entry.name.bytes.starts(with: "work-".utf8) {
            let file = "\(path)/locks/\(entry.name)"
            guard let lock = try? FileLock.attempt(file) else { continue }
            try? Files.unlink(file)
            withExtendedLifetime(lock) {}
        }
    }

    private func sweepScratch() {
        guard let directory = try? Files.open(path, [.readOnly, .directory]),
            let entries = try? directory.directoryEntries()
        else { return }
        for entry in entries where entry.name.bytes.starts(with: "work-".utf8) {
            let name = entry.name.description
            // Whoever works in it holds its lock as long as it lives.
            guard let lock = try? FileLock.attempt("\(path)/locks/\(name)") else { continue }
            try? Files.removeTree("\(path)/\(name)")
            try? Files.unlink("\(path)/locks/\(name)")
            withExtendedLifetime(lock) {}
        }
    }

    static func isKey(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    func stepPath(_ key: String) -> String { "\(path)/steps/\(key)" }
    static func holder(_ key: String) -> String { "build-\(key)" }

    /// What a step led to before; nil when nothing is known.
    func record(_ key: String) -> Record? {
        guard let bytes = try? Files.read(stepPath(key), limit: 1 << 16), let value = try? JSONValue(parsing: bytes),
            let layer = value["layer"]?.stringValue, let created = value["created"]?.stringValue
        else { return nil }
        return Record(
            key: key, layer: layer, created: created, size: value["size"]?.integerValue() ?? 0,
            kind: value["kind"]?.stringValue ?? "")
    }

    /// Marks a record as used now: what is pruned last.
    func touch(_ key: String) {
        guard let file = try? Files.open(stepPath(key), .writeOnly) else { return }
        try? file.setModificationTime(FileTime(seconds: WallClock.seconds()))
    }

    /// Keeps a step's result.
    func add(_ record: Record) throws(BuildError) {
        let value: JSONValue = [
            "layer": .string(record.layer), "created": .string(record.created), "size": .integer(record.size),
            "kind": .string(record.kind),
        ]
        try converting("write to", "the build cache") { () throws(Errno) in
            try Files.replace(stepPath(record.key), with: value.serialized(), mode: 0o600)
        }
    }

    /// All records, the one used longest ago first.
    public func usage() throws(BuildError) -> [Usage] {
        let names = try converting("read", path) { () throws(Errno) in
            try Files.open("\(path)/steps", [.readOnly, .directory]).directoryEntries().map(\.name.description)
        }
        var result = [Usage]()
        for name in names where Self.isKey(name) {
            guard let record = record(name), let status = try? Files.status(stepPath(name)) else { continue }
            result.append(Usage(record: record, lastUsed: status.modified.seconds))
        }
        return result.sorted { ($0.lastUsed, $0.record.key) < ($1.lastUsed, $1.record.key) }
    }

    /// Something that the cache keeps beside layers.
    public struct Source: Sendable {
        public var name: String
        /// What it is, for people.
        public var kind: String
        /// Bytes on disk.
        public var size: Int64
        /// Seconds since 1970.
        public var lastUsed: Int64
    }

    /// Cache mounts, fetched sources and what is remembered of contexts.
    public func sources() throws(BuildError) -> [Source] {
        var result = [Source]()
        for (directory, kind) in Self.sourceKinds {
            guard let opened = try? Files.open("\(path)/\(directory)", [.readOnly, .directory]),
                let entries = try? opened.directoryEntries()
            else { continue }
            for entry in entries {
                let path = "\(path)/\(directory)/\(entry.name)"
                guard let status = try? Files.status(path) else { continue }
                var usage = DiskUsage()
                try? usage.add(PathBytes(path))
                result.append(
                    Source(
                        name: entry.name.description, kind: kind, size: usage.bytes, lastUsed: status.modified.seconds))
            }
        }
        return result
    }

    private static let sourceKinds = [("mounts", "cache mount"), ("remote", "source"), ("contexts", "context")]

    /// Forgets a record; its layer goes with the store's next clean-up unless an image has it.
    func remove(_ key: String) throws(BuildError) {
        try converting("remove", stepPath(key)) { () throws(Errno) in
            do throws(Errno) { try Files.unlink(stepPath(key)) } catch { if error != .noSuchFile { throw error } }
        }
        do throws(ImageStoreError) { try store.release(holder: Self.holder(key)) } catch { throw BuildError(error) }
    }

    /// Removes records, and what is remembered of contexts and kept by cache mounts when all go.
    ///
    /// - Parameters:
    ///   - before: those not used since then, seconds since 1970; nil for all.
    ///   - keepBytes: the newest ones of together no more than this stay.
    /// - Returns: what was removed.
    public func prune(before: Int64? = nil, keepBytes: Int64 = 0) throws(BuildError) -> [Usage] {
        var removed = [Usage]()
        var kept: Int64 = 0
        for usage in try usage().reversed() {
            if let before, usage.lastUsed >= before { continue }
            if kept + usage.record.size <= keepBytes {
                kept += usage.record.size
                continue
            }
            try remove(usage.record.key)
            removed.append(usage)
        }
        if before == nil, keepBytes == 0 {
            // Fetched sources that a build is using stay.
            let isUnused = (try? FileLock.attempt("\(path)/locks/remote")) ?? nil
            let isFree = isUnused != nil
            try converting("empty", path) { () throws(Errno) in
                for name in ["sources", "contexts", "images"] + (isFree ? ["remote"] : []) {
                    try Files.removeTree("\(path)/\(name)")
                    try Files.makeDirectory("\(path)/\(name)", mode: 0o700)
                }
            }
            removeMounts()
        }
        releaseUnrecorded()
        do throws(ImageStoreError) { try store.collect() } catch { throw BuildError(error) }
        return removed
    }

    /// Cache mounts that no step has open.
    private func removeMounts() {
        guard let directory = try? Files.open("\(path)/mounts", [.readOnly, .directory]),
            let entries = try? directory.directoryEntries()
        else { return }
        for entry in entries where entry.type == 4 {
            let name = entry.name.description
            guard let lock = try? FileLock.attempt("\(path)/locks/mount-\(name)") else { continue }
            try? Files.removeTree("\(path)/mounts/\(name)")
            withExtendedLifetime(lock) {}
        }
    }
}

extension BuildError {
    /// A store's error keeps its own sentence.
    public init(_ error: ImageStoreError) { self.init(cause: error.description) }
}

/// A directory of a build's own, which is gone with this object, or with the next build when this one is killed.
public final class BuildScratch {
    /// Where it is; not made yet.
    public let path: String
    private let lockPath: String
    private let lock: FileLock

    /// Claims a name below the cache.
    public init(_ cachePath: String) throws(BuildError) {
        var random = SystemRandomNumberGenerator()
        let name = "work-\(getpid())-\(String(random.next() as UInt32, radix: 36))"
        path = "\(cachePath)/\(name)"
        lockPath = "\(cachePath)/locks/\(name)"
        lock = try converting("lock", lockPath) { [lockPath] () throws(Errno) in try NamedLock.take(lockPath) }
    }

    deinit {
        try? Files.removeTree(path)
        try? Files.unlink(lockPath)
    }
}
