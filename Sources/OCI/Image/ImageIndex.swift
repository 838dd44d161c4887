import JSON

/// A list of manifests, one per platform or one per name (image-spec `image-index.md`; Docker's manifest list is the
/// same document).
public struct ImageIndex: Equatable, Sendable {
    /// The document's own type; nil where it names none.
    public var mediaType: String?
    /// Kind of artifact, where the index is one.
    public var artifactType: String?
    /// The entries.
    public var manifests: [Descriptor]
    /// The manifest this one is about.
    public var subject: Descriptor?
    /// Free metadata.
    public var annotations: [String: String]
    /// Members this program has no use for.
    public var other: JSONObject

    /// The longest index that is read from elsewhere, in bytes.
    public static let maximumSize = 4 << 20

    /// An index of these entries.
    public init(manifests: [Descriptor], annotations: [String: String] = [:]) {
        self.mediaType = MediaType.ociIndex
        self.artifactType = nil
        self.manifests = manifests
        self.subject = nil
        self.annotations = annotations
        self.other = JSONObject()
    }

    private static let known: Set = [
        "schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations",
    ]

    /// Decodes an index of schema 2.
    public init(json: JSONObject) throws(JSONError) {
        try json.requireSchema2()
        mediaType = try json.string("mediaType")
        if let mediaType, !MediaType.isIndex(mediaType) {
            throw JSONError(path: ["mediaType"], problem: "\"\(printable(mediaType))\" is not an index's type")
        }
        // See ImageManifest: one document must not be both.
        for key in ["config", "layers"] where json[key] != nil {
            throw JSONError(path: [key], problem: "stands in an index, where only a manifest has it")
        }
        artifactType = try json.string("artifactType")
        manifests =
            try json.decodeArray("manifests") { (object) throws(JSONError) in try Descriptor(json: object) } ?? []
        subject = try json.decode("subject") { (object) throws(JSONError) in try Descriptor(json: object) }
        annotations = try json.stringMap("annotations") ?? [:]
        other = json.without(Self.known)
    }

    /// Parses an index's bytes, at most `limit` of them.
    public init(parsing bytes: [UInt8], limit: Int = ImageIndex.maximumSize) throws(JSONError) {
        try self.init(json: try JSONObject(document: bytes, limit: limit))
    }

    /// The entry for a platform: the first that satisfies it. Entries without a platform are no candidates, nor are
    /// attestations (which BuildKit lists as `unknown/unknown`).
    public func manifest(for wanted: Platform) -> Descriptor? {
        manifests.first { $0.platform?.satisfies(wanted) ?? false }
    }

    /// The index as JSON, members in the specification's order.
    public var json: JSONValue {
        var object = JSONObject([("schemaVersion", .integer(2))])
        if let mediaType { object["mediaType"] = .string(mediaType) }
        if let artifactType { object["artifactType"] = .string(artifactType) }
        object["manifests"] = .array(manifests.map(\.json))
        if let subject { object["subject"] = subject.json }
        if !annotations.isEmpty { object["annotations"] = JSONValue(annotations) }
        return .object(object.adding(other))
    }
}
