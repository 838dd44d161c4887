import LinuxKernel
import OCI

extension ImageStore {
    /// Removes the image for one platform from a name that has several. Those for others stay; where the name stood for
    /// the one that goes, it stands for one of them then, which is unpacked. The last one goes as ``remove(_:force:usedBy:)``
    /// does it.
    ///
    /// - Parameters:
    ///   - force: also from the image's other names, and while stopped containers use it.
    ///   - usedBy: the containers that use the image of an ID.
    /// - Throws: ``ImageStoreError``: kind `otherPlatform` where the name has none for it, `conflict` while it is used.
    @discardableResult
    public func remove(
        _ text: String, platform: Platform, force: Bool = false, usedBy: (Digest) -> [ImageUse] = { _ in [] }
    ) throws(ImageStoreError) -> [RemovalEvent] {
        let image = try resolve(text)
        let isChosen = image.configuration.platform.satisfies(platform)
        let rest = try platforms(of: image).filter { !$0.satisfies(platform) }
        var heir: StoredImage?
        if isChosen {
            for other in rest where heir == nil {
                do throws(ImageStoreError) { heir = try resolve(text, platform: other) } catch {
                    // Its blobs did not come along.
                    guard error.kind == .otherPlatform else { throw error }
                }
            }
            if heir == nil { return try remove(text, force: force, usedBy: usedBy) }
        }
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        let lock = try converting("lock", "\(root.path)/\(StoreName.indexLock)") { () throws(Errno) in
            try FileLock(at: root.number, StoreName.indexLock)
        }
        defer { lock.hold() }
        var index = try StoreIndex(root)
        let entry = try ImageName(text).find(in: index)
        guard entry.descriptor.digest == image.manifestDigest else {
            throw .conflict("unable to remove \(text): it means another image than a moment ago")
        }
        let gone = isChosen ? entry.descriptor : try manifest(for: platform, in: entry)
        guard let gone else { throw .otherPlatform(text, wanted: platform, actual: image.configuration.platform) }
        let id = try readManifestBlob(gone).config.digest
        try refuseIfUsed(gone, id, entry, in: index, force: force, usedBy(id))
        if let heir {
            let names = index.entries.filter { $0.descriptor.digest == gone.digest && $0.index == entry.index }
                .compactMap(\.name)
            _ = index.add(.init(manifest: heir.manifest, id: heir.id, names: names, index: entry.index))
            index.forget(gone.digest)
        }
        index.removeArtifacts(about: [gone.digest])
        try converting("write", "\(root.path)/index.json") { () throws(Errno) in try index.write(root) }
        let chain = (try? record(gone))?.layers ?? []
        let freed = try converting("free the layers of", id.short) { () throws(Errno) in
            try Collection(root, without: gone.digest).runLocked(transaction).layerKeys
        }
        let chains = chainIDs(chain.map(\.record.diffID))
        return [.deleted(id)] + zip(chains, chain).reversed().filter { freed.contains($1.key) }.map { .deleted($0.0) }
    }

    private func refuseIfUsed(
        _ gone: Descriptor, _ id: Digest, _ entry: StoreIndex.Entry, in index: StoreIndex, force: Bool,
        _ uses: [ImageUse]
    ) throws(ImageStoreError) {
        if let use = uses.first(where: { $0.isRunning || !force }) {
            let state = use.isRunning ? "running" : "stopped"
            throw .conflict(
                "unable to delete \(id.short) (\(use.isRunning ? "cannot" : "must") be forced) - image is being used by \(state) container \(use.container.prefix(12))"
            )
        }
        for other in index.entries where other != entry {
            // By another way than this index it would still be wanted.
            var isElsewhere = other.descriptor.digest == gone.digest && other.index != entry.index
            if let digest = other.index, digest != entry.index,
                let document = try? readIndexBlob(Descriptor(mediaType: MediaType.ociIndex, digest: digest, size: 0))
            {
                isElsewhere = isElsewhere || document.manifests.contains { $0.digest == gone.digest }
            }
            let isShared = other.index == entry.index && other.index != nil && other.name != entry.name
            if isElsewhere || (isShared && !force) {
                throw .conflict(
                    "unable to delete \(id.short) (\(isElsewhere ? "cannot" : "must") be forced) - image is referenced in multiple repositories"
                )
            }
        }
    }
}
