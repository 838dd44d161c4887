import JSON
import LinuxKernel
import OCI

/// Frees what nothing needs: blobs and layers that no image, no lease and no work under way names.
struct Collection {
    private let root: StoreRoot
    private var paths = Set<String>()
    /// A manifest that no index shall keep any more.
    private let unwanted: Digest?

    init(_ root: StoreRoot, without unwanted: Digest? = nil) {
        self.root = root
        self.unwanted = unwanted
    }

    /// What was freed.
    struct Result {
        var blobs = 0
        var layerKeys = Set<String>()
        /// Bytes of content that were freed: of blobs, and of the files of layers.
        var bytes: Int64 = 0
    }

    /// Takes the index lock and frees.
    func run(_ transaction: Transaction) throws(Errno) -> Result {
        let lock = try FileLock(at: root.number, StoreName.indexLock)
        defer { lock.hold() }
        return try runLocked(transaction)
    }

    /// Frees; the caller holds the index lock exclusively. If anything needed cannot be read, nothing is freed: a damaged
    /// manifest must not make its layers look unused.
    ///
    /// Layers are moved into the transaction's directory, in one step each: half a layer must never stand under a
    /// layer's name. They are removed from disk when the transaction ends, without the lock.
    func runLocked(_ transaction: Transaction) throws(Errno) -> Result {
        var marking = self
        do throws(ImageStoreError) { try marking.mark() } catch { return Result() }
        return try marking.sweep(transaction)
    }

    /// Blobs, layers and records that nothing needs, relative to the store; nothing is freed.
    func leftovers() throws(Errno) -> [String] {
        let lock = try FileLock(at: root.number, StoreName.indexLock)
        defer { lock.hold() }
        var marking = self
        do throws(ImageStoreError) { try marking.mark() } catch { return [] }
        var result = [String]()
        for directory in ["blobs/sha256", "blobs/sha512", "images", "layers"] {
            result += try marking.unneeded(directory)
        }
        return result
    }

    // MARK: What is needed

    private mutating func mark() throws(ImageStoreError) {
        let index = try StoreIndex(root)
        for entry in index.entries {
            var visited = Set<Digest>()
            try mark(entry.descriptor, depth: 0, &visited)
            if let digest = entry.index, Files.exists(at: root.number, blobPath(digest)) {
                try mark(Descriptor(mediaType: MediaType.ociIndex, digest: digest, size: 0), depth: 0, &visited)
            }
        }
        do throws(Errno) {
            try markLeases()
            try markPins()
        } catch {
            throw .system(error, "read", root.path)
        }
    }

    private mutating func mark(_ descriptor: Descriptor, depth: Int, _ visited: inout Set<Digest>)
        throws(ImageStoreError)
    {
        paths.insert(blobPath(descriptor.digest))
        guard depth < 8, visited.insert(descriptor.digest).inserted else { return }
        let store = ImageStore(root: root)
        if MediaType.isIndex(descriptor.mediaType) {
            guard let index = try document(descriptor, depth, ImageIndex.init(json:)) else { return }
            for child in index.manifests
            where child.digest != unwanted && Files.exists(at: root.number, blobPath(child.digest)) {
                try mark(child, depth: depth + 1, &visited)
            }
        } else if MediaType.isManifest(descriptor.mediaType) {
            paths.insert(ImageRecord.path(descriptor.digest))
            guard let manifest = try document(descriptor, depth, ImageManifest.init(json:)) else { return }
            paths.insert(blobPath(manifest.config.digest))
            for layer in manifest.layers { paths.insert(blobPath(layer.digest)) }
            if let record = try? store.record(descriptor) {
                for layer in record.layers { paths.insert("layers/\(layer.key)") }
            } else if let configuration = try? store.readConfigurationBlob(manifest.config) {
                // Without a record: every key its layers could have.
                for id in configuration.diffIDs + chainIDs(configuration.diffIDs) {
                    paths.insert("layers/\(layerKey(id))")
                }
            }
        }
    }

    /// A document that names further blobs. What cannot be read ends the collection; but an index may name as a manifest
    /// something that is none and whole nonetheless, which then names nothing.
    private func document<T>(
        _ descriptor: Descriptor, _ depth: Int, _ parse: (JSONObject) throws(JSONError) -> T
    ) throws(ImageStoreError) -> T? {
        let size = (try? Files.status(at: root.number, blobPath(descriptor.digest)).size) ?? 0
        if depth > 0, size > Int64(ImageIndex.maximumSize) { return nil }
        let bytes = try ImageStore(root: root).blob(descriptor.digest, limit: ImageIndex.maximumSize)
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else { throw JSONError(problem: "no object") }
            return try parse(object)
        } catch {
            if depth > 0 { return nil }
            throw .damaged("the blob \(descriptor.digest)", "\(error)")
        }
    }

    private mutating func markLeases() throws(Errno) {
        let directory = try Files.open(at: root.number, "leases", [.readOnly, .directory])
        for entry in try directory.directoryEntries() {
            if entry.name.bytes.ends(with: ".tmp") {
                // Whoever writes a lease holds the lock shared, so nobody is writing this one.
                try Files.unlink(at: directory.rawValue, entry.name)
                continue
            }
            for key in try Lease.read(at: directory.rawValue, entry.name) { paths.insert("layers/\(key)") }
        }
    }

    private mutating func markPins() throws(Errno) {
        let directory = try Files.open(at: root.number, "tmp", [.readOnly, .directory])
        for entry in try directory.directoryEntries() {
            let name = PathBytes(entry.name.bytes + Array("/pins".utf8))
            do throws(Errno) {
                let text = try Files.read(at: directory.rawValue, name, limit: 64 << 20)
                for line in text.split(separator: 10) { paths.insert(String(decoding: line, as: UTF8.self)) }
            } catch {
                guard error == .noSuchFile || error == .notDirectory else { throw error }
            }
        }
    }

    // MARK: What is not

    private func sweep(_ transaction: Transaction) throws(Errno) -> Result {
        var result = Result()
        for algorithm in Digest.Algorithm.allCases {
            for path in try unneeded("blobs/\(algorithm.rawValue)") {
                result.bytes += (try? Files.status(at: root.number, path).size) ?? 0
                try Files.unlink(at: root.number, path)
                result.blobs += 1
            }
        }
        for path in try unneeded("images") { try Files.unlink(at: root.number, path) }
        for path in try unneeded("layers") {
            let key = String(path.dropFirst("layers/".count))
            result.bytes += (try? ImageStore(root: root).readLayerRecord(key))?.size ?? 0
            try Files.rename(at: root.number, path, to: root.number, transaction.newName("trash"))
            result.layerKeys.insert(key)
        }
        return result
    }

    private func unneeded(_ directory: String) throws(Errno) -> [String] {
        let opened = try Files.open(at: root.number, directory, [.readOnly, .directory])
        return try opened.directoryEntries().map { "\(directory)/\($0.name)" }.filter { !paths.contains($0) }
    }
}

extension Array where Element == UInt8 {
    fileprivate func ends(with suffix: String) -> Bool { self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
}
