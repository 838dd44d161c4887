import JSON

/// A mount that a user asked for, resolved: named volumes have their directory.
public struct ContainerMount: Equatable, Sendable {
    /// What lies behind a mount.
    public enum Kind: String, Sendable { case bind, volume, tmpfs }

    public var kind: Kind
    /// The volume's name; empty for other kinds.
    public var name = ""
    /// Whether the volume was made for this container alone.
    public var isAnonymous = false
    /// Whether an empty volume starts with the image's content (`nocopy` says no).
    public var copiesContent = true
    /// The directory or file on the host; empty for a tmpfs.
    public var source = ""
    public var destination: String
    public var isReadOnly = false
    /// `rprivate` unless asked otherwise.
    public var propagation = "rprivate"
    /// Whether sub-mounts of a bind come along.
    public var isRecursive = true
    /// Whether a bind shows the ids of its source's owner; what was made for this very container has its ids already.
    public var isMapped = true
    /// tmpfs options (`size=64m`), or further flags.
    public var options: [String] = []

    /// A mount of a kind at a place.
    public init(kind: Kind, source: String = "", destination: String) {
        self.kind = kind
        self.source = source
        self.destination = destination
    }

    var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "name": .string(name), "anonymous": .bool(isAnonymous), "source": .string(source),
            "destination": .string(destination), "readOnly": .bool(isReadOnly), "propagation": .string(propagation),
            "recursive": .bool(isRecursive), "options": JSONValue(options),
        ]
    }

    init(_ object: JSONObject) throws(JSONError) {
        kind = Kind(rawValue: try object.string("kind") ?? "") ?? .bind
        name = try object.string("name") ?? ""
        isAnonymous = try object.bool("anonymous") ?? false
        source = try object.string("source") ?? ""
        destination = try object.required("destination", object.string("destination"))
        isReadOnly = try object.bool("readOnly") ?? false
        propagation = try object.string("propagation") ?? "rprivate"
        isRecursive = try object.bool("recursive") ?? true
        options = try object.strings("options") ?? []
    }
}
