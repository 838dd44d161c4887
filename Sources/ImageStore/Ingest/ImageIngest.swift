import Archive
import JSON
import LinuxKernel
import OCI

/// Images on their way into the store from elsewhere, their blobs in any order and by any number of threads. Ends by
/// ``finish(_:)`` or ``abandon()``; a process that dies does the second.
public final class ImageIngest: Sendable {
    let store: ImageStore
    let transaction: Transaction

    /// Begins. What dead processes have left, and rests of downloads older than three days, is cleared away.
    public init(_ store: ImageStore) throws(ImageStoreError) {
        self.store = store
        transaction = try Transaction(store.root)
        try store.removePartialBlobs(olderThan: 3 * 86400)
    }

    /// Gives up; what nothing else needs is freed, but rests of downloads stay for the next attempt.
    public func abandon() { transaction.abandon() }

    /// Whether the store has the blob with the size that is said. It stays as long as this object lives.
    public func hasBlob(_ descriptor: Descriptor) throws(ImageStoreError) -> Bool {
        try converting("rely on", "the blob \(descriptor.digest.short)") { () throws(Errno) in
            guard try transaction.pin(.blob(descriptor.digest)) else { return false }
            return try Files.status(at: store.root.number, blobPath(descriptor.digest)).size == descriptor.size
        }
    }

    /// Stores a small blob: a manifest, an index, a configuration, an artifact.
    ///
    /// - Throws: kind `invalidContent` when its digest is not the one that was promised.
    public func put(_ bytes: [UInt8], as digest: Digest) throws(ImageStoreError) {
        let actual = Digest(of: bytes, algorithm: digest.algorithm)
        guard actual == digest else {
            throw .invalid("store", "the blob \(digest.short)", "its digest should be \(digest) but is \(actual)")
        }
        _ = try converting("store", "the blob \(digest.short)") { () throws(Errno) in
            try transaction.publish(bytes, algorithm: digest.algorithm)
        }
    }

    /// The bytes of a configuration that was received.
    public func storedBlob(_ descriptor: Descriptor) throws(ImageStoreError) -> [UInt8] {
        try store.blob(descriptor.digest, limit: ImageConfiguration.maximumSize)
    }

    /// Opens a blob to be received; nil when the store has it by now.
    public func partial(_ descriptor: Descriptor) throws(ImageStoreError) -> PartialBlob? {
        try converting("receive", "the blob \(descriptor.digest.short)") { () throws(Errno) in
            _ = try transaction.pin(.blob(descriptor.digest))
            return try PartialBlob.open(descriptor, store.root)
        }
    }

    /// Receives a blob that is only kept, not unpacked. Blocks.
    ///
    /// - Parameter rest: gives the bytes from ``PartialBlob/offset`` on.
    public func receive(_ partial: PartialBlob, from rest: any ByteSource) throws(ImageStoreError) {
        let name = "the blob \(partial.descriptor.digest.short)"
        let source = ReceivedSource(partial, rest: rest)
        let hash = HashingSource(source, algorithm: partial.descriptor.digest.algorithm)
        do throws(ImageStoreError) {
            do throws(ArchiveError) { try InputBuffer(hash).drain() } catch {
                throw ImageStoreError(error, operation: "receive", object: name)
            }
            guard hash.digest == partial.descriptor.digest else {
                throw .invalid(
                    "receive", name, "its digest should be \(partial.descriptor.digest) but is \(hash.digest)")
            }
        } catch {
            if source.wasInterrupted { partial.discardIfEmpty() } else { partial.discard() }
            throw error
        }
        try publish(partial)
    }

    func publish(_ partial: PartialBlob) throws(ImageStoreError) {
        try converting("store", "the blob \(partial.descriptor.digest.short)") { () throws(Errno) in
            try transaction.publish(partial.path, as: partial.descriptor.digest)
        }
    }

    /// An image that is complete.
    public struct Finished: Sendable {
        /// Its layers.
        public var layers: IngestLayers
        /// Names it is to have.
        public var names: [Reference]
        /// The index it was chosen from; stored with ``put(_:as:)`` before.
        public var source: Digest?

        /// A complete image.
        public init(layers: IngestLayers, names: [Reference], source: Digest? = nil) {
            self.layers = layers
            self.names = names
            self.source = source
        }
    }

    /// Enters images whose configurations, layers and blobs are all here, in one step, after all of it is on disk.
    ///
    /// - Returns: the images as the store has them now.
    @discardableResult
    public func finish(_ images: [Finished]) throws(ImageStoreError) -> [StoredImage] {
        var records = [(record: ImageRecord, names: [String])]()
        var sources = [Digest: Digest]()
        for image in images {
            let input = ImageInput(
                manifest: image.layers.manifestBytes, mediaType: image.layers.mediaType,
                configuration: image.layers.configurationBytes, names: [],
                layerFiles: image.layers.manifest.layers.map { _ in nil })
            let record = try transaction.prepare(input, progress: { _ in })
            records.append((record, image.names.map(\.description)))
            sources[record.manifest.digest] = image.source
        }
        let taken = try transaction.enter(records, sources: sources)
        if taken.contains(where: { !$0.isEmpty }) { _ = try? Collection(store.root).run(transaction) }
        let index = try StoreIndex(store.root)
        var result = [StoredImage]()
        for image in records {
            result.append(try store.image(image.record, names: index.names(of: image.record.id)))
        }
        return result
    }
}
