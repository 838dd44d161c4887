import ImageStore
import JSON
import OCI

/// Brings images from a registry into the store.
public struct Pull: Sendable {
    let session: RegistrySession
    let store: ImageStore
    let platform: Platform
    let progress: any TransferProgress

    /// A way of pulling.
    public init(session: RegistrySession, store: ImageStore, platform: Platform, progress: any TransferProgress) {
        self.session = session
        self.store = store
        self.platform = platform
        self.progress = progress
    }

    /// What became of a pull.
    public struct Result: Sendable {
        /// What the name stands for at the registry: a manifest, or an index.
        public let digest: Digest
        /// Whether the store had it already.
        public let wasCurrent: Bool
    }

    /// Brings one image. Nothing is kept of it when anything is wrong, save for the rest of an interrupted download.
    ///
    /// - Parameter reference: with a tag, a digest, or both: then the digest counts.
    public func run(_ reference: Reference) async throws -> Result {
        let repository = Repository(reference, session)
        let name = reference.digest?.description ?? reference.tag ?? Reference.defaultTag
        let stored = Self.storedName(reference)
        if let known = reference.digest, store.isCurrent(stored, digest: known, platform: platform) {
            return Result(digest: known, wasCurrent: true)
        }
        progress.line("\(reference.tag ?? reference.digest?.description ?? name): Pulling from \(shownPath(reference))")
        if reference.digest == nil, let digest = try await repository.digest(of: name),
            store.isCurrent(stored, digest: digest, platform: platform)
        {
            return Result(digest: digest, wasCurrent: true)
        }
        let top = try await repository.manifest(name)
        if store.isCurrent(stored, digest: top.digest, platform: platform) {
            return Result(digest: top.digest, wasCurrent: true)
        }
        let chosen = try await ManifestChoice(repository: repository, platform: platform, object: reference.familiar)
            .choose(top)
        let ingest = try storing { () throws(ImageStoreError) in try ImageIngest(store) }
        do {
            try await bring(chosen, top, stored, repository, ingest)
        } catch {
            ingest.abandon()
            throw error
        }
        return Result(digest: top.digest, wasCurrent: false)
    }

    private func bring(
        _ chosen: FetchedManifest, _ top: FetchedManifest, _ name: Reference, _ repository: Repository,
        _ ingest: ImageIngest
    ) async throws {
        let manifest: ImageManifest
        do throws(JSONError) { manifest = try ImageManifest(parsing: chosen.bytes) } catch {
            throw RegistryError(
                .invalidContent, operation: "pull", object: name.familiar, cause: "its manifest is wrong: \(error)")
        }
        guard MediaType.isConfiguration(manifest.config.mediaType) else {
            throw RegistryError(
                .unsupported, operation: "pull", object: name.familiar,
                cause: "it is no container image but an artifact of the type"
                    + " \(printable(manifest.artifactType ?? manifest.config.mediaType))",
                remedy: "copy it with \"berth image copy\"")
        }
        let configuration = try await repository.blob(manifest.config, limit: ImageConfiguration.maximumSize)
        let layers = try storing { () throws(ImageStoreError) in
            try IngestLayers(
                manifest: chosen.bytes, mediaType: chosen.mediaType, configuration: configuration, for: ingest)
        }
        if top.digest != chosen.digest {
            try storing { () throws(ImageStoreError) in try ingest.put(top.bytes, as: top.digest) }
        }
        let transfer = LayerTransfer(
            layers: layers, ingest: ingest, source: repository, session: session, progress: progress)
        try await transfer.run()
        let image = ImageIngest.Finished(
            layers: layers, names: [name], source: top.digest == chosen.digest ? nil : top.digest)
        do { _ = try await session.transport.blocking { try ingest.finish([image]) } } catch let error
            as ImageStoreError
        {
            throw RegistryError(error)
        }
    }

    /// The name that the store keeps: with a digest the tag does not count.
    static func storedName(_ reference: Reference) -> Reference {
        reference.digest.map { reference.pinned(to: $0) } ?? reference.withDefaultTag
    }

    private func shownPath(_ reference: Reference) -> String { reference.path }
}

/// Runs a step of the image store.
func storing<T>(_ body: () throws(ImageStoreError) -> T) throws(RegistryError) -> T {
    do throws(ImageStoreError) { return try body() } catch { throw RegistryError(error) }
}
