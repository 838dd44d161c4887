import ImageStore
import LinuxKernel
import OCI

/// A repository of a registry as a source.
public struct RepositorySource: ImageSource {
    let repository: Repository
    let name: String
    /// A directory for blobs on their way.
    let scratch: String

    /// A tag or digest of a repository.
    public init(_ reference: Reference, _ session: RegistrySession, scratch: String) {
        repository = Repository(reference, session)
        name = reference.digest?.description ?? reference.tag ?? Reference.defaultTag
        self.scratch = scratch
    }

    /// See ``ImageSource``.
    public func top() async throws -> FetchedManifest { try await repository.manifest(name, operation: "copy") }

    /// See ``ImageSource``.
    public func manifest(_ descriptor: Descriptor) async throws -> FetchedManifest {
        try await repository.manifest(descriptor.digest.description, size: descriptor.size, operation: "copy")
    }

    /// See ``ImageSource``.
    public func smallBlob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8] {
        try await repository.blob(descriptor, limit: limit, operation: "copy")
    }

    /// See ``ImageSource``.
    public func blob(_ descriptor: Descriptor, progress: any TransferProgress) async throws -> BlobFile {
        let file = try ScratchFile.make(in: scratch)
        let channel = ByteChannel()
        let position = Position(0)
        let repository = repository
        let download = Task {
            await repository.download(descriptor, from: 0, into: channel) { count in
                progress.bytes(descriptor.digest, "Downloading", done: position.add(count), of: descriptor.size)
            }
        }
        do {
            try await repository.session.transport.blocking {
                defer { channel.close() }
                do { try ScratchFile.fill(file, from: channel, descriptor) } catch {
                    throw channel.failure ?? error
                }
            }
        } catch {
            download.cancel()
            await download.value
            throw error
        }
        await download.value
        return BlobFile(file: file, size: descriptor.size)
    }

    /// See ``ImageSource``.
    public func origins(of blob: Digest, at registry: String) async -> [Reference] {
        repository.reference.domain == registry ? [repository.reference] : []
    }

    /// See ``ImageSource``.
    public func referrers(of digest: Digest) async throws -> [Descriptor] {
        try await repository.referrers(of: digest)
    }
}

/// A repository of a registry as a sink.
public struct RepositorySink: ImageSink {
    let repository: Repository
    private let name: String

    /// A tag of a repository, or only its manifests' own digests.
    public init(_ reference: Reference, _ session: RegistrySession) {
        repository = Repository(reference, session)
        name = reference.tag ?? reference.digest?.description ?? Reference.defaultTag
    }

    /// See ``ImageSink``.
    public func hasManifest(_ digest: Digest) async throws -> Bool { try await repository.hasManifest(digest) }

    /// See ``ImageSink``.
    public func put(
        _ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress
    ) async throws {
        let origins = await source.origins(of: descriptor.digest, at: repository.reference.domain)
        let outcome = try await repository.upload(descriptor, origins: origins) {
            try await source.blob(descriptor, progress: progress)
        } sent: { count in
            progress.bytes(descriptor.digest, "Pushing", done: count, of: descriptor.size)
        }
        switch outcome {
        case .present: progress.status(descriptor.digest, "Layer already exists")
        case .mounted(let from): progress.status(descriptor.digest, "Mounted from \(from.path)")
        case .uploaded: progress.status(descriptor.digest, "Pushed")
        }
    }

    /// See ``ImageSink``.
    public func put(_ manifest: FetchedManifest, isTop: Bool) async throws {
        let subject = try await repository.putManifest(manifest, as: isTop ? name : manifest.digest.description)
        guard let document = try? ImageManifest(parsing: manifest.bytes), let about = document.subject,
            subject != about.digest
        else { return }
        // An older registry does not know what a subject is: a tag says it (distribution-spec, "Pushing Manifests with
        // Subject").
        try await repository.tagReferrer(manifest.descriptor, document, about: about.digest)
    }

    /// See ``ImageSink``.
    public var keepsReferrers: Bool { true }

    /// See ``ImageSink``.
    public func finish() async throws {}
    /// See ``ImageSink``.
    public func abandon() async {}
}
