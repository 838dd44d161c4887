import Archive
import Glibc
import JSON
import LinuxKernel
import OCI

extension ImageStore {
    /// Makes an image of one layer from the tar of a root file system, compressed with gzip or zstd or not at all, in one
    /// pass over the stream.
    ///
    /// - Parameters:
    ///   - archive: a file, pipe or socket, read to its end. One that is cut short is refused.
    ///   - reference: the name the image gets; nil for none.
    ///   - changes: how a container of it starts.
    ///   - message: what to remember in the image's history.
    ///   - platform: what it runs on; nil means this machine.
    /// - Throws: ``ImageStoreError`` with a sentence on what is wrong with the archive.
    public func importRootfs(
        archive: consuming FileDescriptor, reference: Reference?, changes: [ConfigurationChange] = [],
        message: String? = nil, platform: Platform? = nil
    ) throws(ImageStoreError) -> StoredImage {
        var config = ImageConfiguration.Config()
        for change in changes { change.apply(to: &config) }
        if let reference, reference.digest != nil {
            throw ImageStoreError(
                .invalidName, operation: "import", object: reference.familiar,
                cause: "a name with a digest cannot be given")
        }
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        do throws(ImageStoreError) {
            let (layer, blob) = try importLayer(archive, transaction)
            let now = Timestamp.now.description
            let configuration = ImageConfiguration(
                platform: platform ?? .host, config: config, diffIDs: [layer.record.diffID], created: now,
                history: [.init(created: now, comment: message ?? "Imported from -")])
            let bytes = configuration.json.serialized()
            let manifest = ImageManifest(
                config: Descriptor(
                    mediaType: MediaType.ociConfiguration, digest: Digest(of: bytes), size: Int64(bytes.count)),
                layers: [blob])
            let input = ImageInput(
                manifest: manifest.json.serialized(), mediaType: MediaType.ociManifest, configuration: bytes,
                names: reference.map { [$0.withDefaultTag.description] } ?? [], layerFiles: [nil])
            let record = try transaction.prepare(input, progress: { _ in })
            _ = try transaction.enter([(record, input.names)])
            return try image(record, names: try StoreIndex(root).names(of: record.id))
        } catch {
            transaction.abandon()
            throw error
        }
    }

    /// Unpacks the archive and keeps a copy of its bytes as a blob, both in one pass.
    private func importLayer(
        _ archive: consuming FileDescriptor, _ transaction: Transaction
    ) throws(ImageStoreError) -> (AppliedLayer, Descriptor) {
        let object = "the archive"
        let name = transaction.newName("import")
        let copy = try converting("import", object) { () throws(Errno) in try transaction.makeFile(name) }
        let buffer = InputBuffer(HashingSource(FileSource(archive), copyingTo: copy))
        let compression: Compression
        do throws(ArchiveError) {
            guard try !buffer.peek(1).isEmpty else {
                throw ArchiveError(operation: "read", object: object, cause: "it is empty")
            }
            compression = try buffer.compression()
        } catch {
            throw ImageStoreError(error, operation: "import", object: object)
        }
        let layer = try transaction.apply(
            .init(source: buffer, blob: nil, diffID: nil, endMarker: .required, name: object), above: [],
            chainBelow: nil)
        let digest = layer.blob
        let type =
            switch compression {
            case .gzip: MediaType.ociLayerGzip
            case .zstd: MediaType.ociLayerZstd
            default: MediaType.ociLayer
            }
        return try converting("import", object) { () throws(Errno) in
            let size = try Files.status(at: root.number, name).size
            try transaction.publish(name, as: digest)
            return (layer, Descriptor(mediaType: type, digest: digest, size: size))
        }
    }
}

extension Timestamp {
    /// This moment, or the one that SOURCE_DATE_EPOCH names for builds that are to give the same bytes again.
    public static var now: Timestamp {
        if let text = getenv("SOURCE_DATE_EPOCH"), let seconds = Int64(String(cString: text)) {
            return Timestamp(seconds: seconds)
        }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }
}
