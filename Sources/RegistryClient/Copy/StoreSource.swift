import Archive
import ImageStore
import JSON
import LinuxKernel
import OCI

/// The image store as a source. A layer that was built here has no blob: its tar is streamed from its tree and compressed
/// into a nameless file, the same bytes each time.
public struct StoreSource: ImageSource {
    private let store: ImageStore
    private let image: StoredImage
    private let descriptor: Descriptor
    /// What takes the place of the image's manifest where layers had to be compressed.
    private let made: (manifest: FetchedManifest, files: [Digest: BlobFile])?

    /// An image by its name. Blocks while layers are compressed.
    public init(_ store: ImageStore, name: Reference, scratch: String) throws {
        self.store = store
        do {
            image = try store.resolve(name.description)
            descriptor = try store.pushable(image, name: name)
            made = try Self.compress(store, image, scratch)
        } catch let error as ImageStoreError {
            throw RegistryError(error)
        }
    }

    private static func compress(
        _ store: ImageStore, _ image: StoredImage, _ scratch: String
    ) throws -> (manifest: FetchedManifest, files: [Digest: BlobFile])? {
        var manifest = try store.manifest(of: image)
        guard manifest.layers.contains(where: { !store.hasBlob($0.digest) }) else { return nil }
        var files = [Digest: BlobFile]()
        for (place, layer) in manifest.layers.enumerated() where !store.hasBlob(layer.digest) {
            let file = try ScratchFile.make(in: scratch)
            let target = ScratchSink(file)
            do {
                let gzip = try GzipSink(target)
                let hash = HashingSource(try store.content(layer), algorithm: layer.digest.algorithm)
                let input = InputBuffer(hash)
                while true {
                    let bytes = try input.available(limit: InputBuffer.capacity)
                    if bytes.isEmpty { break }
                    try gzip.write(bytes)
                    input.consume(bytes.count)
                }
                try gzip.finish()
                guard hash.digest == layer.digest else {
                    throw ArchiveError(
                        operation: "read", object: "the archive", cause: "its files are not those it was made of")
                }
            } catch let error as ArchiveError {
                throw RegistryError(
                    .store, operation: "compress", object: "the layer \(layer.digest.short)", cause: error.cause,
                    remedy: error.remedy)
            }
            manifest.layers[place] = Descriptor(
                mediaType: MediaType.ociLayerGzip, digest: target.digest, size: target.size)
            files[target.digest] = BlobFile(file: file, size: target.size)
        }
        let bytes = manifest.json.serialized()
        let fetched = FetchedManifest(
            bytes: bytes, mediaType: image.manifest.mediaType, digest: Digest(of: bytes))
        return (fetched, files)
    }

    /// See ``ImageSource``.
    public func top() async throws -> FetchedManifest {
        if let made { return made.manifest }
        return try await manifest(descriptor)
    }

    /// See ``ImageSource``.
    public func manifest(_ descriptor: Descriptor) async throws -> FetchedManifest {
        let bytes = try storing { () throws(ImageStoreError) in
            try store.blob(descriptor.digest, limit: ImageManifest.maximumSize)
        }
        return FetchedManifest(bytes: bytes, mediaType: descriptor.mediaType, digest: descriptor.digest)
    }

    /// See ``ImageSource``.
    public func smallBlob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8] {
        try storing { () throws(ImageStoreError) in try store.blob(descriptor.digest, limit: limit) }
    }

    /// See ``ImageSource``.
    public func blob(_ descriptor: Descriptor, progress: any TransferProgress) async throws -> BlobFile {
        if let file = made?.files[descriptor.digest] { return file }
        guard let file = try storing({ () throws(ImageStoreError) in try store.openBlob(descriptor.digest) }) else {
            throw RegistryError(
                .store, operation: "read", object: "the blob \(descriptor.digest.short)", cause: "it is missing")
        }
        return file
    }

    /// See ``ImageSource``.
    public func referrers(of digest: Digest) async throws -> [Descriptor] {
        try storing { () throws(ImageStoreError) in try store.referrers(of: digest) }
    }

    /// Repositories at the registry that have the blob, as far as this store's names tell.
    public func origins(of blob: Digest, at registry: String) async -> [Reference] {
        guard let images = try? store.images() else { return [] }
        var result = [Reference]()
        for image in images where image.references.contains(where: { $0.domain == registry }) {
            guard let manifest = try? store.manifest(of: image),
                (manifest.layers + [manifest.config]).contains(where: { $0.digest == blob })
            else { continue }
            result += image.references.filter { $0.domain == registry }
        }
        return result
    }
}

/// Writes into a nameless file and hashes what it writes.
final class ScratchSink: ByteSink {
    private let file: SharedDescriptor
    private var hasher = StreamHasher()
    private(set) var size: Int64 = 0

    init(_ file: SharedDescriptor) { self.file = file }

    var digest: Digest { hasher.digest() }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        hasher.update(bytes)
        do throws(Errno) {
            try Files.writeAll(file.number, bytes, at: size)
            try Files.requireSpace(file.number, atLeast: 16 << 20)
        } catch {
            throw ArchiveError(
                operation: "write", object: "a temporary file", cause: "\(error)",
                remedy: error == .noSpace ? "free some space and try again" : "", errno: error)
        }
        size += Int64(bytes.count)
    }
}
