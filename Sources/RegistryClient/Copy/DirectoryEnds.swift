import Archive
import ImageStore
import LinuxKernel
import OCI

/// A directory as skopeo's `dir:` transport writes it: `manifest.json`, `version`, and each blob under its hash alone.
struct PlainDirectorySource: ImageSource {
    private let tree: DirectoryTree

    init(path: String) throws(RegistryError) { tree = try DirectoryTree(path) }

    func top() async throws -> FetchedManifest { try read("manifest.json", nil) }

    func manifest(_ descriptor: Descriptor) async throws -> FetchedManifest {
        try read("\(descriptor.digest.hex).manifest.json", descriptor)
    }

    private func read(_ name: String, _ descriptor: Descriptor?) throws -> FetchedManifest {
        guard let bytes = try tree.bytes(name, limit: ImageManifest.maximumSize) else {
            throw RegistryError(.notFound, operation: "copy", object: tree.shown, cause: "it has no \(name)")
        }
        return try ManifestAnswer.verify(
            bytes, contentType: descriptor?.mediaType ?? "", saidDigest: nil, wanted: descriptor?.digest,
            size: descriptor?.size, "copy", tree.shown)
    }

    func smallBlob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8] {
        guard let bytes = try tree.bytes(descriptor.digest.hex, limit: limit) else { throw missing(descriptor) }
        try Repository.verify(bytes, descriptor, "copy", "the blob \(descriptor.digest.short) of \(tree.shown)")
        return bytes
    }

    func blob(_ descriptor: Descriptor, progress: any TransferProgress) async throws -> BlobFile {
        guard let file = try tree.file(descriptor.digest.hex), file.size == descriptor.size else {
            throw missing(descriptor)
        }
        return file
    }

    private func missing(_ descriptor: Descriptor) -> RegistryError {
        RegistryError(
            .notFound, operation: "copy", object: "the blob \(descriptor.digest.short) of \(tree.shown)",
            cause: "it is missing, or of another size")
    }
}

/// The same as a sink.
struct PlainDirectorySink: ImageSink {
    let path: String
    let session: RegistrySession

    init(path: String, session: RegistrySession) throws(RegistryError) {
        self.path = path
        self.session = session
        do throws(Errno) {
            try Files.makeDirectories(path)
            try Files.replace("\(path)/version", with: Array("Directory Transport Version: 1.1\n".utf8))
        } catch {
            throw RegistryError(.store, operation: "write to", object: path, cause: "\(error)")
        }
    }

    func hasManifest(_ digest: Digest) async throws -> Bool { false }

    func put(
        _ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress
    ) async throws {
        let blob = try await source.blob(descriptor, progress: progress)
        let place = "\(path)/\(descriptor.digest.hex)"
        try await session.transport.blocking { try BlobWriter.write(PositionedSource(blob), descriptor, to: place) }
        progress.status(descriptor.digest, "Copied")
    }

    func put(_ manifest: FetchedManifest, isTop: Bool) async throws {
        let name = isTop ? "manifest.json" : "\(manifest.digest.hex).manifest.json"
        try BlobWriter.write(MemorySource(manifest.bytes), manifest.descriptor, to: "\(path)/\(name)")
    }

    func finish() async throws {}
    func abandon() async {}
}
