import Archive
import LinuxKernel
import OCI

extension ImageStore {
    /// The manifest of an image.
    public func manifest(of image: StoredImage) throws(ImageStoreError) -> ImageManifest {
        try readManifestBlob(image.manifest)
    }

    /// Whether the store has a blob.
    public func hasBlob(_ digest: Digest) -> Bool { Files.exists(at: root.number, blobPath(digest)) }

    /// The bytes that a manifest's descriptor stands for, from a blob, or streamed from the tree of a layer that was built
    /// here. Not verified on the way: whoever needs that hashes them.
    ///
    /// - Throws: ``ImageStoreError``, kind `damagedStore` when they are neither.
    public func content(_ descriptor: Descriptor) throws(ImageStoreError) -> any ByteSource {
        do throws(Errno) {
            return FileSource(try Files.open(at: root.number, blobPath(descriptor.digest), .readOnly))
        } catch {
            guard error == .noSuchFile else { throw .system(error, "read", "the blob \(descriptor.digest)") }
        }
        guard Files.exists(at: root.number, "layers/\(layerKey(descriptor.digest))/tar") else {
            throw .damaged("the blob \(descriptor.digest)", "it is missing")
        }
        return try layerTar(key: layerKey(descriptor.digest))
    }

    /// The tar of a layer that was built here.
    func layerTar(key: String) throws(ImageStoreError) -> RecordedTarSource {
        let number = root.number
        let record = try converting("read", "layer \(key.prefix(12))") { () throws(Errno) in
            try Files.open(at: number, "layers/\(key)/tar", .readOnly)
        }
        let tree = try converting("read", "layer \(key.prefix(12))") { () throws(Errno) in
            try Files.open(at: number, "layers/\(key)/diff", [.readOnly, .directory])
        }
        do throws(ArchiveError) { return try RecordedTarSource(record: FileSource(record), root: tree) } catch {
            throw ImageStoreError(error, operation: "read", object: "layer \(key.prefix(12))")
        }
    }

    /// The digest of the index an image came in, if it was one of several platforms' and the index is here.
    public func index(of image: StoredImage) throws(ImageStoreError) -> Descriptor? {
        let entries = try StoreIndex(root).entries
        guard
            let digest = entries.first(where: { $0.descriptor.digest == image.manifestDigest && $0.index != nil })?
                .index
        else { return nil }
        return try indexDescriptor(digest)
    }

    /// The descriptor of an index whose blob is here.
    func indexDescriptor(_ digest: Digest) throws(ImageStoreError) -> Descriptor? {
        guard let status = try? Files.status(at: root.number, blobPath(digest)) else { return nil }
        let index = try readIndexBlob(Descriptor(mediaType: MediaType.ociIndex, digest: digest, size: status.size))
        return Descriptor(mediaType: index.mediaType ?? MediaType.ociIndex, digest: digest, size: status.size)
    }

    /// The artifacts that are about a manifest (distribution-spec, "Listing Referrers"), as the store has them.
    public func referrers(of digest: Digest) throws(ImageStoreError) -> [Descriptor] {
        var seen = Set<Digest>()
        return try StoreIndex(root).entries.filter {
            $0.subject == digest && seen.insert($0.descriptor.digest).inserted
        }
        .map { entry in
            var descriptor = entry.descriptor
            descriptor.annotations = [:]
            return descriptor
        }
    }
}
