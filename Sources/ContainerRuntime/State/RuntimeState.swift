import JSON

/// What is kept of a container between the runtime's commands, and what `state` prints (runtime.md "State").
public struct RuntimeState: Sendable {
    /// Where a container is in its life.
    public enum Status: String, Sendable { case creating, created, running, stopped }

    public var id: String
    public var bundle: String
    public var ociVersion: String
    /// The first process, as the host numbers it; 0 while it is being made.
    public var pid: Int32 = 0
    /// Its start in clock ticks since boot: a number used again has another.
    public var processStart: UInt64 = 0
    /// Path below each cgroup mount; empty when the container was given no group.
    public var controlGroup = ""
    public var created: String
    public var annotations: [String: String] = [:]
    /// Whether `start` has been called.
    public var isStarted = false

    /// A container that is being made.
    init(id: String, bundle: String, ociVersion: String, created: String) {
        self.id = id
        self.bundle = bundle
        self.ociVersion = ociVersion
        self.created = created
    }

    var json: JSONValue {
        [
            "id": .string(id), "bundle": .string(bundle), "ociVersion": .string(ociVersion), "pid": JSONValue(pid),
            "processStart": JSONValue(processStart), "controlGroup": .string(controlGroup), "created": .string(created),
            "annotations": JSONValue(annotations), "isStarted": .bool(isStarted),
        ]
    }

    init(parsing bytes: [UInt8]) throws(JSONError) {
        guard let object = try JSONValue(parsing: bytes).objectValue else { throw JSONError(problem: "an object was expected") }
        id = try object.required("id", object.string("id"))
        bundle = try object.required("bundle", object.string("bundle"))
        ociVersion = try object.string("ociVersion") ?? ""
        pid = try object.integer("pid") ?? 0
        processStart = try object.integer("processStart") ?? 0
        controlGroup = try object.string("controlGroup") ?? ""
        created = try object.string("created") ?? ""
        annotations = try object.stringMap("annotations") ?? [:]
        isStarted = try object.bool("isStarted") ?? false
    }

    /// The object that `state` prints and hooks read.
    public func publicJSON(_ status: Status) -> JSONValue {
        var object = JSONObject([
            ("ociVersion", .string(ociVersion)), ("id", .string(id)), ("status", .string(status.rawValue)),
            ("pid", JSONValue(status == .stopped ? 0 : pid)), ("bundle", .string(bundle)), ("created", .string(created)),
        ])
        if !annotations.isEmpty { object["annotations"] = JSONValue(annotations) }
        return .object(object)
    }
}
