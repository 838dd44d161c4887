import LinuxKernel
import OCI

/// A container that uses an image.
public struct ImageUse: Sendable {
    /// The container's ID.
    public var container: String
    /// Whether it runs.
    public var isRunning: Bool

    /// A use of an image.
    public init(container: String, isRunning: Bool) {
        self.container = container
        self.isRunning = isRunning
    }
}

/// One thing that a removal did, as `docker rmi` prints it.
public enum RemovalEvent: Equatable, Sendable, CustomStringConvertible {
    /// A name was taken from an image.
    case untagged(String)
    /// An image, or a layer that nothing else needs (by its chain ID), is gone.
    case deleted(Digest)

    /// The text form.
    public var description: String {
        switch self {
        case .untagged(let name): "Untagged: \(name)"
        case .deleted(let digest): "Deleted: \(digest)"
        }
    }
}

extension ImageStore {
    /// Removes a name, and with its last one the image and whatever nothing else needs, by Docker's rules:
    /// - A name is removed; the image stays while it has another.
    /// - The last name is refused while any container uses the image. With `force` the name goes; the image stays without
    ///   one while a container runs.
    /// - An ID removes the image with its name, if it has no more than one; with `force`, with all. Running containers
    ///   cannot be forced, stopped ones can: their layers stay on disk by their lease.
    ///
    /// - Parameter usedBy: the containers that use the image of an ID.
    /// - Returns: what was done, in order.
    /// - Throws: ``ImageStoreError``, kinds `noSuchImage` and `conflict` with Docker's sentences.
    @discardableResult
    public func remove(
        _ name: String, force: Bool = false, usedBy: (Digest) -> [ImageUse] = { _ in [] }
    ) throws(ImageStoreError) -> [RemovalEvent] {
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        return try removeLocked(name, force: force, usedBy, transaction)
    }

    private func lockIndex() throws(ImageStoreError) -> FileLock {
        try converting("lock", "\(root.path)/\(StoreName.indexLock)") { () throws(Errno) in
            try FileLock(at: root.number, StoreName.indexLock)
        }
    }

    private func write(_ index: StoreIndex) throws(ImageStoreError) {
        try converting("write", "\(root.path)/index.json") { () throws(Errno) in try index.write(root) }
    }

    private func removeLocked(
        _ text: String, force: Bool, _ usedBy: (Digest) -> [ImageUse], _ transaction: Transaction
    ) throws(ImageStoreError) -> [RemovalEvent] {
        // Held while deciding and doing, but not while what was freed is removed from disk, with the transaction.
        let lock = try lockIndex()
        defer { lock.hold() }
        var index = try StoreIndex(root)
        let entry = try ImageName(text).find(in: index)
        guard let id = entry.identifier else {
            throw ImageStoreError.damaged("the image \(printable(text))", "another program wrote it into the index")
        }
        let uses = usedBy(id)
        let running = uses.first { $0.isRunning }
        let stopped = uses.first { !$0.isRunning }
        var events = [RemovalEvent]()

        if !ImageName(text).isIdentifier(of: id), let name = entry.name {
            if !force, index.names(of: id).count == 1, let use = uses.first {
                throw ImageStoreError.conflict(
                    "unable to remove repository reference \"\(text)\" (must force) - container \(use.container.prefix(12)) is using its referenced image \(id.short)"
                )
            }
            let isLast = index.names(of: id).count == 1
            events.append(.untagged(familiar(name)))
            if !isLast || running != nil {
                index.remove(name: name, keepingImage: isLast)
                try write(index)
                return events
            }
        } else {
            let names = index.names(of: id)
            if let running {
                throw ImageStoreError.conflict(
                    "unable to delete \(id.short) (cannot be forced) - image is being used by running container \(running.container.prefix(12))"
                )
            }
            if !force {
                if names.count > 1 {
                    throw ImageStoreError.conflict(
                        "unable to delete \(id.short) (must be forced) - image is referenced in multiple repositories")
                }
                if let stopped {
                    throw ImageStoreError.conflict(
                        "unable to delete \(id.short) (must be forced) - image is being used by stopped container \(stopped.container.prefix(12))"
                    )
                }
            }
            events += names.map { .untagged(familiar($0)) }
        }

        let chain = chainKeys(entry.descriptor)
        index.remove(id: id, family: family(of: id, in: index))
        try write(index)
        events.append(.deleted(id))
        let freed = try converting("free the layers of", id.short) { () throws(Errno) in
            try Collection(root).runLocked(transaction).layerKeys
        }
        for (chainID, key) in chain.reversed() where freed.contains(key) { events.append(.deleted(chainID)) }
        return events
    }

    /// The manifests of the indexes that an image came in, as far as nothing else came in them.
    func family(of id: Digest, in index: StoreIndex) -> Set<Digest> {
        var result = Set<Digest>()
        for entry in index.entries where entry.identifier == id {
            guard let digest = entry.index, let descriptor = try? indexDescriptor(digest),
                let document = try? readIndexBlob(descriptor)
            else { continue }
            result.formUnion(document.manifests.map(\.digest))
        }
        // A manifest that is an image of its own keeps what is about it.
        return result.subtracting(index.entries.filter { $0.identifier != id }.map(\.descriptor.digest))
    }

    private func familiar(_ name: String) -> String { (try? Reference(parsing: name))?.familiar ?? name }

    /// The chain ID and the key of each layer, base first.
    private func chainKeys(_ manifest: Descriptor) -> [(Digest, String)] {
        guard let record = try? record(manifest) else { return [] }
        let keys = record.layers.map(\.key)
        return Array(zip(chainIDs(record.layers.map(\.record.diffID)), keys))
    }

    /// Gives an image another name. A name that meant another image is taken from that one.
    ///
    /// - Throws: ``ImageStoreError``, kind `noSuchImage`, or `invalidName` for a name with a digest.
    public func tag(_ source: String, as reference: Reference) throws(ImageStoreError) {
        guard reference.digest == nil else {
            throw ImageStoreError(
                .invalidName, operation: "tag", object: printable(source), cause: "a name with a digest cannot be given"
            )
        }
        let lock = try lockIndex()
        defer { lock.hold() }
        var index = try StoreIndex(root)
        let entry = try ImageName(source).find(in: index)
        guard let id = entry.identifier else {
            throw .damaged("the image \(printable(source))", "another program wrote it into the index")
        }
        _ = index.add(
            .init(
                manifest: entry.descriptor, id: id, names: [reference.withDefaultTag.description], index: entry.index,
                isBuilt: entry.isBuilt))
        try write(index)
    }
}
