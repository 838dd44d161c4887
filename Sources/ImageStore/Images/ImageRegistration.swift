import Archive
import JSON
import LinuxKernel
import OCI

/// An image whose blobs are at hand (in a transaction or in the store) and that is to become one of the store's.
struct ImageInput {
    /// The manifest's exact bytes and what they are.
    var manifest: [UInt8]
    var mediaType: String
    /// The configuration's exact bytes.
    var configuration: [UInt8]
    /// Full names it is to have.
    var names: [String]
    /// For each layer the transaction's file that holds its blob, verified; nil where the store has the blob already.
    var layerFiles: [String?]
    /// The manifest's digest where it is known and not a sha256.
    var digest: Digest?
    /// The index of several platforms' images it came in.
    var index: Digest?
    /// The index's own blob and those of its other images.
    var others: [BlobInput] = []
}

/// What became of an image that was loaded.
public struct LoadedImage: Sendable {
    /// The image.
    public let image: StoredImage
    /// Names it was given by this load; none for an image that the archive has no name for.
    public let references: [Reference]
    /// Names that meant another image before, and which.
    public let replaced: [(reference: Reference, image: Digest?)]
}

/// A prepared image that is to be entered.
struct NewImage {
    var record: ImageRecord
    /// Full names.
    var names: [String]
    /// The index of several platforms' images it came in, whose blob is stored.
    var index: Digest?
}

/// The manifest of a signature, an SBOM or whatever else travels beside images.
struct NewArtifact {
    var manifest: Descriptor
    /// What it is about.
    var subject: Digest?
    var names: [String]

    /// With its subject where the index keeps it.
    var indexed: Descriptor {
        var descriptor = manifest
        descriptor.annotations = [:]
        descriptor.annotations[StoreIndex.subjectKey] = subject?.description
        return descriptor
    }
}

/// More layers than this cannot be mounted: overlayfs takes 500 lower directories.
let maximumLayers = 500

extension Transaction {
    /// Unpacks the image's layers as far as they are not unpacked, and stores its blobs. Nothing refers to them yet.
    ///
    /// - Parameter workers: how many layers are unpacked at a time, where this process may do so.
    func prepare(
        _ input: ImageInput, workers: Int = 1, progress: (String) -> Void
    ) throws(ImageStoreError) -> ImageRecord {
        let manifestDigest = Digest(of: input.manifest, algorithm: input.digest?.algorithm ?? .sha256)
        let what = "the image \(manifestDigest.short)"
        let manifest: ImageManifest
        let configuration: ImageConfiguration
        let configurationObject: JSONObject
        do throws(JSONError) {
            manifest = try ImageManifest(parsing: input.manifest)
            configuration = try ImageConfiguration(parsing: input.configuration)
            configurationObject = try JSONValue(parsing: input.configuration).objectValue ?? JSONObject()
        } catch {
            throw .invalid("load", what, "\(error)")
        }
        let id = manifest.config.digest
        let actual = Digest(of: input.configuration, algorithm: id.algorithm)
        guard actual == id else {
            throw .invalid("load", what, "the digest of its configuration should be \(id) but is \(actual)")
        }
        try check(manifest, configuration, what)
        let layers = try unpack(manifest, configuration, input.layerFiles, workers, progress)
        do throws(Errno) {
            for (index, descriptor) in manifest.layers.enumerated() {
                // One file may be the blob of several layers: it is there after the first.
                guard let file = input.layerFiles[index], Files.exists(at: root.number, file) else { continue }
                try publish(file, as: descriptor.digest)
            }
            _ = try publish(input.configuration, algorithm: id.algorithm)
            _ = try publish(input.manifest, algorithm: manifestDigest.algorithm)
            try publish(input.others)
        } catch {
            throw .system(error, "store", what)
        }
        let descriptor = Descriptor(
            mediaType: input.mediaType, digest: manifestDigest, size: Int64(input.manifest.count),
            platform: configuration.platform)
        return ImageRecord(id: id, manifest: descriptor, configuration: configurationObject, layers: layers)
    }

    func check(
        _ manifest: ImageManifest, _ configuration: ImageConfiguration, _ what: String
    ) throws(ImageStoreError) {
        guard manifest.layers.count == configuration.diffIDs.count else {
            throw .invalid(
                "load", what,
                "its manifest has \(manifest.layers.count) layers, its configuration \(configuration.diffIDs.count)")
        }
        guard manifest.layers.count <= maximumLayers else {
            throw .invalid(
                "load", what,
                "it has \(manifest.layers.count) layers, more than the \(maximumLayers) that can be mounted")
        }
        for layer in manifest.layers where !MediaType.isLayer(layer.mediaType) {
            throw .invalid("load", what, "\"\(printable(layer.mediaType))\" is no file system layer's type")
        }
    }

    private func unpack(
        _ manifest: ImageManifest, _ configuration: ImageConfiguration, _ files: [String?], _ workers: Int,
        _ progress: (String) -> Void
    ) throws(ImageStoreError) -> [AppliedLayer] {
        let chain = chainIDs(configuration.diffIDs)
        func say(_ index: Int) {
            progress(
                "Unpacking layer \(index + 1) of \(manifest.layers.count): \(configuration.diffIDs[index].short)")
        }
        /// Among the blobs by now where an image before this one has the same layer.
        func file(_ index: Int) -> String {
            files[index].flatMap { Files.exists(at: root.number, $0) ? $0 : nil }
                ?? blobPath(manifest.layers[index].digest)
        }
        var ready = [Int: AppliedLayer]()
        var told = Set<Int>()
        if workers > 1 {
            var jobs = [LayerWorkers.Job]()
            for (index, diffID) in configuration.diffIDs.enumerated() {
                if let present = try pinLayer(diffID: diffID, chainID: chain[index]) {
                    ready[index] = present
                } else if !jobs.contains(where: { $0.diffID == diffID }) {
                    jobs.append(
                        .init(
                            index: index, file: file(index), blob: manifest.layers[index].digest, diffID: diffID,
                            chainBelow: index == 0 ? nil : chain[index - 1]))
                }
            }
            if jobs.count > 1, LayerWorkers.isPossible {
                let outcomes = try LayerWorkers(transaction: self, count: workers).run(jobs) { job in
                    say(job.index)
                    told.insert(job.index)
                }
                for case (let index, .applied(let layer)) in outcomes { ready[index] = layer }
            }
        }
        var layers = [AppliedLayer]()
        for (index, descriptor) in manifest.layers.enumerated() {
            let diffID = configuration.diffIDs[index]
            var present = ready[index]
            if present == nil { present = try pinLayer(diffID: diffID, chainID: chain[index]) }
            if let layer = present {
                layers.append(layer)
                continue
            }
            if told.insert(index).inserted { say(index) }
            let name = "layer \(descriptor.digest.short)"
            let path = file(index)
            let blob = try converting("read", name) { () throws(Errno) in
                try Files.open(at: root.number, path, .readOnly)
            }
            let layer = LayerInput(
                source: FileSource(blob), blob: descriptor.digest, diffID: diffID, endMarker: .optional, name: name)
            layers.append(try apply(layer, above: layers, chainBelow: index == 0 ? nil : chain[index - 1]))
        }
        return layers
    }

    /// Puts blobs that are only kept where they belong. One file may be there by another name of its own already.
    func publish(_ blobs: [BlobInput]) throws(Errno) {
        for blob in blobs {
            guard let file = blob.file, Files.exists(at: root.number, file) else { continue }
            try publish(file, as: blob.digest)
        }
    }

    /// Enters prepared images into the index, all in one step. Everything they refer to is on disk before.
    ///
    /// - Parameter sources: for manifests that were chosen from an index, that index.
    /// - Returns: for each, the names that were taken from other images.
    func enter(
        _ images: [(record: ImageRecord, names: [String])], sources: [Digest: Digest] = [:]
    ) throws(ImageStoreError) -> [[(name: String, from: Digest?)]] {
        try enter(
            images.map {
                NewImage(record: $0.record, names: $0.names, index: sources[$0.record.manifest.digest])
            })
    }

    /// Enters prepared images into the index, all in one step. Everything they refer to is on disk before.
    ///
    /// - Parameter artifacts: manifests that are no images; their blobs are stored already.
    /// - Returns: for each image, the names that were taken from other images.
    func enter(
        _ images: [NewImage], artifacts: [NewArtifact] = []
    ) throws(ImageStoreError) -> [[(name: String, from: Digest?)]] {
        do throws(Errno) {
            var files = [String]()
            for image in images {
                let name = newName("record")
                let file = try makeFile(name)
                try file.writeAll(image.record.json.serialized())
                try file.close()
                files.append(name)
            }
            try root.descriptor.synchronizeFileSystem()
            let lock = try FileLock(at: root.number, StoreName.indexLock)
            defer { lock.hold() }
            var index = try readIndex()
            var taken = [[(name: String, from: Digest?)]]()
            for (place, image) in images.enumerated() {
                // Under the lock, so that no collection finds a record whose image is not in the index.
                try Files.rename(
                    at: root.number, files[place], to: root.number, ImageRecord.path(image.record.manifest.digest))
                taken.append(
                    index.add(
                        .init(
                            manifest: image.record.manifest, id: image.record.id, names: image.names,
                            index: image.index, isBuilt: try isBuilt(image.record))))
            }
            for artifact in artifacts {
                _ = index.add(
                    .init(manifest: artifact.indexed, id: artifact.manifest.digest, names: artifact.names))
            }
            try index.write(root)
            return taken
        } catch {
            throw .system(error, "enter images into", "\(root.path)/index.json")
        }
    }

    /// Keeps the record of an image that belongs to an entry's index.
    func store(_ record: ImageRecord) throws(ImageStoreError) {
        do throws(Errno) {
            let name = newName("record")
            let file = try makeFile(name)
            try file.writeAll(record.json.serialized())
            try file.close()
            try root.descriptor.synchronizeFileSystem()
            let lock = try FileLock(at: root.number, StoreName.indexLock, shared: true)
            defer { lock.hold() }
            try Files.rename(at: root.number, name, to: root.number, ImageRecord.path(record.manifest.digest))
        } catch {
            throw .system(error, "store", "the image \(record.id.short)")
        }
    }

    /// Whether a layer of the image is to be had only from its tree.
    private func isBuilt(_ record: ImageRecord) throws(Errno) -> Bool {
        for layer in record.layers where layer.record.tarSize != nil {
            guard Files.exists(at: root.number, blobPath(layer.record.diffID)) else { return true }
        }
        return false
    }

    private func readIndex() throws(Errno) -> StoreIndex {
        do throws(ImageStoreError) { return try StoreIndex(root) } catch {
            if case .system(let errno) = error.kind { throw errno }
            throw .ioError
        }
    }
}
