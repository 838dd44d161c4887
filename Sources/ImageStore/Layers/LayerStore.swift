import Archive
import JSON
import LinuxKernel
import OCI

/// An unpacked layer that a piece of work relies on.
struct AppliedLayer: Sendable {
    let key: String
    let record: LayerRecord
    /// Digest of the bytes it was just unpacked from; of a layer that was there, of those it was unpacked from then.
    var blob: Digest { applied ?? record.blob }
    fileprivate var applied: Digest?

    init(key: String, record: LayerRecord) {
        self.key = key
        self.record = record
    }
}

extension ImageStore {
    /// The layer, if it is unpacked in the form this place in an image needs.
    ///
    /// - Parameters:
    ///   - diffID: digest of the uncompressed layer.
    ///   - chainID: digest of the layer with all below it.
    func findLayer(diffID: Digest, chainID: Digest) throws(ImageStoreError) -> AppliedLayer? {
        for key in Self.keys(diffID, chainID) {
            guard Files.exists(at: root.number, "layers/\(key)") else { continue }
            let record = try readLayerRecord(key)
            guard record.diffID == diffID else {
                throw .damaged("the layer \(key)", "it holds the layer \(record.diffID)")
            }
            // Under its own digest, a layer that takes something over from below is right for a base only.
            if key == layerKey(diffID), diffID != chainID, record.dependsOnLower { continue }
            return AppliedLayer(key: key, record: record)
        }
        return nil
    }

    fileprivate static func keys(_ diffID: Digest, _ chainID: Digest) -> [String] {
        diffID == chainID ? [layerKey(diffID)] : [layerKey(diffID), layerKey(chainID)]
    }

    func readLayerRecord(_ key: String) throws(ImageStoreError) -> LayerRecord {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(at: root.number, "layers/\(key)/layer.json") } catch {
            throw .damaged("the layer \(key)", "its record cannot be read: \(error)")
        }
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw JSONError(problem: "it is no object")
            }
            return try LayerRecord(json: object)
        } catch {
            throw .damaged("the layer \(key)", "its record is wrong: \(error)")
        }
    }
}

extension Transaction {
    /// The layer, if it is unpacked; it stays so as long as the transaction lasts.
    func pinLayer(diffID: Digest, chainID: Digest) throws(ImageStoreError) -> AppliedLayer? {
        for key in ImageStore.keys(diffID, chainID) {
            _ = try converting("rely on", "layer \(diffID.short)") { () throws(Errno) in try pin(.layer(key: key)) }
        }
        return try ImageStore(root: root).findLayer(diffID: diffID, chainID: chainID)
    }

    /// What a layer is applied from, and what it has to turn out to be.
    struct LayerInput {
        /// The layer as stored, compressed or not.
        let source: any ByteSource
        /// Digest of what `source` gives; nil when it is not known before (an import).
        let blob: Digest?
        /// Digest of the uncompressed layer; nil when it is not known before.
        let diffID: Digest?
        /// What a stream without tar's end marker is: whole when a digest says so, cut short when none does.
        let endMarker: TarReader.EndMarker
        /// For messages.
        let name: String
    }

    /// Unpacks a layer into the transaction's directory, in one pass over the stream, and puts it among the layers.
    /// Everything it needs comes by parameters: a worker process can run it.
    ///
    /// - Parameters:
    ///   - below: the applied layers below it, bottom first.
    ///   - chainBelow: the chain ID of those; nil for a base.
    /// - Throws: ``ImageStoreError``: a damaged stream, or one whose digest is not the one that was promised.
    func apply(
        _ input: LayerInput, above below: [AppliedLayer], chainBelow: Digest?
    ) throws(ImageStoreError) -> AppliedLayer {
        try apply(input, aboveWhenNeeded: ReadyLayers(below, root), chainBelow: chainBelow)
    }

    /// The same, above layers that may still be on their way.
    func apply(
        _ input: LayerInput, aboveWhenNeeded below: any LowerLayers, chainBelow: Digest?
    ) throws(ImageStoreError) -> AppliedLayer {
        let directory = newName("layer")
        let blobHash = HashingSource(input.source, algorithm: input.blob?.algorithm ?? .sha256)
        let stored = InputBuffer(blobHash)
        let summary: LayerSummary
        let blob: Digest
        let diffID: Digest
        do throws(ArchiveError) {
            let isPlain = try stored.compression() == .none
            let unpacked = try stored.decompressed()
            // Hashing the same bytes twice would tell the same thing twice.
            let sameHash = isPlain && (input.diffID?.algorithm ?? .sha256) == (input.blob?.algorithm ?? .sha256)
            let contentHash = sameHash ? nil : HashingSource(unpacked, algorithm: input.diffID?.algorithm ?? .sha256)
            let content = contentHash.map { InputBuffer($0) } ?? stored
            summary = try LayerApplier.apply(
                TarReader(content, endMarker: input.endMarker), to: try makeLayerDirectory(directory),
                aboveWhenNeeded: below)
            try content.drain()
            try stored.drain()
            blob = blobHash.digest
            diffID = contentHash?.digest ?? blob
        } catch {
            throw ImageStoreError(error, operation: "unpack", object: input.name)
        }
        if let promised = input.blob, promised != blob {
            throw .invalid("unpack", input.name, "its digest should be \(promised) but is \(blob)")
        }
        if let promised = input.diffID, promised != diffID {
            throw .invalid(
                "unpack", input.name, "the digest of its uncompressed content should be \(promised) but is \(diffID)")
        }
        let chainID = chainBelow.map { Digest(of: Array("\($0) \(diffID)".utf8)) } ?? diffID
        let record = LayerRecord(summary, diffID: diffID, blob: blob)
        let key = layerKey(record.dependsOnLower ? chainID : diffID)
        do throws(Errno) {
            try Files.replace(at: root.number, "\(directory)/layer.json", with: record.json.serialized(), mode: 0o600)
            _ = try pin(.layer(key: key))
            try Files.rename(at: root.number, directory, to: root.number, "layers/\(key)", exclusive: true)
        } catch {
            // Somebody else was faster with the same layer. What was unpacked here goes with the transaction.
            guard error == .fileExists || error == .directoryNotEmpty else { throw .system(error, "store", input.name) }
            var present = AppliedLayer(key: key, record: try ImageStore(root: root).readLayerRecord(key))
            present.applied = blob
            return present
        }
        return AppliedLayer(key: key, record: record)
    }

    private func makeLayerDirectory(_ name: String) throws(ArchiveError) -> FileDescriptor {
        do throws(Errno) {
            try Files.makeDirectory(at: root.number, name, mode: 0o700)
            try Files.makeDirectory(at: root.number, "\(name)/diff", mode: 0o755)
            let directory = try Files.open(at: root.number, "\(name)/diff", [.readOnly, .directory])
            // Whatever the umask: a layer that does not say what its root is gets a root everybody can enter.
            try directory.changeMode(0o755)
            return directory
        } catch {
            throw ArchiveError(
                operation: "make", object: "a directory in the image store", cause: "\(error)", errno: error)
        }
    }
}

/// The trees of layers that are applied.
final class ReadyLayers: LowerLayers {
    private let layers: [AppliedLayer]
    private let root: StoreRoot

    init(_ layers: [AppliedLayer], _ root: StoreRoot) {
        self.layers = layers
        self.root = root
    }

    func directories() throws(ArchiveError) -> [LowerDirectory] { lowerDirectories(layers, root) }
}

/// What a layer above these sees, bottom first.
func lowerDirectories(_ layers: [AppliedLayer], _ root: StoreRoot) -> [LowerDirectory] {
    visible(layers).map { LowerDirectory(path: "\(root.path)/layers/\($0.key)/diff", idBase: $0.record.idBase) }
}

/// The layers that take part in a view: those from the uppermost one that hides all below it.
func visible(_ layers: [AppliedLayer]) -> [AppliedLayer] {
    guard let start = layers.lastIndex(where: \.record.hidesLower) else { return layers }
    return Array(layers[start...])
}

extension LayerRecord {
    init(_ summary: LayerSummary, diffID: Digest, blob: Digest) {
        self.diffID = diffID
        self.blob = blob
        idBase = 0
        highestUID = summary.highestUID
        highestGID = summary.highestGID
        size = summary.bytes
        entries = summary.entries
        dependsOnLower = summary.dependsOnLower
        hidesLower = summary.hidesLower
        definesRoot = summary.definesRoot
        tarSize = nil
    }
}
