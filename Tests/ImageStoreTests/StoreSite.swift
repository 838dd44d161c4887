import Archive
import Glibc
import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

/// A store of a test's own.
struct StoreSite: ~Copyable {
    let directory: TemporaryDirectory
    let store: ImageStore
    var path: String { "\(directory.path)/store" }

    init() throws {
        let made = try TemporaryDirectory()
        store = try ImageStore(root: "\(made.path)/store")
        directory = made
    }

    func load(_ bytes: [UInt8]) throws -> [LoadedImage] { try store.load(archive: try descriptor(of: bytes)) }

    func importTar(_ bytes: [UInt8], _ name: String? = nil) throws -> StoredImage {
        try store.importRootfs(
            archive: try descriptor(of: bytes), reference: try name.map { try Reference(parsing: $0) })
    }

    /// Names in a directory of the store.
    func names(_ directory: String) throws -> [String] {
        try Files.open("\(path)/\(directory)", [.readOnly, .directory]).directoryEntries().map(\.name.description)
            .sorted()
    }

    /// Nothing is in the store, nothing is left of work.
    func expectEmpty(_ location: SourceLocation = #_sourceLocation) throws {
        for name in ["blobs/sha256", "blobs/sha512", "layers", "images", "tmp"] {
            #expect(try names(name) == [], "\(name)", sourceLocation: location)
        }
        #expect(try store.images().isEmpty, sourceLocation: location)
    }

    /// Everything in the store is needed and right: each blob has its digest, each image its layers, and nothing is left over.
    func expectConsistent(_ location: SourceLocation = #_sourceLocation) throws {
        #expect(try names("tmp") == [], sourceLocation: location)
        var blobs = Set<String>()
        var layers = Set<String>()
        var records = Set<String>()
        for image in try store.images() {
            let manifest = try ImageManifest(parsing: try store.blob(image.manifestDigest))
            blobs.insert(image.manifestDigest.hex)
            blobs.insert(manifest.config.digest.hex)
            for layer in manifest.layers { blobs.insert(layer.digest.hex) }
            records.insert("sha256-\(image.manifestDigest.hex).json")
            for layer in store.layerDirectories(of: image) {
                layers.insert(layer.key)
                #expect(Files.exists(layer.path), sourceLocation: location)
            }
        }
        for blob in try names("blobs/sha256") {
            #expect(
                Digest(of: try Files.read("\(path)/blobs/sha256/\(blob)", limit: 1 << 30)).hex == blob,
                sourceLocation: location)
        }
        // Beside these there may be the index of several platforms' images, and those images.
        #expect(try blobs.isSubset(of: names("blobs/sha256")), sourceLocation: location)
        let findings = try store.check(repair: false).findings
        #expect(findings == [], "\(findings)", sourceLocation: location)
        #expect(try Set(names("layers")) == layers, sourceLocation: location)
        #expect(try records.isSubset(of: names("images")), sourceLocation: location)
    }
}

/// An image's parts, for archives made by hand.
struct TestImage {
    var layers: [[UInt8]]
    /// What the archive stores for each layer (the layer itself unless it is compressed).
    var stored: [[UInt8]]
    var names: [String]
    var configuration: JSONValue

    init(_ layers: [[Item]], names: [String] = [], platform: Platform = .host, extra: String = "") throws {
        self.layers = try layers.map { try tar($0) }
        stored = self.layers
        self.names = names
        var config = ImageConfiguration(
            platform: platform, diffIDs: self.layers.map { Digest(of: $0) }, created: "2024-01-01T00:00:00Z")
        config.config.command = ["/bin/sh"]
        config.config.labels["x"] = extra.isEmpty ? nil : extra
        configuration = config.json
    }

    var configurationBytes: [UInt8] { configuration.serialized() }
    var id: Digest { Digest(of: configurationBytes) }

    static func path(_ digest: Digest) -> PathBytes { PathBytes("blobs/sha256/\(digest.hex)") }
    static func file(_ path: PathBytes, _ bytes: [UInt8]) -> Item { Item(TarEntry(path: path, kind: .regular), bytes) }

    var manifest: ImageManifest {
        ImageManifest(
            config: Descriptor(
                mediaType: MediaType.ociConfiguration, digest: id, size: Int64(configurationBytes.count)),
            layers: stored.map {
                Descriptor(mediaType: MediaType.ociLayer, digest: Digest(of: $0), size: Int64($0.count))
            })
    }

    /// The files of an OCI layout. `change` may falsify the manifest.
    func layoutItems(change: (inout ImageManifest) -> Void = { _ in }) -> [Item] {
        var manifest = manifest
        change(&manifest)
        let bytes = manifest.json.serialized()
        var entries = [Descriptor]()
        for name in names.isEmpty ? [nil] : names.map(Optional.some) {
            var entry = Descriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: bytes), size: Int64(bytes.count))
            if let name { entry.annotations = [AnnotationKey.referenceName: name] }
            entries.append(entry)
        }
        var items = [
            Self.file("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)),
            Self.file("index.json", ImageIndex(manifests: entries).json.serialized()),
            Self.file(Self.path(Digest(of: bytes)), bytes),
            Self.file(Self.path(id), configurationBytes),
        ]
        for layer in stored { items.append(Self.file(Self.path(Digest(of: layer)), layer)) }
        return items
    }

    func layout() throws -> [UInt8] { try tar(layoutItems()) }

    /// The files of a docker-archive.
    var dockerItems: [Item] {
        var items = [Item]()
        var paths = [String]()
        for (index, layer) in stored.enumerated() {
            paths.append("layer\(index)/layer.tar")
            items.append(Self.file(PathBytes(paths[index]), layer))
        }
        items.append(Self.file("config.json", configurationBytes))
        let manifest: JSONValue = [["Config": "config.json", "RepoTags": JSONValue(names), "Layers": JSONValue(paths)]]
        items.append(Self.file("manifest.json", manifest.serialized()))
        return items
    }

    func dockerArchive() throws -> [UInt8] { try tar(dockerItems) }

    static let base: [Item] = [
        .directory("bin/"), .file("bin/sh", "#!", mode: 0o755, uid: 3, gid: 70_000), .directory("etc/"),
        .file("etc/gone", "x"),
    ]
    static let second: [Item] = [.directory("etc/"), .file("etc/.wh.gone"), .file("etc/new", "y")]
}
