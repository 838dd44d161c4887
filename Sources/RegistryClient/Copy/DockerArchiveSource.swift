import Archive
import ImageStore
import JSON
import LinuxKernel
import OCI
import Synchronization

/// An archive as `docker save` writes it, as a source. The archive has no manifest of the image: one is made, the same for
/// the same archive.
final class DockerArchiveSource: ImageSource {
    private let tree: any FileTree
    private let fetched: FetchedManifest
    private let configuration: [UInt8]
    private let files: [Digest: BlobFile]

    /// Reads the archive's list and hashes its layers. Blocks.
    ///
    /// - Parameter name: which image; may be left out where there is one.
    init(_ tree: any FileTree, name: Reference?) throws {
        self.tree = tree
        func refuse(_ cause: String) -> RegistryError {
            RegistryError(.invalidContent, operation: "copy", object: tree.shown, cause: cause)
        }
        let (configName, layerNames) = try Self.choose(tree, name)
        guard let bytes = try tree.bytes(configName, limit: ImageConfiguration.maximumSize) else {
            throw refuse("it lacks \(configName)")
        }
        configuration = bytes
        var files = [Digest: BlobFile]()
        var layers = [Descriptor]()
        for layer in layerNames {
            guard let file = try tree.file(layer) else { throw refuse("it lacks \(layer)") }
            let (digest, compression) = try Self.hash(file, layer)
            files[digest] = file
            let type =
                [.gzip: MediaType.ociLayerGzip, .zstd: MediaType.ociLayerZstd][compression] ?? MediaType.ociLayer
            layers.append(Descriptor(mediaType: type, digest: digest, size: file.size))
        }
        self.files = files
        let manifest = ImageManifest(
            config: Descriptor(
                mediaType: MediaType.ociConfiguration, digest: Digest(of: bytes), size: Int64(bytes.count)),
            layers: layers)
        let document = manifest.json.serialized()
        fetched = FetchedManifest(bytes: document, mediaType: MediaType.ociManifest, digest: Digest(of: document))
    }

    private static func hash(_ file: BlobFile, _ name: String) throws -> (Digest, Compression) {
        do throws(ArchiveError) {
            let hash = HashingSource(PositionedSource(file))
            let buffer = InputBuffer(hash)
            let compression = try buffer.compression()
            try buffer.drain()
            return (hash.digest, compression)
        } catch {
            throw RegistryError(.store, operation: "read", object: name, cause: error.cause)
        }
    }

    /// `manifest.json`: `[{"Config":…,"RepoTags":[…],"Layers":[…]}]`.
    private static func choose(_ tree: any FileTree, _ name: Reference?) throws -> (String, [String]) {
        func refuse(_ kind: RegistryError.Kind, _ cause: String) -> RegistryError {
            RegistryError(kind, operation: "copy", object: tree.shown, cause: cause)
        }
        guard let bytes = try tree.bytes("manifest.json", limit: 4 << 20),
            let list = (try? JSONValue(parsing: bytes))?.arrayValue
        else { throw refuse(.invalidContent, "it is no archive of images: it has no manifest.json") }
        let match = list.first { item in
            guard let name else { return list.count == 1 }
            let tags = item["RepoTags"]?.arrayValue?.compactMap(\.stringValue) ?? []
            return tags.contains { (try? Reference(parsing: $0))?.description == name.description }
        }
        guard let match else {
            throw refuse(
                .notFound,
                name.map { "it has no image \($0.familiar)" } ?? "it has \(list.count) images; name one of them")
        }
        guard let config = match["Config"]?.stringValue, let layers = match["Layers"]?.arrayValue else {
            throw refuse(.invalidContent, "its manifest.json is wrong")
        }
        return (config, layers.compactMap(\.stringValue))
    }

    func top() async throws -> FetchedManifest { fetched }

    func manifest(_ descriptor: Descriptor) async throws -> FetchedManifest { fetched }

    func smallBlob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8] { configuration }

    func blob(_ descriptor: Descriptor, progress: any TransferProgress) async throws -> BlobFile {
        if let file = files[descriptor.digest] { return file }
        let file = try ScratchFile.make(in: "/tmp")
        try ScratchFile.copy(MemorySource(configuration), to: file)
        return BlobFile(file: file, size: Int64(configuration.count))
    }
}
