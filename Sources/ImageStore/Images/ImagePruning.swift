import LinuxKernel
import OCI

/// Which images a pruning may take.
public struct PruneFilter: Sendable {
    /// Also images that have names; otherwise only those without one.
    public var all = false
    /// Only those made before.
    public var until: Timestamp?
    /// Only those with a label: `key` or `key=value`.
    public var labels = [String]()
    /// Only those without a label.
    public var absentLabels = [String]()

    /// Takes every image without a name.
    public init() {}

    func takes(_ image: StoredImage) -> Bool {
        guard all || image.references.isEmpty else { return false }
        // One of which nobody knows when it was made is as old as can be.
        if let until, let created = image.created, created >= until { return false }
        let present = image.configuration.config.labels
        return labels.allSatisfy { Self.has($0, present) } && !absentLabels.contains { Self.has($0, present) }
    }

    /// Whether labels hold `key` or `key=value`.
    public static func has(_ wanted: String, _ labels: [String: String]) -> Bool {
        let bytes = wanted.utf8
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "=")) else { return labels[wanted] != nil }
        return labels[String(wanted[..<mark])] == String(wanted[wanted.index(after: mark)...])
    }
}

extension ImageStore {
    /// Removes images that no container uses, and whatever nothing else needs then, in one step; and, where no labels are
    /// asked for, what interrupted downloads have left.
    ///
    /// - Parameter isUsed: whether a container uses the image of an ID.
    /// - Returns: what was done, in order, and how many bytes of content that freed.
    public func prune(
        _ filter: PruneFilter, isUsed: (Digest) -> Bool
    ) throws(ImageStoreError) -> (events: [RemovalEvent], bytes: Int64) {
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        let lock = try converting("lock", "\(root.path)/\(StoreName.indexLock)") { () throws(Errno) in
            try FileLock(at: root.number, StoreName.indexLock)
        }
        defer { lock.hold() }
        var index = try StoreIndex(root)
        var events = [RemovalEvent]()
        var chains = [(Digest, String)]()
        for image in try images() where filter.takes(image) && !isUsed(image.id) {
            events += image.references.map { .untagged($0.familiar) }
            events.append(.deleted(image.id))
            if let record = try? record(image.manifest) {
                chains += zip(chainIDs(record.layers.map(\.record.diffID)), record.layers.map(\.key)).reversed()
            }
            index.remove(id: image.id, family: family(of: image.id, in: index))
        }
        if !events.isEmpty {
            try converting("write", "\(root.path)/index.json") { () throws(Errno) in try index.write(root) }
        }
        let freed = try converting("free what nothing uses in", root.path) { () throws(Errno) in
            try Collection(root).runLocked(transaction)
        }
        // The rests of interrupted downloads have no label; the next pull of one begins anew.
        var bytes = freed.bytes
        if filter.labels.isEmpty, filter.absentLabels.isEmpty {
            bytes += try removePartialBlobs(
                olderThan: filter.until.map { max(0, WallClock.seconds() - $0.seconds) } ?? 0)
        }
        var seen = Set<Digest>()
        for (chain, key) in chains where freed.layerKeys.contains(key) && seen.insert(chain).inserted {
            events.append(.deleted(chain))
        }
        return (events, bytes)
    }
}
