import JSON

/// A typed, sized, content-addressed pointer to a blob (image-spec `descriptor.md`).
public struct Descriptor: Equatable, Sendable {
    /// Type of the content it points to.
    public var mediaType: String
    /// Digest of the content.
    public var digest: Digest
    /// Exact length of the content in bytes, never negative.
    public var size: Int64
    /// Other places the content can be had from.
    public var urls: [String]
    /// Free metadata.
    public var annotations: [String: String]
    /// What the content runs on; set in an index.
    public var platform: Platform?
    /// Kind of artifact, where the content is an artifact's manifest.
    public var artifactType: String?
    /// Members this program has no use for, kept so that rewriting an index loses nothing.
    public var other: JSONObject

    /// A descriptor of a blob.
    public init(
        mediaType: String, digest: Digest, size: Int64, annotations: [String: String] = [:], platform: Platform? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.urls = []
        self.annotations = annotations
        self.platform = platform
        self.artifactType = nil
        self.other = JSONObject()
    }

    private static let known: Set = [
        "mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType",
    ]

    /// Decodes a descriptor; type, digest and size must be there.
    public init(json: JSONObject) throws(JSONError) {
        mediaType = try json.required("mediaType", try json.string("mediaType"))
        let text = try json.required("digest", try json.string("digest"))
        do throws(OCIError) { digest = try Digest(parsing: text) } catch {
            throw JSONError(path: ["digest"], problem: error.cause)
        }
        size = try json.required("size", try json.integer("size", as: Int64.self))
        guard size >= 0 else { throw JSONError(path: ["size"], problem: "must not be negative") }
        urls = try json.strings("urls") ?? []
        annotations = try json.stringMap("annotations") ?? [:]
        platform = try json.decode("platform") { (object) throws(JSONError) in try Platform(json: object) }
        artifactType = try json.string("artifactType")
        other = json.without(Self.known)
    }

    /// The descriptor as JSON, members in the specification's order.
    public var json: JSONValue {
        var object = JSONObject([
            ("mediaType", .string(mediaType)), ("digest", .string(digest.description)), ("size", .integer(size)),
        ])
        if !urls.isEmpty { object["urls"] = JSONValue(urls) }
        if !annotations.isEmpty { object["annotations"] = JSONValue(annotations) }
        if let platform { object["platform"] = platform.json }
        if let artifactType { object["artifactType"] = .string(artifactType) }
        return .object(object.adding(other))
    }
}

extension JSONObject {
    /// The members whose keys are not in the set.
    func without(_ known: Set<String>) -> JSONObject {
        JSONObject(members.filter { !known.contains($0.key) }.map { ($0.key, $0.value) })
    }

    /// These members followed by the other object's.
    func adding(_ other: JSONObject) -> JSONObject {
        other.isEmpty ? self : JSONObject((members + other.members).map { ($0.key, $0.value) })
    }
}
