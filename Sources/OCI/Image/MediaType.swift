/// Media types of image documents and layers: OCI's own and Docker's older ones, which mean the same things.
public enum MediaType {
    /// OCI: the manifest of one image.
    public static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    /// OCI: a list of manifests.
    public static let ociIndex = "application/vnd.oci.image.index.v1+json"
    /// OCI: an image configuration.
    public static let ociConfiguration = "application/vnd.oci.image.config.v1+json"
    /// OCI: a layer, not compressed.
    public static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
    /// OCI: a layer in gzip.
    public static let ociLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    /// OCI: a layer in zstd.
    public static let ociLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd"
    /// Docker: the manifest of one image.
    public static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    /// Docker: a list of manifests.
    public static let dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
    /// Docker: an image configuration.
    public static let dockerConfiguration = "application/vnd.docker.container.image.v1+json"
    /// Docker: a layer, not compressed.
    public static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"
    /// Docker: a layer in gzip.
    public static let dockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    /// Docker: a layer in zstd.
    public static let dockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd"
    /// Docker's first image manifest, which holds no layers' digests that could be checked. Never read.
    public static let dockerManifest1 = "application/vnd.docker.distribution.manifest.v1+json"
    /// The same, signed.
    public static let dockerManifest1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"

    /// Whether this is the manifest of one image.
    public static func isManifest(_ type: String) -> Bool { type == ociManifest || type == dockerManifest }
    /// Whether this is a list of manifests.
    public static func isIndex(_ type: String) -> Bool { type == ociIndex || type == dockerManifestList }
    /// Whether this is an image configuration.
    public static func isConfiguration(_ type: String) -> Bool {
        type == ociConfiguration || type == dockerConfiguration
    }

    /// Whether this is a file system layer; how it is compressed is seen from its first bytes.
    public static func isLayer(_ type: String) -> Bool {
        switch type {
        case ociLayer, ociLayerGzip, ociLayerZstd, dockerLayer, dockerLayerGzip, dockerLayerZstd: true
        default:
            type.hasPrefix("application/vnd.oci.image.layer.nondistributable.v1.tar")
                || type.hasPrefix("application/vnd.docker.image.rootfs.foreign.diff.tar")
        }
    }
}

/// Annotation keys with a defined meaning.
public enum AnnotationKey {
    /// The name of an entry of an OCI layout's index (image-spec `annotations.md`).
    public static let referenceName = "org.opencontainers.image.ref.name"
    /// The full image name, as Docker and containerd write it beside a bare tag.
    public static let containerdImageName = "io.containerd.image.name"
    /// When something was made (RFC 3339).
    public static let created = "org.opencontainers.image.created"
}
