import Archive
import JSON
import LinuxKernel
import OCI

/// A layer that stands unpacked in the store.
public struct StoreLayer: Sendable, Equatable {
    /// Its name inside the store; what a lease names.
    public let key: String
    /// Digest of the uncompressed tar.
    public let diffID: Digest
    /// How the manifest of an image made here names it: its blob where it came as one, its plain tar where it was built.
    public let descriptor: Descriptor
    /// As a lower directory of an overlay mount.
    public let directory: LayerDirectory

    init(_ layer: AppliedLayer, descriptor: Descriptor, root: StoreRoot) {
        key = layer.key
        diffID = layer.record.diffID
        self.descriptor = descriptor
        directory = LayerDirectory(
            path: "\(root.path)/layers/\(layer.key)/diff", key: layer.key, record: layer.record)
    }
}

/// Making layers and images here, out of directories: `commit` and the builder. What is made is safe from every clean-up as
/// long as this object lives; afterwards only what an image or a lease names is.
public final class StoreWork {
    /// The store that is worked on.
    public let store: ImageStore
    let transaction: Transaction

    /// Begins.
    public init(_ store: ImageStore) throws(ImageStoreError) {
        self.store = store
        transaction = try Transaction(store.root)
    }

    /// Gives up: what was made and nothing else needs is freed.
    public func abandon() { transaction.abandon() }

    /// Absolute path of a file that is not there yet and goes with this object, or with the next command when the process
    /// dies. On the store's own file system.
    public func newFile(_ kind: String) -> String { "\(store.root.path)/\(transaction.newName(kind))" }

    /// The layers of an image as an image made from it has them, bottom first. They stay until this object ends.
    public func layers(of image: StoredImage) throws(ImageStoreError) -> [StoreLayer] {
        let manifest = try store.manifest(of: image)
        let record = try store.record(image.manifest)
        var result = [StoreLayer]()
        for (layer, descriptor) in zip(record.layers, manifest.layers) {
            let isThere = try converting("rely on", "layer \(layer.record.diffID.short)") { () throws(Errno) in
                _ = try transaction.pin(.blob(descriptor.digest))
                return try transaction.pin(.layer(key: layer.key))
            }
            guard isThere else { throw .noSuchImage(image.id.short) }
            result.append(StoreLayer(layer, descriptor: descriptor, root: store.root))
        }
        return result
    }

    /// What becomes of an upper directory.
    public enum Source: Sendable {
        /// It stays where it is and may be in use: its content is copied.
        case copying
        /// It becomes the layer itself, without a copy. It must lie on the store's file system and be nobody else's.
        case moving
    }

    /// Turns overlayfs's upper directory into a layer. Its content is read once, to be hashed (and copied); the layers
    /// below are not looked at.
    ///
    /// - Parameters:
    ///   - path: the upper directory.
    ///   - idBase: ids in it are this much higher than the image's: the base of the writer's id range.
    ///   - below: the layers it was written over, bottom first.
    ///   - source: whether it is copied or moved.
    /// - Throws: ``ImageStoreError``: a file that cannot be in a layer, a full disk.
    public func commitLayer(
        upperDirectory path: String, idBase: UInt32, above below: [StoreLayer], _ source: Source
    ) throws(ImageStoreError) -> StoreLayer {
        let directory = transaction.newName("built")
        let root = store.root
        try converting("store", path) { () throws(Errno) in
            try Files.makeDirectory(at: root.number, directory, mode: 0o700)
        }
        let (tarSize, recorded) = try record(path, idBase, below, to: "\(directory)/tar")
        var record: LayerRecord
        switch source {
        case .copying: record = try copy(path, directory)
        case .moving:
            record = LayerRecord(recorded, diffID: try digest(path, directory), blob: Digest(of: []))
            record.idBase = idBase
        }
        record.tarSize = tarSize
        record.blob = record.diffID
        let key = layerKey(record.diffID)
        do throws(Errno) {
            try Files.replace(at: root.number, "\(directory)/layer.json", with: record.json.serialized(), mode: 0o600)
            _ = try transaction.pin(.layer(key: key))
            if case .moving = source {
                try Files.rename(path, to: root.number, "\(directory)/diff", exclusive: true)
            }
            do throws(Errno) {
                try Files.rename(at: root.number, directory, to: root.number, "layers/\(key)", exclusive: true)
            } catch {
                guard error == .fileExists || error == .directoryNotEmpty else { throw error }
                // The same tar is there. As a pulled one it may lack the record of headers: the same tar has the same.
                record = try completed(key, with: "\(directory)/tar", tarSize)
            }
        } catch {
            throw .system(error, "store", path)
        }
        return StoreLayer(
            AppliedLayer(key: key, record: record),
            descriptor: Descriptor(mediaType: MediaType.ociLayer, digest: record.diffID, size: tarSize), root: root)
    }

    /// Writes the record of headers.
    private func record(
        _ path: String, _ idBase: UInt32, _ below: [StoreLayer], to name: String
    ) throws(ImageStoreError) -> (Int64, LayerSummary) {
        let upper = try converting("read", path) { () throws(Errno) in try Files.open(path, [.readOnly, .directory]) }
        let file = try converting("store", path) { () throws(Errno) in try transaction.makeFile(name) }
        do throws(ArchiveError) {
            return try UpperDirectory.record(
                upper, idBases: [idBase], root: Self.root(below), to: FileSink(file))
        } catch {
            throw ImageStoreError(error, operation: "commit", object: path)
        }
    }

    /// The root directory as the layers below have it.
    private static func root(_ below: [StoreLayer]) -> UpperDirectory.Root {
        guard let layer = below.last(where: \.directory.definesRoot)?.directory,
            let status = try? Files.status(layer.path)
        else { return UpperDirectory.Root() }
        let base = layer.idBase
        return UpperDirectory.Root(
            uid: status.uid >= base ? status.uid - base : status.uid,
            gid: status.gid >= base ? status.gid - base : status.gid, mode: status.permissions)
    }

    private func tar(_ path: String, _ directory: String, isStrict: Bool) throws(ImageStoreError) -> RecordedTarSource {
        let root = store.root.number
        let file = try converting("read", path) { () throws(Errno) in
            try Files.open(at: root, "\(directory)/tar", .readOnly)
        }
        let tree = try converting("read", path) { () throws(Errno) in try Files.open(path, [.readOnly, .directory]) }
        do throws(ArchiveError) {
            return try RecordedTarSource(record: FileSource(file), root: tree, isStrict: isStrict)
        } catch {
            throw ImageStoreError(error, operation: "commit", object: path)
        }
    }

    /// Copies by way of the tar: what is hashed is what is written, whatever happens to the directory meanwhile.
    private func copy(_ path: String, _ directory: String) throws(ImageStoreError) -> LayerRecord {
        let hash = HashingSource(try tar(path, directory, isStrict: false))
        let root = store.root.number
        let target = try converting("store", path) { () throws(Errno) in
            try Files.makeDirectory(at: root, "\(directory)/diff", mode: 0o755)
            let target = try Files.open(at: root, "\(directory)/diff", [.readOnly, .directory])
            try target.changeMode(0o755)
            return target
        }
        do throws(ArchiveError) {
            let content = InputBuffer(hash)
            let summary = try LayerApplier.apply(TarReader(content, endMarker: .required), to: target)
            try content.drain()
            return LayerRecord(summary, diffID: hash.digest, blob: hash.digest)
        } catch {
            throw ImageStoreError(error, operation: "commit", object: path)
        }
    }

    private func digest(_ path: String, _ directory: String) throws(ImageStoreError) -> Digest {
        let hash = HashingSource(try tar(path, directory, isStrict: true))
        do throws(ArchiveError) { try InputBuffer(hash).drain() } catch {
            throw ImageStoreError(error, operation: "commit", object: path)
        }
        return hash.digest
    }

    private func completed(_ key: String, with tar: String, _ tarSize: Int64) throws(Errno) -> LayerRecord {
        var record: LayerRecord
        do throws(ImageStoreError) { record = try store.readLayerRecord(key) } catch { throw .ioError }
        guard record.tarSize == nil, !record.dependsOnLower else { return record }
        let root = store.root.number
        record.tarSize = tarSize
        try Files.rename(at: root, tar, to: root, "layers/\(key)/tar")
        try Files.replace(at: root, "layers/\(key)/layer.json", with: record.json.serialized(), mode: 0o600)
        return record
    }

    /// Makes an image of layers and gives it names, in one step.
    ///
    /// - Parameters:
    ///   - configuration: with the layers' digests already in its `diffIDs`, or none: they are filled in.
    ///   - layers: bottom first.
    ///   - names: names that meant another image are taken from it.
    ///   - annotations: of the manifest.
    ///   - extra: members that the configuration has beside its own.
    @discardableResult
    public func registerImage(
        _ configuration: ImageConfiguration, layers: [StoreLayer], names: [Reference] = [],
        annotations: [String: String] = [:], extra: [(name: String, value: JSONValue)] = []
    ) throws(ImageStoreError) -> StoredImage {
        guard layers.count <= maximumLayers else {
            throw .invalid(
                "make", "an image", "it has \(layers.count) layers, more than the \(maximumLayers) that can be mounted")
        }
        for name in names where name.digest != nil {
            throw ImageStoreError(
                .invalidName, operation: "name an image", object: name.familiar,
                cause: "a name with a digest cannot be given")
        }
        var configuration = configuration
        configuration.diffIDs = layers.map(\.diffID)
        var object = configuration.json.objectValue ?? JSONObject()
        for member in extra { object[member.name] = member.value }
        let bytes = JSONValue.object(object).serialized()
        let manifest = ImageManifest(
            config: Descriptor(
                mediaType: MediaType.ociConfiguration, digest: Digest(of: bytes), size: Int64(bytes.count)),
            layers: layers.map(\.descriptor), annotations: annotations
        ).json.serialized()
        var applied = [AppliedLayer]()
        for layer in layers {
            applied.append(AppliedLayer(key: layer.key, record: try store.readLayerRecord(layer.key)))
        }
        do throws(Errno) {
            _ = try transaction.publish(bytes)
            _ = try transaction.publish(manifest)
        } catch {
            throw .system(error, "store", "an image")
        }
        let record = ImageRecord(
            id: Digest(of: bytes),
            manifest: Descriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: manifest), size: Int64(manifest.count),
                platform: configuration.platform),
            configuration: object, layers: applied)
        let taken = try transaction.enter([NewImage(record: record, names: names.map(\.withDefaultTag.description))])
        if taken.contains(where: { $0.contains { $0.from == record.id } }) {
            _ = try? Collection(store.root).run(transaction)
        }
        return try store.image(record, names: try StoreIndex(store.root).names(of: record.id))
    }

    /// Keeps layers beyond this work, whatever becomes of images: see ``ImageStore/release(holder:)``.
    public func lease(_ layers: [StoreLayer], holder: String) throws(ImageStoreError) {
        try store.lease(keys: layers.map(\.key), holder: holder, missing: holder)
    }
}
