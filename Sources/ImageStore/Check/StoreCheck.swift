import Archive
import JSON
import LinuxKernel
import OCI

extension ImageStore {
    /// Verifies everything: the digest of each blob, each layer's tree against its blob (or its tar against its digest),
    /// what images, names and leases refer to, and that nothing is left over. Reads the whole store.
    ///
    /// - Parameter repair: puts right what can be. A layer's tree is unpacked again from its blob; an image that lost a
    ///   layer's blob stays runnable but is no longer offered to other programs; one that lost more is removed, since
    ///   nothing could be done with it; what nothing needs is freed.
    public func check(repair: Bool) throws(ImageStoreError) -> CheckReport {
        // Whoever works on the store meanwhile is not disturbed: what is looked at is finished, and pinned by its image.
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        var check = StoreCheck(store: self, transaction: transaction, repairs: repair)
        return try check.run()
    }
}

private struct StoreCheck {
    let store: ImageStore
    let transaction: Transaction
    let repairs: Bool
    private var report = CheckReport()
    private var badBlobs = Set<Digest>()
    private var badLayers = Set<String>()

    init(store: ImageStore, transaction: Transaction, repairs: Bool) {
        self.store = store
        self.transaction = transaction
        self.repairs = repairs
    }

    private var root: StoreRoot { store.root }

    mutating func run() throws(ImageStoreError) -> CheckReport {
        let index = try StoreIndex(root)
        try checkBlobs()
        try checkLayers(try layerBlobs(index))
        try checkImages(index)
        try checkLeases()
        try checkLeftovers()
        return report
    }

    private mutating func find(_ object: String, _ problem: String, repair: String?) {
        report.findings.append(CheckFinding(object, problem, repair: repairs ? repair : nil))
    }

    private func names(_ path: String) throws(ImageStoreError) -> [String] {
        try converting("read", "\(root.path)/\(path)") { () throws(Errno) in try store.names(path).sorted() }
    }

    // MARK: Blobs

    private mutating func checkBlobs() throws(ImageStoreError) {
        var count = 0
        for algorithm in Digest.Algorithm.allCases {
            for name in try names("blobs/\(algorithm.rawValue)") {
                let path = "blobs/\(algorithm.rawValue)/\(name)"
                guard let digest = Digest(algorithm: algorithm, hex: name) else {
                    find(path, "its name is no digest", repair: "removed")
                    try remove(path)
                    continue
                }
                count += 1
                guard let actual = digestOf(path, algorithm) else {
                    // Freed a moment ago by somebody else, or unreadable.
                    if Files.exists(at: root.number, path) { find("blob \(digest)", "it cannot be read", repair: nil) }
                    continue
                }
                guard actual != digest else { continue }
                badBlobs.insert(digest)
                find("blob \(digest)", "its content has the digest \(actual)", repair: "removed")
                try remove(path)
            }
        }
        report.looked.append("\(count) blob\(count == 1 ? "" : "s")")
    }

    private func digestOf(_ path: String, _ algorithm: Digest.Algorithm) -> Digest? {
        guard let file = try? Files.open(at: root.number, path, .readOnly) else { return nil }
        let hash = HashingSource(FileSource(file), algorithm: algorithm)
        do throws(ArchiveError) { try InputBuffer(hash).drain() } catch { return nil }
        return hash.digest
    }

    private func remove(_ path: String) throws(ImageStoreError) {
        guard repairs else { return }
        try converting("remove", "\(root.path)/\(path)") { () throws(Errno) in
            try Files.rename(at: root.number, path, to: root.number, transaction.newName("trash"))
        }
    }

    // MARK: Layers

    /// Where the tar of each layer can be had, and what lies below it there.
    private func layerBlobs(
        _ index: StoreIndex
    ) throws(ImageStoreError) -> [String: (blob: Digest, below: [AppliedLayer], record: LayerRecord)] {
        var result = [String: (blob: Digest, below: [AppliedLayer], record: LayerRecord)]()
        for entry in index.entries {
            guard let manifest = try? store.readManifestBlob(entry.descriptor),
                let record = try? store.record(entry.descriptor), record.layers.count == manifest.layers.count
            else { continue }
            for (place, layer) in record.layers.enumerated() where store.hasBlob(manifest.layers[place].digest) {
                result[layer.key] = (manifest.layers[place].digest, Array(record.layers[..<place]), layer.record)
            }
        }
        return result
    }

    private mutating func checkLayers(
        _ blobs: [String: (blob: Digest, below: [AppliedLayer], record: LayerRecord)]
    ) throws(ImageStoreError) {
        let keys = try names("layers")
        for key in keys { try checkLayer(key, blobs[key]) }
        report.looked.append("\(keys.count) layer\(keys.count == 1 ? "" : "s")")
    }

    private mutating func checkLayer(
        _ key: String, _ source: (blob: Digest, below: [AppliedLayer], record: LayerRecord)?
    ) throws(ImageStoreError) {
        let object = "layer \(key.prefix(12))"
        let problem: String?
        do throws(ImageStoreError) {
            let record = try store.readLayerRecord(key)
            if record.tarSize != nil {
                problem = tarProblem(key, record)
            } else if let source, !badBlobs.contains(source.blob) {
                problem = try treeProblem(key, source)
            } else {
                problem = Files.exists(at: root.number, "layers/\(key)/diff") ? nil : "its tree is missing"
            }
        } catch {
            // Freed meanwhile by somebody who no longer needs it.
            guard Files.exists(at: root.number, "layers/\(key)") else { return }
            problem = error.cause
        }
        guard let problem else { return }
        if repairs, let source, !badBlobs.contains(source.blob), (try? unpackAgain(key, source)) != nil {
            return find(object, problem, repair: "unpacked again")
        }
        badLayers.insert(key)
        find(object, problem, repair: source == nil ? "removed" : nil)
        if source == nil { try remove("layers/\(key)") }
    }

    private func tarProblem(_ key: String, _ record: LayerRecord) -> String? {
        do throws(ImageStoreError) {
            let hash = HashingSource(try store.layerTar(key: key), algorithm: record.diffID.algorithm)
            do throws(ArchiveError) { try InputBuffer(hash).drain() } catch { return error.description }
            return hash.digest == record.diffID
                ? nil : "its tar has the digest \(hash.digest) instead of \(record.diffID)"
        } catch {
            return error.cause
        }
    }

    /// Unpacks the blob beside the layer and compares.
    private func treeProblem(
        _ key: String, _ source: (blob: Digest, below: [AppliedLayer], record: LayerRecord)
    ) throws(ImageStoreError) -> String? {
        let (directory, _) = try unpack(source)
        let difference = try converting("compare", "layer \(key.prefix(12))") { () throws(Errno) in
            try TreeComparison.difference("\(root.path)/layers/\(key)/diff", "\(root.path)/\(directory)/diff")
        }
        try? Files.removeTree(at: root.number, directory)
        return difference.map { printable($0) }
    }

    private func unpack(
        _ source: (blob: Digest, below: [AppliedLayer], record: LayerRecord)
    ) throws(ImageStoreError) -> (String, LayerSummary) {
        let name = transaction.newName("check")
        let object = "the blob \(source.blob.short)"
        let number = root.number
        let target = try converting("unpack", object) { () throws(Errno) in
            try Files.makeDirectory(at: number, name, mode: 0o700)
            try Files.makeDirectory(at: number, "\(name)/diff", mode: 0o755)
            let target = try Files.open(at: number, "\(name)/diff", [.readOnly, .directory])
            try target.changeMode(0o755)
            return target
        }
        let file = try converting("read", object) { () throws(Errno) in
            try Files.open(at: number, blobPath(source.blob), .readOnly)
        }
        do throws(ArchiveError) {
            let content = InputBuffer(try InputBuffer(FileSource(file)).decompressed())
            let summary = try LayerApplier.apply(
                TarReader(content, endMarker: .optional), to: target,
                above: visible(source.below).map {
                    LowerDirectory(path: "\(root.path)/layers/\($0.key)/diff", idBase: $0.record.idBase)
                })
            return (name, summary)
        } catch {
            throw ImageStoreError(error, operation: "unpack", object: object)
        }
    }

    /// Puts a fresh tree in a layer's place, in one step. Containers that run on the old one keep it.
    private func unpackAgain(
        _ key: String, _ source: (blob: Digest, below: [AppliedLayer], record: LayerRecord)
    ) throws(ImageStoreError) {
        let (directory, summary) = try unpack(source)
        let record = LayerRecord(summary, diffID: source.record.diffID, blob: source.blob)
        try converting("store", "layer \(key.prefix(12))") { () throws(Errno) in
            try Files.replace(at: root.number, "\(directory)/layer.json", with: record.json.serialized(), mode: 0o600)
            try root.descriptor.synchronizeFileSystem()
            try Files.rename(at: root.number, "layers/\(key)", to: root.number, transaction.newName("trash"))
            try Files.rename(at: root.number, directory, to: root.number, "layers/\(key)", exclusive: true)
        }
    }

    // MARK: What refers to what

    private mutating func checkImages(_ given: StoreIndex) throws(ImageStoreError) {
        let lock = try converting("lock", root.path) { () throws(Errno) in
            try FileLock(at: root.number, StoreName.indexLock)
        }
        defer { lock.hold() }
        // Others may have changed it while the blobs were read.
        var index = try StoreIndex(root)
        var seen = Set<Digest>()
        for entry in index.entries where seen.insert(entry.descriptor.digest).inserted {
            let object =
                "image \((entry.name.flatMap { try? Reference(parsing: $0) })?.familiar ?? entry.descriptor.digest.short)"
            guard MediaType.isManifest(entry.descriptor.mediaType) else { continue }
            if let problem = unusable(entry) {
                find(object, problem, repair: "removed from the index")
                if repairs { index.forget(entry.descriptor.digest) }
            } else if !entry.isBuilt, let missing = missingBlob(entry) {
                find(
                    object, "its blob \(missing) is missing or damaged",
                    repair: "kept for running, no longer offered for copying")
                if repairs { index.markBuilt(entry.descriptor.digest) }
            }
            if let digest = entry.index, !store.hasBlob(digest) || badBlobs.contains(digest) {
                find(object, "the index \(digest.short) it came in is missing", repair: "forgotten")
                if repairs { index.forgetIndex(digest) }
            }
        }
        report.looked.append("\(seen.count) image\(seen.count == 1 ? "" : "s")")
        if repairs { try converting("write", "\(root.path)/index.json") { () throws(Errno) in try index.write(root) } }
    }

    private func unusable(_ entry: StoreIndex.Entry) -> String? {
        do throws(ImageStoreError) {
            if badBlobs.contains(entry.descriptor.digest) { return "its manifest is damaged" }
            let manifest = try store.readManifestBlob(entry.descriptor)
            if badBlobs.contains(manifest.config.digest) || !store.hasBlob(manifest.config.digest) {
                return "its configuration is missing or damaged"
            }
            guard MediaType.isConfiguration(manifest.config.mediaType), entry.identifier != nil else { return nil }
            let record = try store.record(entry.descriptor)
            for layer in record.layers {
                if badLayers.contains(layer.key) || !Files.exists(at: root.number, "layers/\(layer.key)/diff") {
                    return "its layer \(layer.key.prefix(12)) is missing or damaged"
                }
            }
            return nil
        } catch {
            return error.cause
        }
    }

    private func missingBlob(_ entry: StoreIndex.Entry) -> Digest? {
        guard let manifest = try? store.readManifestBlob(entry.descriptor) else { return nil }
        return manifest.layers.map(\.digest).first { badBlobs.contains($0) || !store.hasBlob($0) }
    }

    private mutating func checkLeases() throws(ImageStoreError) {
        for holder in try store.leaseHolders() {
            guard let keys = try? Lease.read(at: root.number, "leases/\(holder)") else { continue }
            for key in keys where !Files.exists(at: root.number, "layers/\(key)") {
                find("lease of \(holder.prefix(12))", "its layer \(key.prefix(12)) is missing", repair: nil)
            }
        }
    }

    private mutating func checkLeftovers() throws(ImageStoreError) {
        do throws(Errno) {
            if repairs {
                let freed = try Collection(root).run(transaction)
                if freed.blobs + freed.layerKeys.count > 0 {
                    find(
                        root.path, "\(freed.blobs) blobs and \(freed.layerKeys.count) layers that nothing needs",
                        repair: "freed")
                }
            } else {
                for path in try Collection(root).leftovers() { find(path, "nothing needs it", repair: nil) }
            }
        } catch {
            throw .system(error, "look for what nothing needs in", root.path)
        }
    }
}
