import LinuxKernel
import OCI

/// A blob as a part of an open file.
public struct BlobFile: Sendable {
    /// The file.
    public let file: SharedDescriptor
    /// Where the blob begins in it.
    public let offset: Int64
    /// Its length in bytes.
    public let size: Int64

    /// A part of a file.
    public init(file: SharedDescriptor, offset: Int64 = 0, size: Int64) {
        self.file = file
        self.offset = offset
        self.size = size
    }
}

extension ImageStore {
    /// Opens a blob; it stays readable whatever becomes of its image. nil when it is not there: layers that were built
    /// here have no blob until they are pushed.
    public func openBlob(_ digest: Digest) throws(ImageStoreError) -> BlobFile? {
        do throws(Errno) {
            let file = try Files.open(at: root.number, blobPath(digest), .readOnly)
            let size = try file.status().size
            return BlobFile(file: SharedDescriptor(file), size: size)
        } catch {
            if error == .noSuchFile { return nil }
            throw .system(error, "read", "the blob \(digest.short)")
        }
    }

    /// What a name stands for in the store's index, exactly as it is pushed: the index that the image was chosen from
    /// where all of it is here, otherwise the image's manifest.
    public func pushable(_ image: StoredImage, name: Reference) throws(ImageStoreError) -> Descriptor {
        let index = try StoreIndex(root)
        guard let entry = index.entries.first(where: { $0.name == name.description }), let source = entry.index,
            let bytes = try? blob(source, limit: ImageIndex.maximumSize),
            let document = try? ImageIndex(parsing: bytes)
        else { return image.manifest }
        for child in document.manifests {
            guard let manifest = try? readManifestBlob(child),
                (manifest.layers + [manifest.config]).allSatisfy({
                    Files.exists(at: root.number, blobPath($0.digest))
                })
            else { return image.manifest }
        }
        return Descriptor(mediaType: document.mediaType ?? MediaType.ociIndex, digest: source, size: Int64(bytes.count))
    }
}
