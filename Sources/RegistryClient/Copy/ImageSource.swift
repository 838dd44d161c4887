import ImageStore
import OCI

/// Where an image comes from: a registry, the store, an archive, a directory. Everything it gives is verified.
public protocol ImageSource: Sendable {
    /// What the name stands for: a manifest or an index.
    func top() async throws -> FetchedManifest
    /// A manifest that another document names.
    func manifest(_ descriptor: Descriptor) async throws -> FetchedManifest
    /// A small blob.
    func smallBlob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8]
    /// A blob of any size, as a part of a file.
    func blob(_ descriptor: Descriptor, progress: any TransferProgress) async throws -> BlobFile
    /// Repositories of a registry that have the blob, best first.
    func origins(of blob: Digest, at registry: String) async -> [Reference]
    /// The artifacts that are about a manifest: signatures, SBOMs.
    func referrers(of digest: Digest) async throws -> [Descriptor]
}

extension ImageSource {
    /// None known.
    public func origins(of blob: Digest, at registry: String) async -> [Reference] { [] }
    /// None known.
    public func referrers(of digest: Digest) async throws -> [Descriptor] { [] }
}

/// Where an image goes.
public protocol ImageSink: Sendable {
    /// Whether the place has the manifest with all it needs.
    func hasManifest(_ digest: Digest) async throws -> Bool
    /// Brings a blob, unless it is there.
    func put(_ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress) async throws
    /// Whether artifacts find their image here by what they say they are about.
    var keepsReferrers: Bool { get }
    /// Stores a manifest or index whose parts are there; the top one last, under the name that is wanted.
    func put(_ manifest: FetchedManifest, isTop: Bool) async throws
    /// Ends: what is not complete before does not stand.
    func finish() async throws
    /// Gives up.
    func abandon() async
}

extension ImageSink {
    /// They do not.
    public var keepsReferrers: Bool { false }
}
