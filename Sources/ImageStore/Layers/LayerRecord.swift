import JSON
import LinuxKernel
import OCI

/// A layer of an image on disk, unpacked in overlayfs's form.
public struct LayerDirectory: Equatable, Sendable {
    /// Absolute path of its tree, to be a lower directory of an overlay mount.
    public var path: String
    /// Digest of the uncompressed layer.
    public var diffID: Digest
    /// Owner ids in the tree are this much higher than the image's (0 for layers that were applied from an archive).
    public var idBase: UInt32
    /// Highest owner or group id in the image's own counting: what a container's id range must cover.
    public var highestID: UInt32
    /// Bytes of its files' content.
    public var size: Int64
    /// The layer itself says what owner and mode `/` has; where none does, it is root's, 0755. Of several, the uppermost
    /// counts; an overlay's own upper directory must be given the same, for its root covers theirs.
    public var definesRoot: Bool
    /// The layer's name inside the store.
    public var key: String

    init(path: String, key: String, record: LayerRecord) {
        self.path = path
        self.key = key
        diffID = record.diffID
        idBase = record.idBase
        highestID = max(record.highestUID, record.highestGID)
        size = record.size
        definesRoot = record.definesRoot
    }
}

/// What the store knows of an unpacked layer: `layers/KEY/layer.json`, written before the layer gets its name.
struct LayerRecord: Equatable, Sendable {
    var diffID: Digest
    /// Digest of the blob it was applied from.
    var blob: Digest
    var idBase: UInt32
    var highestUID: UInt32
    var highestGID: UInt32
    var size: Int64
    var entries: Int64
    /// It is right only above the layers it was applied above: its key is then the chain's, not its own digest's.
    var dependsOnLower: Bool
    /// Layers below it are no part of the image's view.
    var hidesLower: Bool
    var definesRoot: Bool
    /// Length of the layer's tar where it streams from the tree and `layers/KEY/tar`; nil where only a blob has it.
    var tarSize: Int64?

    init(json: JSONObject) throws(JSONError) {
        func digest(_ key: String) throws(JSONError) -> Digest {
            let text = try json.required(key, try json.string(key))
            do throws(OCIError) { return try Digest(parsing: text) } catch {
                throw JSONError(path: [key], problem: error.cause)
            }
        }
        diffID = try digest("diffID")
        blob = try digest("blob")
        idBase = try json.integer("idBase") ?? 0
        highestUID = try json.integer("highestUID") ?? 0
        highestGID = try json.integer("highestGID") ?? 0
        size = try json.integer("size") ?? 0
        entries = try json.integer("entries") ?? 0
        dependsOnLower = try json.bool("dependsOnLower") ?? false
        hidesLower = try json.bool("hidesLower") ?? false
        definesRoot = try json.bool("definesRoot") ?? false
        tarSize = try json.integer("tarSize")
    }

    var json: JSONValue {
        var object = JSONObject([
            ("version", 1), ("diffID", .string(diffID.description)), ("blob", .string(blob.description)),
            ("idBase", JSONValue(idBase)), ("highestUID", JSONValue(highestUID)),
            ("highestGID", JSONValue(highestGID)), ("size", .integer(size)), ("entries", .integer(entries)),
            ("dependsOnLower", .bool(dependsOnLower)), ("hidesLower", .bool(hidesLower)),
            ("definesRoot", .bool(definesRoot)),
        ])
        if let tarSize { object["tarSize"] = .integer(tarSize) }
        return .object(object)
    }
}

/// The name of a layer's directory for its own digest or its chain's.
func layerKey(_ digest: Digest) -> String {
    digest.algorithm == .sha256 ? digest.hex : "\(digest.algorithm.rawValue)-\(digest.hex)"
}
