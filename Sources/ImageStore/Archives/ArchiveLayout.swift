import Archive
import JSON
import LinuxKernel
import OCI

/// The images of an archive that is an OCI image layout (image-spec `image-layout.md`).
struct ArchiveLayout {
    private let spool: ArchiveSpool
    private let store: ImageStore

    init(_ spool: ArchiveSpool, _ store: ImageStore) {
        self.spool = spool
        self.store = store
    }

    /// Its images for this machine; none when it is no layout.
    func images() throws(ImageStoreError) -> [ImageInput] {
        guard spool.file("oci-layout") != nil, let bytes = try spool.bytes("index.json", limit: ImageIndex.maximumSize)
        else {
            return []
        }
        let index: ImageIndex
        do throws(JSONError) { index = try ImageIndex(parsing: bytes) } catch {
            throw .invalid("load", "the archive", "its index.json is wrong: \(error)")
        }
        let dockerNames = try DockerArchive(spool).namesByConfiguration()
        var inputs = [ImageInput]()
        for descriptor in index.manifests {
            var visited = Set<Digest>()
            guard let manifest = try choose(descriptor, depth: 0, &visited) else { continue }
            guard var input = try image(manifest) else { continue }
            input.input.names = try names(descriptor)
            // Docker's own archives repeat the names in manifest.json, older ones have them only there.
            if input.input.names.isEmpty { input.input.names = dockerNames[input.configuration] ?? [] }
            inputs.append(input.input)
        }
        return merge(inputs)
    }

    /// One input per manifest, with all the names it has.
    private func merge(_ inputs: [ImageInput]) -> [ImageInput] {
        var result = [ImageInput]()
        for input in inputs {
            if let place = result.firstIndex(where: { $0.manifest == input.manifest }) {
                result[place].names += input.names.filter { !result[place].names.contains($0) }
            } else {
                result.append(input)
            }
        }
        return result
    }

    /// The names of an index entry. A bare tag, which some tools write, names no repository and so nothing here.
    private func names(_ descriptor: Descriptor) throws(ImageStoreError) -> [String] {
        let text: String
        if let full = descriptor.annotations[AnnotationKey.containerdImageName] {
            text = full
        } else if let name = descriptor.annotations[AnnotationKey.referenceName],
            name.contains("/") || name.contains(":")
        {
            text = name
        } else {
            return []
        }
        do throws(OCIError) {
            let reference = try Reference(parsing: text).withDefaultTag
            return reference.tag == nil ? [] : [reference.description]
        } catch {
            throw ImageStoreError(error)
        }
    }

    /// The manifest an entry stands for: itself, or what an index has for this machine.
    private func choose(
        _ descriptor: Descriptor, depth: Int, _ visited: inout Set<Digest>
    ) throws(ImageStoreError) -> Descriptor? {
        if MediaType.isManifest(descriptor.mediaType) { return descriptor }
        if descriptor.mediaType == MediaType.dockerManifest1 || descriptor.mediaType == MediaType.dockerManifest1Signed
        {
            throw .invalid("load", "the archive", "it holds an image of Docker's schema 1, which cannot be verified")
        }
        guard MediaType.isIndex(descriptor.mediaType) else { return nil }
        guard visited.insert(descriptor.digest).inserted, depth < 4 else {
            throw .invalid("load", "the archive", "its indexes point at each other")
        }
        let bytes = try blob(descriptor, limit: ImageIndex.maximumSize)
        let index: ImageIndex
        do throws(JSONError) { index = try ImageIndex(parsing: bytes) } catch {
            throw .invalid("load", "the archive", "the index \(descriptor.digest.short) is wrong: \(error)")
        }
        if let match = index.manifest(for: .host) { return try choose(match, depth: depth + 1, &visited) }
        let rest = index.manifests.filter { $0.platform == nil }
        if rest.count == 1, let only = rest.first { return try choose(only, depth: depth + 1, &visited) }
        let platforms = index.manifests.compactMap(\.platform?.description).filter { !$0.hasPrefix("unknown") }
        throw .invalid(
            "load", "the archive",
            "it has no image for \(Platform.host), only for \(printable(platforms.joined(separator: ", ")))")
    }

    private func image(_ descriptor: Descriptor) throws(ImageStoreError) -> (input: ImageInput, configuration: Digest)?
    {
        let bytes = try blob(descriptor, limit: ImageManifest.maximumSize)
        let manifest: ImageManifest
        do throws(JSONError) { manifest = try ImageManifest(parsing: bytes) } catch {
            throw .invalid("load", "the archive", "the manifest \(descriptor.digest.short) is wrong: \(error)")
        }
        // Two types for one document would let two programs see two different things.
        guard manifest.mediaType ?? descriptor.mediaType == descriptor.mediaType else {
            throw .invalid(
                "load", "the archive", "the manifest \(descriptor.digest.short) has another type than its index says")
        }
        // Signatures, SBOMs and other artifacts travel beside images and cannot be run.
        guard MediaType.isConfiguration(manifest.config.mediaType) else { return nil }
        let configuration = try blob(manifest.config, limit: ImageConfiguration.maximumSize)
        for layer in manifest.layers { try check(layer) }
        let input = ImageInput(
            manifest: bytes, mediaType: descriptor.mediaType, configuration: configuration, names: [],
            layerFiles: manifest.layers.map { spool.blob($0.digest)?.name })
        return (input, manifest.config.digest)
    }

    private func blob(_ descriptor: Descriptor, limit: Int) throws(ImageStoreError) -> [UInt8] {
        try check(descriptor)
        if let file = spool.blob(descriptor.digest) {
            return try spool.bytes(file, blobPath(descriptor.digest), limit: limit)
        }
        return try store.blob(descriptor.digest, limit: limit)
    }

    /// The blob is in the archive, or in the store already, and as long as is said.
    private func check(_ descriptor: Descriptor) throws(ImageStoreError) {
        let size: Int64
        if let file = spool.blob(descriptor.digest) {
            size = file.size
        } else {
            do throws(Errno) {
                size =
                    try spool.pin(descriptor.digest)
                    ? Files.status(at: store.root.number, blobPath(descriptor.digest)).size : -1
            } catch {
                throw .system(error, "load", "the archive")
            }
            guard size >= 0 else { throw .invalid("load", "the archive", "it lacks the blob \(descriptor.digest)") }
        }
        guard size == descriptor.size else {
            throw .invalid(
                "load", "the archive",
                "the blob \(descriptor.digest.short) should have \(descriptor.size) bytes but has \(size)")
        }
    }
}
