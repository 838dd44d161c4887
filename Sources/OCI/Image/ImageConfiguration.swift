import JSON

/// The configuration of an image: what it runs on, how to start it, which layers it is made of (image-spec
/// `config.md`, and Docker's additions). The digest of its bytes is the image's ID, so a configuration that came from
/// elsewhere is kept as bytes; this is a view of it.
public struct ImageConfiguration: Equatable, Sendable {
    /// When it was made, RFC 3339 as written.
    public var created: String?
    /// Who made it.
    public var author: String?
    /// What it runs on.
    public var platform: Platform
    /// How to start a container of it.
    public var config: Config
    /// Digests of the uncompressed layers, base first.
    public var diffIDs: [Digest]
    /// One line per build step.
    public var history: [History]
    /// Members this program has no use for (`docker_version`, `container_config`, …).
    public var other: JSONObject

    /// The longest configuration that is read, in bytes.
    public static let maximumSize = 8 << 20

    /// One step of how the image was made.
    public struct History: Equatable, Sendable {
        /// RFC 3339 as written.
        public var created: String?
        /// The command that made it.
        public var createdBy: String?
        /// Who made it.
        public var author: String?
        /// What its maker said.
        public var comment: String?
        /// The step changed no file, so no layer belongs to it.
        public var emptyLayer: Bool

        /// Makes one of its parts.
        public init(
            created: String? = nil, createdBy: String? = nil, author: String? = nil, comment: String? = nil,
            emptyLayer: Bool = false
        ) {
            self.created = created
            self.createdBy = createdBy
            self.author = author
            self.comment = comment
            self.emptyLayer = emptyLayer
        }
    }

    /// A configuration of these layers.
    public init(
        platform: Platform, config: Config = Config(), diffIDs: [Digest], created: String? = nil, author: String? = nil,
        history: [History] = []
    ) {
        self.created = created
        self.author = author
        self.platform = platform
        self.config = config
        self.diffIDs = diffIDs
        self.history = history
        self.other = JSONObject()
    }

    private static let known: Set = [
        "created", "author", "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs",
        "history",
    ]

    /// Decodes a configuration. Docker's oldest images lack platform and history; layers must be there.
    public init(json: JSONObject) throws(JSONError) {
        created = try json.string("created")
        author = try json.string("author")
        platform = Platform(
            os: try json.string("os") ?? "linux", architecture: try json.string("architecture") ?? "",
            variant: try json.string("variant"), osVersion: try json.string("os.version"),
            osFeatures: try json.strings("os.features") ?? [])
        config = try json.decode("config") { (object) throws(JSONError) in try Config(json: object) } ?? Config()
        diffIDs = try json.required(
            "rootfs", try json.decode("rootfs") { (object) throws(JSONError) in try Self.diffIDs(rootfs: object) })
        history = try json.decodeArray("history") { (object) throws(JSONError) in try History(json: object) } ?? []
        other = json.without(Self.known)
    }

    private static func diffIDs(rootfs: JSONObject) throws(JSONError) -> [Digest] {
        let type = try rootfs.string("type") ?? "layers"
        guard type == "layers" else { throw JSONError(path: ["type"], problem: "only \"layers\" is known") }
        var result = [Digest]()
        for (index, text) in (try rootfs.strings("diff_ids") ?? []).enumerated() {
            do throws(OCIError) { result.append(try Digest(parsing: text)) } catch {
                throw JSONError(path: ["diff_ids", String(index)], problem: error.cause)
            }
        }
        return result
    }

    /// Parses a configuration's bytes, at most ``maximumSize`` of them.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        try self.init(json: try JSONObject(document: bytes, limit: Self.maximumSize))
    }

    /// The configuration as JSON.
    public var json: JSONValue {
        var object = JSONObject([
            ("architecture", .string(platform.architecture)), ("os", .string(platform.os)),
        ])
        if let variant = platform.variant { object["variant"] = .string(variant) }
        if let version = platform.osVersion { object["os.version"] = .string(version) }
        if !platform.osFeatures.isEmpty { object["os.features"] = JSONValue(platform.osFeatures) }
        if let created { object["created"] = .string(created) }
        if let author { object["author"] = .string(author) }
        object["config"] = config.json
        object["rootfs"] = [
            "type": "layers", "diff_ids": JSONValue(diffIDs.map(\.description)),
        ]
        if !history.isEmpty { object["history"] = .array(history.map(\.json)) }
        return .object(object.adding(other))
    }
}

extension ImageConfiguration.History {
    init(json: JSONObject) throws(JSONError) {
        self.init(
            created: try json.string("created"), createdBy: try json.string("created_by"),
            author: try json.string("author"), comment: try json.string("comment"),
            emptyLayer: try json.bool("empty_layer") ?? false)
    }

    var json: JSONValue {
        var object = JSONObject()
        if let created { object["created"] = .string(created) }
        if let createdBy { object["created_by"] = .string(createdBy) }
        if let author { object["author"] = .string(author) }
        if let comment { object["comment"] = .string(comment) }
        if emptyLayer { object["empty_layer"] = true }
        return .object(object)
    }
}
