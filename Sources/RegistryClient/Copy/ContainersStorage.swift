import Archive
import ImageStore
import JSON
import LinuxKernel
import OCI

/// The image storage of podman, buildah and CRI-O (containers/storage, overlay driver), read as it lies on disk.
struct ContainersStorage: Sendable {
    private let root: String
    private let images: [JSONValue]
    private let layers: [String: JSONValue]

    /// The storage of root, or of STORAGE_ROOT.
    init(root: String = "/var/lib/containers/storage") throws(RegistryError) {
        self.root = root
        images = try Self.list("\(root)/overlay-images/images.json")
        var byID = [String: JSONValue]()
        for layer in try Self.list("\(root)/overlay-layers/layers.json") {
            if let id = layer["id"]?.stringValue { byID[id] = layer }
        }
        layers = byID
    }

    private static func list(_ path: String) throws(RegistryError) -> [JSONValue] {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(path, limit: 64 << 20) } catch {
            throw RegistryError(.notFound, operation: "read", object: path, cause: "\(error)")
        }
        guard let list = (try? JSONValue(parsing: bytes))?.arrayValue else {
            throw RegistryError(.invalidContent, operation: "read", object: path, cause: "it is no JSON array")
        }
        return list
    }

    /// The names of all its images.
    func names() -> [Reference] {
        images.flatMap { image in
            (image["names"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { try? Reference(parsing: $0) } }
        }.filter { $0.tag != nil }
    }

    /// An image of it. Blocks: its layers are put together and hashed.
    func source(_ name: Reference, scratch: String) throws -> any ImageSource {
        func refuse(_ kind: RegistryError.Kind, _ cause: String) -> RegistryError {
            RegistryError(kind, operation: "copy", object: "containers-storage:\(name.familiar)", cause: cause)
        }
        let match = images.first { image in
            (image["names"]?.arrayValue ?? []).contains {
                $0.stringValue.flatMap { try? Reference(parsing: $0) }?.description == name.description
            }
        }
        guard let match, let id = match["id"]?.stringValue, Digest(algorithm: .sha256, hex: id) != nil else {
            throw refuse(.notFound, "there is no such image")
        }
        let folder = "\(root)/overlay-images/\(id)"
        // An image's ID is its configuration's digest; the file's name is that in base64.
        let configuration = try Files.read(
            "\(folder)/=\(Base64.encode("sha256:\(id)"))", limit: ImageConfiguration.maximumSize)
        guard Digest(of: configuration).hex == id else { throw refuse(.invalidContent, "its configuration is damaged") }
        let view: ImageConfiguration
        do throws(JSONError) { view = try ImageConfiguration(parsing: configuration) } catch {
            throw refuse(.invalidContent, "its configuration is wrong: \(error)")
        }
        var chain = [String]()
        var next = match["layer"]?.stringValue
        while let layer = next, !layer.isEmpty {
            guard chain.count < 1000, let record = layers[layer] else {
                throw refuse(.invalidContent, "it lacks a layer")
            }
            chain.append(layer)
            next = record["parent"]?.stringValue
        }
        guard chain.count == view.diffIDs.count else {
            throw refuse(.invalidContent, "it has \(chain.count) layers, its configuration \(view.diffIDs.count)")
        }
        var files = [Digest: BlobFile]()
        var descriptors = [Descriptor]()
        for (layer, diffID) in zip(chain.reversed(), view.diffIDs) {
            let file = try ScratchFile.make(in: scratch)
            let (size, digest) = try TarSplit.assemble(
                record: "\(root)/overlay-layers/\(layer).tar-split.gz", tree: "\(root)/overlay/\(layer)/diff", to: file)
            guard digest == diffID else { throw refuse(.invalidContent, "the layer \(diffID.short) is damaged") }
            files[digest] = BlobFile(file: file, size: size)
            descriptors.append(Descriptor(mediaType: MediaType.ociLayer, digest: digest, size: size))
        }
        let manifest = ImageManifest(
            config: Descriptor(
                mediaType: MediaType.ociConfiguration, digest: Digest(of: configuration),
                size: Int64(configuration.count)),
            layers: descriptors)
        return MadeSource(manifest: manifest, configuration: configuration, files: files, scratch: scratch)
    }
}

/// An image whose manifest was made here.
struct MadeSource: ImageSource {
    private let fetched: FetchedManifest
    private let configuration: [UInt8]
    private let files: [Digest: BlobFile]
    private let scratch: String

    init(manifest: ImageManifest, configuration: [UInt8], files: [Digest: BlobFile], scratch: String) {
        let bytes = manifest.json.serialized()
        fetched = FetchedManifest(bytes: bytes, mediaType: MediaType.ociManifest, digest: Digest(of: bytes))
        self.configuration = configuration
        self.files = files
        self.scratch = scratch
    }

    func top() async throws -> FetchedManifest { fetched }
    func manifest(_ descriptor: Descriptor) async throws -> FetchedManifest { fetched }
    func smallBlob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8] { configuration }

    func blob(_ descriptor: Descriptor, progress: any TransferProgress) async throws -> BlobFile {
        if let file = files[descriptor.digest] { return file }
        let file = try ScratchFile.make(in: scratch)
        try ScratchFile.copy(MemorySource(configuration), to: file)
        return BlobFile(file: file, size: Int64(configuration.count))
    }
}
