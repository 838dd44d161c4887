import JSON

/// The manifest of one image (image-spec `manifest.md`; Docker's schema 2 is the same document).
public struct ImageManifest: Equatable, Sendable {
    /// The document's own type; nil where it names none (allowed by the OCI specification).
    public var mediaType: String?
    /// Kind of artifact, where this is no runnable image.
    public var artifactType: String?
    /// The configuration.
    public var config: Descriptor
    /// The layers, base first.
    public var layers: [Descriptor]
    /// The manifest this one is about (signatures, SBOMs).
    public var subject: Descriptor?
    /// Free metadata.
    public var annotations: [String: String]
    /// Members this program has no use for.
    public var other: JSONObject

    /// The longest manifest that is read, in bytes: what registries take (distribution-spec, "Pushing Manifests").
    public static let maximumSize = 4 << 20

    /// A manifest of an image.
    public init(
        mediaType: String = MediaType.ociManifest, config: Descriptor, layers: [Descriptor],
        annotations: [String: String] = [:]
    ) {
        self.mediaType = mediaType
        self.artifactType = nil
        self.config = config
        self.layers = layers
        self.subject = nil
        self.annotations = annotations
        self.other = JSONObject()
    }

    private static let known: Set = [
        "schemaVersion", "mediaType", "artifactType", "config", "layers", "subject", "annotations",
    ]

    /// Decodes a manifest of schema 2.
    public init(json: JSONObject) throws(JSONError) {
        try json.requireSchema2()
        mediaType = try json.string("mediaType")
        if let mediaType, !MediaType.isManifest(mediaType) {
            throw JSONError(path: ["mediaType"], problem: "\"\(printable(mediaType))\" is not an image manifest's type")
        }
        // A document that is both a manifest and an index is read differently by different programs (CVE-2021-41190).
        guard json["manifests"] == nil else {
            throw JSONError(path: ["manifests"], problem: "stands in a manifest, where only an index has it")
        }
        artifactType = try json.string("artifactType")
        config = try json.required(
            "config", try json.decode("config") { (object) throws(JSONError) in try Descriptor(json: object) })
        layers = try json.decodeArray("layers") { (object) throws(JSONError) in try Descriptor(json: object) } ?? []
        subject = try json.decode("subject") { (object) throws(JSONError) in try Descriptor(json: object) }
        annotations = try json.stringMap("annotations") ?? [:]
        other = json.without(Self.known)
    }

    /// Parses a manifest's bytes, at most ``maximumSize`` of them.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        try self.init(json: try JSONObject(document: bytes, limit: Self.maximumSize))
    }

    /// The manifest as JSON, members in the specification's order.
    public var json: JSONValue {
        var object = JSONObject([("schemaVersion", .integer(2))])
        if let mediaType { object["mediaType"] = .string(mediaType) }
        if let artifactType { object["artifactType"] = .string(artifactType) }
        object["config"] = config.json
        object["layers"] = .array(layers.map(\.json))
        if let subject { object["subject"] = subject.json }
        if !annotations.isEmpty { object["annotations"] = JSONValue(annotations) }
        return .object(object.adding(other))
    }
}

extension JSONObject {
    /// The object a document's bytes hold.
    init(document bytes: [UInt8], limit: Int) throws(JSONError) {
        guard bytes.count <= limit else {
            throw JSONError(problem: "the document has \(bytes.count) bytes, more than the \(limit) that are read")
        }
        guard case .object(let object) = try JSONValue(parsing: bytes) else {
            throw JSONError(problem: "the document is not a JSON object")
        }
        self = object
    }

    func requireSchema2() throws(JSONError) {
        guard try integer("schemaVersion", as: Int.self) == 2 else {
            throw JSONError(
                path: ["schemaVersion"], problem: "must be 2; older images have to be pushed again by their maker")
        }
    }
}
