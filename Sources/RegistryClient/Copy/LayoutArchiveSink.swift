import Archive
import ImageStore
import LinuxKernel
import OCI

/// An OCI image layout in one tar file: made as a directory beside it, then put together.
struct LayoutArchiveSink: ImageSink {
    private let path: String
    private let directory: String
    private let layout: LayoutSink

    init(path: String, tag: String?, scratch: String, session: RegistrySession) throws(RegistryError) {
        self.path = path
        var random = SystemRandomNumberGenerator()
        directory = "\(scratch)/copy-\(String(random.next() as UInt64, radix: 36))"
        layout = try LayoutSink(path: directory, tag: tag, session: session)
    }

    func hasManifest(_ digest: Digest) async throws -> Bool { false }

    func put(
        _ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress
    ) async throws { try await layout.put(descriptor, from: source, progress: progress) }

    func put(_ manifest: FetchedManifest, isTop: Bool) async throws { try await layout.put(manifest, isTop: isTop) }

    func finish() async throws {
        let path = path
        let directory = directory
        try await layout.session.transport.blocking {
            defer { try? Files.removeTree(directory) }
            try Self.write(directory, to: path)
        }
    }

    func abandon() async { try? Files.removeTree(directory) }

    private static func write(_ directory: String, to path: String) throws {
        let temporary = "\(path).tmp"
        do {
            let tree = try DirectoryTree(directory)
            let tar = TarWriter(
                FileSink(try Files.open(temporary, [.writeOnly, .create, .truncate, .noFollow], mode: 0o644)))
            var names = ["oci-layout", "index.json"]
            for algorithm in Digest.Algorithm.allCases {
                let folder = "blobs/\(algorithm.rawValue)"
                let opened = try Files.open("\(directory)/\(folder)", [.readOnly, .directory])
                names += try opened.directoryEntries().map { "\(folder)/\($0.name)" }.sorted()
            }
            for name in names {
                guard let blob = try tree.file(name) else { continue }
                try tar.begin(TarEntry(path: PathBytes(name), kind: .regular, size: blob.size))
                try TarFill.fill(tar, PositionedSource(blob))
            }
            try tar.finish()
            try Files.rename(at: WorkingDirectory.rawValue, temporary, to: WorkingDirectory.rawValue, path)
        } catch {
            try? Files.unlink(temporary)
            throw RegistryError(.store, operation: "write", object: path, cause: "\(error)")
        }
    }
}
