import Archive
import JSON
import LinuxKernel
import OCI

/// What an archive holds for the store.
struct ArchiveContents {
    var images = [ImageInput]()
    var artifacts = [ArtifactInput]()
    var isEmpty: Bool { images.isEmpty && artifacts.isEmpty }
}

/// A manifest that is no image's, with its blobs.
struct ArtifactInput {
    var artifact: NewArtifact
    var blobs: [BlobInput]
}

/// A verified blob at hand.
struct BlobInput: Hashable {
    /// The transaction's file that holds it; nil where the store has it already.
    var file: String?
    var digest: Digest
}

/// The images of an archive that is an OCI image layout (image-spec `image-layout.md`).
struct ArchiveLayout {
    private let spool: ArchiveSpool
    private let store: ImageStore
    /// What is wanted of an index of several platforms' images; nil prefers this machine's, and takes another one where
    /// there is none.
    private let platform: Platform?

    init(_ spool: ArchiveSpool, _ store: ImageStore, platform: Platform? = nil) {
        self.spool = spool
        self.store = store
        self.platform = platform
    }

    /// Its images, one per entry; nothing when it is no layout.
    func contents() throws(ImageStoreError) -> ArchiveContents {
        var result = ArchiveContents()
        guard spool.file("oci-layout") != nil, let bytes = try spool.bytes("index.json", limit: ImageIndex.maximumSize)
        else { return result }
        let index: ImageIndex
        do throws(JSONError) { index = try ImageIndex(parsing: bytes) } catch {
            throw .invalid("load", "the archive", "its index.json is wrong: \(error)")
        }
        let dockerNames = try DockerArchive(spool).namesByConfiguration()
        for descriptor in index.manifests {
            var visited = Set<Digest>()
            guard let manifest = try choose(descriptor, depth: 0, &visited) else { continue }
            guard var input = try image(manifest) else {
                if let artifact = try artifact(manifest, names: try names(descriptor)) {
                    result.artifacts.append(artifact)
                }
                continue
            }
            try demandPlatform(input, isChosen: manifest.digest != descriptor.digest)
            input.input.names = try names(descriptor)
            // Docker's own archives repeat the names in manifest.json, older ones have them only there.
            if input.input.names.isEmpty { input.input.names = dockerNames[input.configuration] ?? [] }
            // With --platform only that variant is wanted, and an index would promise more.
            if manifest.digest != descriptor.digest, platform == nil {
                input.input.index = descriptor.digest
                input.input.others = try others(below: descriptor)
            }
            result.images.append(input.input)
        }
        result.images = merge(result.images)
        return result
    }

    /// One input per manifest, with all the names it has.
    private func merge(_ inputs: [ImageInput]) -> [ImageInput] {
        var result = [ImageInput]()
        for input in inputs {
            if let place = result.firstIndex(where: { $0.manifest == input.manifest }) {
                result[place].names += input.names.filter { !result[place].names.contains($0) }
                result[place].others += input.others
                result[place].index = result[place].index ?? input.index
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

    /// `--platform` means a single image, too.
    private func demandPlatform(
        _ image: (input: ImageInput, configuration: Digest), isChosen: Bool
    ) throws(ImageStoreError) {
        guard let platform, !isChosen else { return }
        guard let configuration = try? ImageConfiguration(parsing: image.input.configuration),
            configuration.platform.satisfies(platform)
        else {
            throw .invalid("load", "the archive", "it has an image for another platform than \(platform)")
        }
    }

    // MARK: Indexes

    /// The manifest an entry stands for: itself, or what an index has for the platform.
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
        let index = try index(descriptor)
        if let match = index.manifest(for: platform ?? .host) { return try choose(match, depth: depth + 1, &visited) }
        let rest = index.manifests.filter { $0.platform == nil }
        if platform == nil, rest.count == 1, let only = rest.first {
            return try choose(only, depth: depth + 1, &visited)
        }
        if platform == nil {
            // Saved on another kind of machine: what is there is what was meant.
            for other in index.manifests where (other.platform?.os ?? "linux") == "linux" {
                if MediaType.isManifest(other.mediaType), spool.blob(other.digest) != nil { return other }
            }
        }
        let platforms = index.manifests.compactMap(\.platform?.description).filter { !$0.hasPrefix("unknown") }
        throw .invalid(
            "load", "the archive",
            "it has no image for \(platform ?? .host), only for \(printable(platforms.joined(separator: ", ")))")
    }

    private func index(_ descriptor: Descriptor) throws(ImageStoreError) -> ImageIndex {
        let bytes = try blob(descriptor, limit: ImageIndex.maximumSize)
        do throws(JSONError) { return try ImageIndex(parsing: bytes) } catch {
            throw .invalid("load", "the archive", "the index \(descriptor.digest.short) is wrong: \(error)")
        }
    }

    /// The index itself and all that is below it and whole: a part of what it names is often left out.
    private func others(below descriptor: Descriptor) throws(ImageStoreError) -> [BlobInput] {
        var result = [BlobInput]()
        var queue = [descriptor]
        var seen = Set<Digest>()
        while let next = queue.popLast() {
            // What lies in the archive bounds this: each blob is looked at once.
            guard seen.insert(next.digest).inserted, let this = try present(next) else { continue }
            if MediaType.isIndex(next.mediaType) {
                result.append(this)
                queue += try index(next).manifests
            } else if MediaType.isManifest(next.mediaType), let blobs = try whole(next) {
                result += [this] + blobs
            }
        }
        return result
    }

    /// The blobs a manifest names, if all are here.
    private func whole(_ descriptor: Descriptor) throws(ImageStoreError) -> [BlobInput]? {
        guard
            let manifest = try? ImageManifest(parsing: try blob(descriptor, limit: ImageManifest.maximumSize))
        else { return nil }
        var blobs = [BlobInput]()
        for part in [manifest.config] + manifest.layers {
            guard let blob = try present(part) else { return nil }
            blobs.append(blob)
        }
        return blobs
    }

    private func present(_ descriptor: Descriptor) throws(ImageStoreError) -> BlobInput? {
        if let file = spool.blob(descriptor.digest) {
            return file.size == descriptor.size ? BlobInput(file: file.name, digest: descriptor.digest) : nil
        }
        let isThere = try converting("load", "the archive") { () throws(Errno) in try spool.pin(descriptor.digest) }
        return isThere ? BlobInput(file: nil, digest: descriptor.digest) : nil
    }

    // MARK: Manifests

    private func manifest(_ descriptor: Descriptor) throws(ImageStoreError) -> (ImageManifest, [UInt8]) {
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
        return (manifest, bytes)
    }

    /// Signatures, SBOMs and other artifacts travel beside images and cannot be run.
    private func artifact(_ descriptor: Descriptor, names: [String]) throws(ImageStoreError) -> ArtifactInput? {
        let (manifest, _) = try manifest(descriptor)
        guard let this = try present(descriptor), let blobs = try whole(descriptor) else { return nil }
        // One that is about nothing and has no name could never be found again.
        guard manifest.subject != nil || !names.isEmpty else { return nil }
        var bare = Descriptor(mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size)
        bare.artifactType = manifest.artifactType ?? manifest.config.mediaType
        return ArtifactInput(
            artifact: NewArtifact(manifest: bare, subject: manifest.subject?.digest, names: names),
            blobs: [this] + blobs)
    }

    private func image(_ descriptor: Descriptor) throws(ImageStoreError) -> (input: ImageInput, configuration: Digest)?
    {
        let (manifest, bytes) = try manifest(descriptor)
        guard MediaType.isConfiguration(manifest.config.mediaType) else { return nil }
        let configuration = try blob(manifest.config, limit: ImageConfiguration.maximumSize)
        for layer in manifest.layers { try check(layer) }
        let input = ImageInput(
            manifest: bytes, mediaType: descriptor.mediaType, configuration: configuration, names: [],
            layerFiles: manifest.layers.map { spool.blob($0.digest)?.name }, digest: descriptor.digest)
        return (input, manifest.config.digest)
    }

    private func blob(_ descriptor: Descriptor, limit: Int) throws(ImageStoreError) -> [UInt8] {
        try check(descriptor)
        if let file = spool.blob(descriptor.digest) {
            return try spool.bytes(file, blobPath(descriptor.digest), limit: limit)
        }
        return try store.blob(descriptor.digest, limit: limit)
    }

    /// The blob is in the archive, or in the store already, and as long as is said. A layer that was built here and
    /// stands in the store needs no blob.
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
