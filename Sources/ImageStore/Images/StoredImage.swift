import OCI

/// An image of the store, with all that starting a container of it needs.
public struct StoredImage: Sendable {
    /// Digest of the configuration: the IMAGE ID.
    public let id: Digest
    /// The manifest.
    public let manifest: Descriptor
    /// All names it has; empty for `<none>`.
    public let references: [Reference]
    /// How to start a container of it.
    public let configuration: ImageConfiguration
    /// Bytes of the files of all its layers, also of those shared with other images.
    public let size: Int64
    /// Its layers on disk, bottom first, as ``ImageStore/layerDirectories(of:)`` gives them.
    let layers: [LayerDirectory]

    /// Digest of the manifest.
    public var manifestDigest: Digest { manifest.digest }

    /// When it was made; nil where its maker did not say.
    public var created: Timestamp? { configuration.created.flatMap { Timestamp(parsing: $0) } }

    /// The highest owner or group id of its files: what a container's id range must cover.
    public var highestID: UInt32 { layers.reduce(0) { max($0, $1.highestID) } }
}

extension ImageStore {
    /// The directories that make up an image's file system, bottom first, each once: the lower directories of an overlay
    /// mount. Lease them (``lease(layersOf:holder:)``) before mounting.
    public func layerDirectories(of image: StoredImage) -> [LayerDirectory] { image.layers }
}
