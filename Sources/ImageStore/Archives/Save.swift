import Archive
import JSON
import LinuxKernel
import OCI

extension ImageStore {
    /// Writes images as `docker save` of version 25 and later does: one tar that is an OCI image layout and a
    /// docker-archive at once. Blobs are written as they are stored, so whoever loads the archive gets the same digests;
    /// layers that were built here stream as plain tar. The same images give the same bytes.
    ///
    /// - Parameters:
    ///   - names: images by name or ID. A name without a tag stands for all tags of its repository.
    ///   - platform: the variant of images for several platforms; nil writes all that are here.
    ///   - sink: gets the archive.
    /// - Throws: ``ImageStoreError`` before anything is written when an image is not there; when a blob turns out to be
    ///   damaged on the way, the archive is cut short.
    public func save(
        _ names: [String], platform: Platform? = nil, to sink: any ByteSink
    ) throws(ImageStoreError) {
        // Pinned: a removal meanwhile leaves what is still to be written.
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        var plan = SavePlan(store: self, transaction: transaction)
        for name in names { try plan.add(name, platform) }
        do throws(ArchiveError) { try plan.write(to: sink) } catch {
            throw ImageStoreError(error, operation: "save", object: "the images")
        }
    }
}

/// What is to be written, in order.
private struct SavePlan {
    let store: ImageStore
    let transaction: Transaction
    private var blobs = [Descriptor]()
    private var seen = Set<Digest>()
    private var entries = [Descriptor]()
    private var items = [(manifest: Digest, config: Digest, layers: [Descriptor], tags: [String])]()

    init(store: ImageStore, transaction: Transaction) {
        self.store = store
        self.transaction = transaction
    }

    mutating func add(_ name: String, _ platform: Platform?) throws(ImageStoreError) {
        for (image, tags) in try images(name, platform) {
            let manifest = try store.manifest(of: image)
            let index = platform == nil ? try store.index(of: image) : nil
            if let index { try addIndex(index) }
            try addBlob(image.manifest)
            try addBlob(manifest.config)
            for layer in manifest.layers { try addBlob(layer) }
            for referrer in try store.referrers(of: image.manifestDigest) { try addArtifact(referrer) }
            var entry = index ?? image.manifest
            entry.annotations = [:]
            if index == nil { entry.platform = image.configuration.platform }
            let known = entries.contains { $0.digest == entry.digest && $0.annotations.isEmpty }
            if tags.isEmpty, !known { entries.append(entry) }
            for tag in tags {
                var named = entry
                named.annotations[AnnotationKey.containerdImageName] = tag.description
                named.annotations[AnnotationKey.referenceName] = tag.tag
                if !entries.contains(where: { $0.digest == named.digest && $0.annotations == named.annotations }) {
                    entries.append(named)
                }
            }
            if let place = items.firstIndex(where: { $0.manifest == image.manifestDigest }) {
                items[place].tags += tags.map(\.familiar).filter { !items[place].tags.contains($0) }
            } else {
                items.append((image.manifestDigest, manifest.config.digest, manifest.layers, tags.map(\.familiar)))
            }
        }
    }

    /// The images a word stands for, and the names they are saved with.
    private func images(
        _ name: String, _ platform: Platform?
    ) throws(ImageStoreError) -> [(StoredImage, [Reference])] {
        if let reference = try? Reference(parsing: name), reference.digest == nil {
            if reference.tag == nil {
                var result = [(StoredImage, [Reference])]()
                for image in try store.images() {
                    let tags = image.references.filter { $0.name == reference.name && $0.tag != nil }
                    if let first = tags.first {
                        result.append((try store.resolve(first.description, platform: platform), tags))
                    }
                }
                if !result.isEmpty { return result }
            } else if let image = try? store.resolve(name, platform: platform), image.references.contains(reference) {
                return [(image, [reference])]
            }
        }
        return [(try store.resolve(name, platform: platform), [])]
    }

    private mutating func addBlob(_ descriptor: Descriptor) throws(ImageStoreError) {
        guard seen.insert(descriptor.digest).inserted else { return }
        do throws(Errno) {
            if try !transaction.pin(.blob(descriptor.digest)) {
                _ = try transaction.pin(.layer(key: layerKey(descriptor.digest)))
            }
        } catch {
            throw .system(error, "save", "the blob \(descriptor.digest.short)")
        }
        blobs.append(descriptor)
    }

    /// An index with all below it that is here.
    private mutating func addIndex(_ descriptor: Descriptor) throws(ImageStoreError) {
        guard !seen.contains(descriptor.digest) else { return }
        try addBlob(descriptor)
        for child in try store.readIndexBlob(descriptor).manifests where store.hasBlob(child.digest) {
            if MediaType.isIndex(child.mediaType) { try addIndex(child) } else { try addArtifact(child) }
        }
    }

    private mutating func addArtifact(_ descriptor: Descriptor) throws(ImageStoreError) {
        guard let manifest = try? store.readManifestBlob(descriptor) else { return }
        let parts = [manifest.config] + manifest.layers
        guard parts.allSatisfy({ store.hasBlob($0.digest) }) else { return }
        try addBlob(descriptor)
        for part in parts { try addBlob(part) }
        for referrer in try store.referrers(of: descriptor.digest) where !seen.contains(referrer.digest) {
            try addArtifact(referrer)
        }
    }

    // MARK: Writing

    func write(to sink: any ByteSink) throws(ArchiveError) {
        let tar = TarWriter(sink)
        try tar.write(TarEntry(path: "blobs/", kind: .directory, mode: 0o755))
        for algorithm in Digest.Algorithm.allCases where blobs.contains(where: { $0.digest.algorithm == algorithm }) {
            try tar.write(TarEntry(path: PathBytes("blobs/\(algorithm.rawValue)/"), kind: .directory, mode: 0o755))
        }
        for blob in blobs { try write(blob, tar) }
        try tar.write(
            TarEntry(path: "index.json", kind: .regular), content: ImageIndex(manifests: entries).json.serialized())
        try tar.write(TarEntry(path: "manifest.json", kind: .regular), content: dockerManifest.serialized())
        try tar.write(
            TarEntry(path: "oci-layout", kind: .regular), content: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        try tar.finish()
    }

    private func write(_ blob: Descriptor, _ tar: TarWriter) throws(ArchiveError) {
        let source: any ByteSource
        do throws(ImageStoreError) { source = try store.content(blob) } catch {
            throw ArchiveError(operation: "save", object: "the images", cause: "\(error)")
        }
        let hash = HashingSource(source, algorithm: blob.digest.algorithm)
        let buffer = InputBuffer(hash)
        try tar.begin(TarEntry(path: PathBytes(blobPath(blob.digest)), kind: .regular, size: blob.size))
        while true {
            let bytes = try buffer.available(limit: InputBuffer.capacity)
            if bytes.isEmpty { break }
            try tar.writeContent(bytes)
            buffer.consume(bytes.count)
        }
        guard hash.digest == blob.digest else {
            throw ArchiveError(
                operation: "save", object: "the images",
                cause: "the stored blob \(blob.digest) is damaged: its content has the digest \(hash.digest)",
                remedy: "run system check")
        }
    }

    private var dockerManifest: JSONValue {
        .array(
            items.map { item in
                [
                    "Config": .string(blobPath(item.config)),
                    "RepoTags": item.tags.isEmpty ? nil : JSONValue(item.tags),
                    "Layers": JSONValue(item.layers.map { blobPath($0.digest) }),
                ]
            })
    }
}
