import Archive
import Glibc
import ImageStore
import JSON
import LinuxKernel
import OCI

/// An OCI image layout (image-spec `image-layout.md`), in a directory or an archive, as a source.
struct LayoutSource: ImageSource {
    private let tree: any FileTree
    private let entry: Descriptor

    /// - Parameter tag: which image; may be left out where there is one.
    init(_ tree: any FileTree, tag: String?) throws(RegistryError) {
        self.tree = tree
        func refuse(_ cause: String) -> RegistryError {
            RegistryError(.notFound, operation: "copy", object: tree.shown, cause: cause)
        }
        guard let bytes = try tree.bytes("index.json", limit: ImageIndex.maximumSize) else {
            throw refuse("it is no OCI image layout: it has no index.json")
        }
        let index: ImageIndex
        do throws(JSONError) { index = try ImageIndex(parsing: bytes) } catch {
            throw refuse("its index.json is wrong: \(error)")
        }
        if let tag {
            guard
                let match = index.manifests.first(where: { entry in
                    entry.annotations[AnnotationKey.referenceName] == tag
                        || entry.annotations[AnnotationKey.containerdImageName] == tag
                        || entry.digest.description == tag
                })
            else { throw refuse("it has no image \"\(tag)\"") }
            entry = match
        } else {
            let all = Set(index.manifests.map(\.digest))
            guard all.count == 1, let only = index.manifests.first else {
                throw refuse(all.isEmpty ? "it has no image" : "it has \(all.count) images; name one by its tag")
            }
            entry = only
        }
    }

    func top() async throws -> FetchedManifest { try await manifest(entry) }

    func manifest(_ descriptor: Descriptor) async throws -> FetchedManifest {
        let bytes = try await smallBlob(descriptor, limit: ImageManifest.maximumSize)
        return try ManifestAnswer.verify(
            bytes, contentType: descriptor.mediaType, saidDigest: nil, wanted: descriptor.digest,
            size: descriptor.size, "copy", tree.shown)
    }

    func smallBlob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8] {
        guard let bytes = try tree.bytes(Self.path(descriptor.digest), limit: limit) else { throw missing(descriptor) }
        try Repository.verify(bytes, descriptor, "copy", "the blob \(descriptor.digest.short) of \(tree.shown)")
        return bytes
    }

    func blob(_ descriptor: Descriptor, progress: any TransferProgress) async throws -> BlobFile {
        guard let file = try tree.file(Self.path(descriptor.digest)) else { throw missing(descriptor) }
        guard file.size == descriptor.size else {
            throw RegistryError(
                .invalidContent, operation: "copy", object: "the blob \(descriptor.digest.short) of \(tree.shown)",
                cause: "it should have \(descriptor.size) bytes but has \(file.size)")
        }
        return file
    }

    private func missing(_ descriptor: Descriptor) -> RegistryError {
        RegistryError(
            .notFound, operation: "copy", object: "the blob \(descriptor.digest.short) of \(tree.shown)",
            cause: "it is missing")
    }

    static func path(_ digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }
}

/// An OCI image layout in a directory as a sink. Other images of the directory stay.
struct LayoutSink: ImageSink {
    let path: String
    let tag: String?
    let session: RegistrySession

    init(path: String, tag: String?, session: RegistrySession) throws(RegistryError) {
        self.path = path
        self.tag = tag
        self.session = session
        do throws(Errno) {
            for algorithm in Digest.Algorithm.allCases {
                try Files.makeDirectories("\(path)/blobs/\(algorithm.rawValue)")
            }
            try Files.replace("\(path)/oci-layout", with: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        } catch {
            throw RegistryError(.store, operation: "write to", object: path, cause: "\(error)")
        }
    }

    func hasManifest(_ digest: Digest) async throws -> Bool { false }

    func put(
        _ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress
    ) async throws {
        let place = "\(path)/\(LayoutSource.path(descriptor.digest))"
        if let status = try? Files.status(place), status.size == descriptor.size {
            return progress.status(descriptor.digest, "Already exists")
        }
        let blob = try await source.blob(descriptor, progress: progress)
        try await session.transport.blocking {
            try BlobWriter.write(PositionedSource(blob), descriptor, to: place)
        }
        progress.status(descriptor.digest, "Copied")
    }

    func put(_ manifest: FetchedManifest, isTop: Bool) async throws {
        let descriptor = manifest.descriptor
        try BlobWriter.write(
            MemorySource(manifest.bytes), descriptor, to: "\(path)/\(LayoutSource.path(manifest.digest))")
        guard isTop else { return }
        var index = ImageIndex(manifests: [])
        if let bytes = try? Files.read("\(path)/index.json", limit: ImageIndex.maximumSize) {
            do throws(JSONError) { index = try ImageIndex(parsing: bytes) } catch {
                throw RegistryError(
                    .invalidContent, operation: "write to", object: path, cause: "its index.json is wrong: \(error)")
            }
        }
        var entry = descriptor
        if let tag { entry.annotations[AnnotationKey.referenceName] = tag }
        // A tag names one image; an entry without a tag is another image's.
        index.manifests.removeAll { old in
            old.annotations[AnnotationKey.referenceName] == tag && (tag != nil || old.digest == entry.digest)
        }
        index.manifests.append(entry)
        do throws(Errno) { try Files.replace("\(path)/index.json", with: index.json.serialized()) } catch {
            throw RegistryError(.store, operation: "write to", object: path, cause: "\(error)")
        }
    }

    func finish() async throws {}
    func abandon() async {}
}

/// Writes a blob under a temporary name, verifies it and renames it.
enum BlobWriter {
    static func write(_ source: any ByteSource, _ descriptor: Descriptor, to path: String) throws {
        let temporary = "\(path).\(getpid()).tmp"
        do {
            let file = SharedDescriptor(
                try Files.open(temporary, [.readWrite, .create, .truncate, .noFollow], mode: 0o644))
            try ScratchFile.fill(file, from: source, descriptor)
            try Files.rename(at: WorkingDirectory.rawValue, temporary, to: WorkingDirectory.rawValue, path)
        } catch {
            try? Files.unlink(temporary)
            if let errno = error as? Errno {
                throw RegistryError(.store, operation: "write", object: path, cause: "\(errno)")
            }
            throw error
        }
    }
}
