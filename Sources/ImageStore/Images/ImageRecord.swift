import JSON
import LinuxKernel
import OCI

/// All that is known of an image in one file, `images/MANIFEST.json`, so that starting a container reads two files: the
/// index and this one. It repeats what manifest, configuration and layers say and never changes.
struct ImageRecord {
    var id: Digest
    var manifest: Descriptor
    /// The configuration as its blob has it.
    var configuration: JSONObject
    /// Bottom first, as many as the manifest has.
    var layers: [AppliedLayer]

    /// Where the record of a manifest is, relative to the store.
    static func path(_ manifest: Digest) -> String { "images/\(manifest.algorithm.rawValue)-\(manifest.hex).json" }

    init(id: Digest, manifest: Descriptor, configuration: JSONObject, layers: [AppliedLayer]) {
        self.id = id
        self.manifest = manifest
        self.configuration = configuration
        self.layers = layers
    }

    init(json: JSONObject) throws(JSONError) {
        guard try json.integer("version", as: Int.self) == 1 else {
            throw JSONError(path: ["version"], problem: "is of another program")
        }
        let text = try json.required("id", try json.string("id"))
        do throws(OCIError) { id = try Digest(parsing: text) } catch {
            throw JSONError(path: ["id"], problem: error.cause)
        }
        manifest = try json.required(
            "manifest", try json.decode("manifest") { (object) throws(JSONError) in try Descriptor(json: object) })
        configuration = try json.required("configuration", try json.object("configuration"))
        layers =
            try json.decodeArray("layers") { (object) throws(JSONError) in
                let key = try object.required("key", try object.string("key"))
                guard !key.contains("/"), key.first != "." else {
                    throw JSONError(path: ["key"], problem: "is no layer's name")
                }
                return AppliedLayer(key: key, record: try LayerRecord(json: object))
            } ?? []
    }

    var json: JSONValue {
        let layers = layers.map { layer -> JSONValue in
            var object = layer.record.json.objectValue ?? JSONObject()
            object["key"] = .string(layer.key)
            return .object(object)
        }
        return [
            "version": 1, "id": .string(id.description), "manifest": manifest.json, "layers": .array(layers),
            "configuration": .object(configuration),
        ]
    }
}

extension ImageStore {
    init(root: StoreRoot) { self.root = root }

    /// The record of a manifest, put together anew from what it repeats when the file is missing or of no use.
    ///
    /// - Throws: kind `damagedStore` when something of the image is missing.
    func record(_ manifest: Descriptor) throws(ImageStoreError) -> ImageRecord {
        do throws(ImageStoreError) { return try readRecord(manifest.digest) } catch {
            guard error.kind == .damagedStore || error.kind == .system(.noSuchFile) else { throw error }
            return try rebuildRecord(manifest)
        }
    }

    private func rebuildRecord(_ descriptor: Descriptor) throws(ImageStoreError) -> ImageRecord {
        let manifest = try readManifestBlob(descriptor)
        let configuration = try readConfigurationBlob(manifest.config)
        let chain = chainIDs(configuration.diffIDs)
        var layers = [AppliedLayer]()
        for (index, diffID) in configuration.diffIDs.enumerated() {
            guard let layer = try findLayer(diffID: diffID, chainID: chain[index]) else {
                throw .damaged("the image \(manifest.config.digest.short)", "its layer \(diffID.short) is not unpacked")
            }
            layers.append(layer)
        }
        var bare = descriptor
        bare.annotations = [:]
        return ImageRecord(
            id: manifest.config.digest, manifest: bare, configuration: configuration.json.objectValue ?? JSONObject(),
            layers: layers)
    }

    /// - Throws: kind `system(ENOENT)` when there is none.
    private func readRecord(_ manifest: Digest) throws(ImageStoreError) -> ImageRecord {
        let path = ImageRecord.path(manifest)
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(at: root.number, path, limit: 64 << 20) } catch {
            throw .system(error, "read", "\(root.path)/\(path)")
        }
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw JSONError(problem: "it is no object")
            }
            return try ImageRecord(json: object)
        } catch {
            throw .damaged("\(root.path)/\(path)", "\(error)")
        }
    }

    /// What callers see of a record.
    func image(_ record: ImageRecord, names: [String]) throws(ImageStoreError) -> StoredImage {
        let configuration: ImageConfiguration
        do throws(JSONError) { configuration = try ImageConfiguration(json: record.configuration) } catch {
            throw .damaged("the image \(record.id.short)", "\(error)")
        }
        var size: Int64 = 0
        for layer in record.layers { size = size.addingReportingOverflow(layer.record.size).partialValue }
        var directories = [LayerDirectory]()
        // Overlayfs refuses one directory twice. A layer that comes again further up covers all it had below.
        for layer in visible(record.layers).reversed() where !directories.contains(where: { $0.key == layer.key }) {
            directories.append(
                LayerDirectory(path: "\(root.path)/layers/\(layer.key)/diff", key: layer.key, record: layer.record))
        }
        var references = [Reference]()
        for name in names {
            // The index may have been written by another program: what is no name for us is none.
            if let reference = try? Reference(parsing: name) { references.append(reference) }
        }
        return StoredImage(
            id: record.id, manifest: record.manifest, references: references, configuration: configuration, size: size,
            layers: directories.reversed())
    }
}
