import Archive
import ImageStore
import JSON
import LinuxKernel
import OCI
import Synchronization

/// An archive as `docker load` reads it. Its layers are not compressed.
final class DockerArchiveSink: ImageSink {
    private struct State {
        var layers = [Digest: (name: String, file: BlobFile)]()
        var small = [Digest: [UInt8]]()
        var manifest: ImageManifest?
    }

    private let path: String
    private let name: Reference?
    private let scratch: String
    private let session: RegistrySession
    private let state = Mutex(State())

    init(path: String, name: Reference?, scratch: String, session: RegistrySession) {
        self.path = path
        self.name = name
        self.scratch = scratch
        self.session = session
    }

    func hasManifest(_ digest: Digest) async throws -> Bool { false }

    func put(
        _ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress
    ) async throws {
        if MediaType.isConfiguration(descriptor.mediaType) {
            let bytes = try await source.smallBlob(descriptor, limit: ImageConfiguration.maximumSize)
            return state.withLock { $0.small[descriptor.digest] = bytes }
        }
        let blob = try await source.blob(descriptor, progress: progress)
        let scratch = scratch
        let (file, size, digest) = try await session.transport.blocking {
            () throws -> (SharedDescriptor, Int64, Digest) in
            let file = try ScratchFile.make(in: scratch)
            let input = HashingSource(PositionedSource(blob), algorithm: descriptor.digest.algorithm)
            let buffer = InputBuffer(input)
            do {
                let copied = try ScratchFile.copy(try buffer.decompressed(), to: file)
                try buffer.drain()
                guard input.digest == descriptor.digest else {
                    throw ArchiveError(
                        operation: "copy", object: "the blob", cause: "its digest is not \(descriptor.digest)")
                }
                return (file, copied.size, copied.digest)
            } catch let error as ArchiveError {
                throw RegistryError(
                    .invalidContent, operation: "copy", object: "the blob \(descriptor.digest.short)",
                    cause: error.cause)
            }
        }
        state.withLock {
            $0.layers[descriptor.digest] = ("\(digest.hex)/layer.tar", BlobFile(file: file, size: size))
        }
        progress.status(descriptor.digest, "Copied")
    }

    func put(_ manifest: FetchedManifest, isTop: Bool) async throws {
        guard let document = try? ImageManifest(parsing: manifest.bytes) else {
            throw RegistryError(
                .unsupported, operation: "copy", object: path,
                cause: "an archive of this kind holds one platform's image",
                remedy: "choose one with --platform")
        }
        state.withLock { $0.manifest = document }
    }

    func finish() async throws {
        let state = state.withLock { $0 }
        guard let manifest = state.manifest, let config = state.small[manifest.config.digest] else {
            throw RegistryError(
                .unsupported, operation: "copy", object: path, cause: "it is no container image but an artifact")
        }
        let path = path
        let name = name
        try await session.transport.blocking {
            try Self.write(path, manifest, config, state.layers, name)
        }
    }

    func abandon() async {}

    private static func write(
        _ path: String, _ manifest: ImageManifest, _ config: [UInt8],
        _ layers: [Digest: (name: String, file: BlobFile)], _ name: Reference?
    ) throws {
        let temporary = "\(path).tmp"
        do {
            let file = try Files.open(temporary, [.writeOnly, .create, .truncate, .noFollow], mode: 0o644)
            let tar = TarWriter(FileSink(file))
            let names = manifest.layers.compactMap { layers[$0.digest]?.name }
            let configName = "\(manifest.config.digest.hex).json"
            try tar.write(
                TarEntry(path: PathBytes(configName), kind: .regular, size: Int64(config.count)), content: config)
            var written = Set<String>()
            for layer in manifest.layers {
                guard let (name, blob) = layers[layer.digest], written.insert(name).inserted else { continue }
                try tar.begin(TarEntry(path: PathBytes(name), kind: .regular, size: blob.size))
                try TarFill.fill(tar, PositionedSource(blob))
            }
            let list: JSONValue = [
                [
                    "Config": .string(configName), "RepoTags": JSONValue(name.map { [$0.familiar] } ?? []),
                    "Layers": JSONValue(names),
                ]
            ]
            let bytes = list.serialized()
            try tar.write(TarEntry(path: "manifest.json", kind: .regular, size: Int64(bytes.count)), content: bytes)
            try tar.finish()
            try Files.rename(at: WorkingDirectory.rawValue, temporary, to: WorkingDirectory.rawValue, path)
        } catch {
            try? Files.unlink(temporary)
            throw RegistryError(.store, operation: "write", object: path, cause: "\(error)")
        }
    }
}

/// Fills a tar entry from a source.
enum TarFill {
    static func fill(_ tar: TarWriter, _ source: any ByteSource) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { return }
            try tar.writeContent(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
