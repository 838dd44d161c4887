import Archive
import ImageStore
import JSON
import OCI
import Synchronization

/// The image store as a sink: layers are unpacked as they come. Of an index only this machine's image can be kept, so the
/// copy is asked for that one.
public final class StoreSink: ImageSink {
    private let ingest: ImageIngest
    private let session: RegistrySession
    private let names: [Reference]
    private let waiting = Mutex<[ImageIngest.Finished]>([])

    /// A sink for one image.
    public init(_ store: ImageStore, names: [Reference], session: RegistrySession) throws(RegistryError) {
        do throws(ImageStoreError) { ingest = try ImageIngest(store) } catch { throw RegistryError(error) }
        self.session = session
        self.names = names
    }

    /// See ``ImageSink``.
    public func hasManifest(_ digest: Digest) async throws -> Bool { false }

    /// See ``ImageSink``.
    public func put(
        _ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress
    ) async throws {
        let ingest = ingest
        if try await run({ try ingest.hasBlob(descriptor) }) {
            return progress.status(descriptor.digest, "Already exists")
        }
        let blob = try await source.blob(descriptor, progress: progress)
        try await run {
            guard let partial = try ingest.partial(descriptor) else { return }
            let rest = BlobFile(
                file: blob.file, offset: blob.offset + partial.offset, size: blob.size - partial.offset)
            try ingest.receive(partial, from: PositionedSource(rest))
        }
        progress.status(descriptor.digest, "Copied")
    }

    /// See ``ImageSink``.
    public func put(_ manifest: FetchedManifest, isTop: Bool) async throws {
        guard isTop else { return }
        guard MediaType.isManifest(manifest.mediaType) else {
            throw RegistryError(
                .unsupported, operation: "copy", object: names.first?.familiar ?? "the image",
                cause: "it is an index; the store takes the image of one platform")
        }
        let ingest = ingest
        let names = names
        let image = try await run { () throws -> ImageIngest.Finished in
            let document: ImageManifest
            do throws(JSONError) { document = try ImageManifest(parsing: manifest.bytes) } catch {
                throw RegistryError(.invalidContent, operation: "copy", object: "the image", cause: "\(error)")
            }
            guard MediaType.isConfiguration(document.config.mediaType) else {
                throw RegistryError(
                    .unsupported, operation: "copy", object: names.first?.familiar ?? "the image",
                    cause: "it is no container image but an artifact")
            }
            let configuration = try ingest.storedBlob(document.config)
            let layers = try IngestLayers(
                manifest: manifest.bytes, mediaType: manifest.mediaType, configuration: configuration, for: ingest)
            for index in document.layers.indices { try layers.unpack(index) }
            return ImageIngest.Finished(layers: layers, names: names)
        }
        waiting.withLock { $0.append(image) }
    }

    /// See ``ImageSink``.
    public func finish() async throws {
        let images = waiting.withLock { $0 }
        let ingest = ingest
        _ = try await run { try ingest.finish(images) }
    }

    /// See ``ImageSink``.
    public func abandon() async { ingest.abandon() }

    private func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        do { return try await session.transport.blocking(body) } catch let error as ImageStoreError {
            throw RegistryError(error)
        }
    }
}
