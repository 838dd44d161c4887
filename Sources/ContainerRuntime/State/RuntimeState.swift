import JSON
import OCI

/// What is kept of a container between the runtime's commands, and what `state` prints (runtime.md "State").
public struct RuntimeState: Sendable {
    /// Where a container is in its life.
    public enum Status: String, Sendable { case creating, created, running, paused, stopped }

    public var id: String
    public var bundle: String
    public var ociVersion: String
    /// The root file system's absolute path.
    public var rootfs = ""
    /// The first process, as the host numbers it; 0 while it is being made.
    public var pid: Int32 = 0
    /// Its start in clock ticks since boot: a number used again has another.
    public var processStart: UInt64 = 0
    /// Path below each cgroup mount; empty when the container was given no group.
    public var controlGroup = ""
    /// What systemd's unit is named by (`slice:prefix:name`, perhaps empty), nil where systemd has none.
    public var systemdPath: String?
    public var created: String
    public var annotations: [String: String] = [:]
    /// Whether `start` has been called.
    public var isStarted = false
    /// Whether the configuration names programs to run at points of the container's life: without any it need not be read.
    public var hasHooks = false
    /// Directories of resctrl that were made for it alone, the deepest first.
    var resourceDirectories: [String] = []
    /// The processor time limit in force: the kernel's version 2 file holds both numbers, an update may give one.
    public var cpuQuota: Int64?
    public var cpuPeriod: UInt64?

    /// A container that is being made.
    init(id: String, bundle: Bundle) {
        self.id = id
        self.bundle = bundle.path
        ociVersion = bundle.configuration.ociVersion
        created = ""
        rootfs = bundle.rootPath ?? ""
        annotations = bundle.configuration.annotations
        controlGroup = bundle.controlGroupPath(id: id)
        // What the launch will refuse makes no directory either.
        let director = try? bundle.configuration.linux.intelRdt.map { try ResourceDirector($0, id: id) }
        resourceDirectories = (director ?? nil)?.ownDirectories ?? []
        hasHooks = !bundle.configuration.hooks.isEmpty
        cpuQuota = bundle.configuration.linux.resources?.cpu?.quota
        cpuPeriod = bundle.configuration.linux.resources?.cpu?.period
    }

    var json: JSONValue {
        var object = JSONObject([
            ("id", .string(id)), ("bundle", .string(bundle)), ("ociVersion", .string(ociVersion)),
            ("rootfs", .string(rootfs)), ("pid", JSONValue(pid)), ("processStart", JSONValue(processStart)),
            ("controlGroup", .string(controlGroup)),
            ("created", .string(created)), ("annotations", JSONValue(annotations)), ("isStarted", .bool(isStarted)),
        ])
        if hasHooks { object["hasHooks"] = true }
        if !resourceDirectories.isEmpty {
            object["resourceDirectories"] = .array(resourceDirectories.map { .string($0) })
        }
        if let systemdPath { object["systemdPath"] = .string(systemdPath) }
        if let cpuQuota { object["cpuQuota"] = JSONValue(cpuQuota) }
        if let cpuPeriod { object["cpuPeriod"] = JSONValue(cpuPeriod) }
        return .object(object)
    }

    init(parsing bytes: [UInt8]) throws(JSONError) {
        guard let object = try JSONValue(parsing: bytes).objectValue else {
            throw JSONError(problem: "an object was expected")
        }
        id = try object.required("id", object.string("id"))
        bundle = try object.required("bundle", object.string("bundle"))
        ociVersion = try object.string("ociVersion") ?? ""
        rootfs = try object.string("rootfs") ?? ""
        pid = try object.integer("pid") ?? 0
        processStart = try object.integer("processStart") ?? 0
        controlGroup = try object.string("controlGroup") ?? ""
        systemdPath = try object.string("systemdPath")
        created = try object.string("created") ?? ""
        annotations = try object.stringMap("annotations") ?? [:]
        isStarted = try object.bool("isStarted") ?? false
        hasHooks = try object.bool("hasHooks") ?? false
        resourceDirectories = try object.strings("resourceDirectories") ?? []
        cpuQuota = try object.integer("cpuQuota")
        cpuPeriod = try object.integer("cpuPeriod")
    }

    /// The object that hooks read (runtime.md "State").
    public func publicJSON(_ status: Status) -> JSONValue {
        var object = JSONObject([
            ("ociVersion", .string(ociVersion)), ("id", .string(id)), ("status", .string(status.rawValue)),
            ("pid", JSONValue(status == .stopped ? 0 : pid)), ("bundle", .string(bundle)),
        ])
        if !annotations.isEmpty { object["annotations"] = JSONValue(annotations) }
        return .object(object)
    }

    /// The object that `state` and `list` print: runc's members in runc's order.
    func listing(_ status: Status, owner: String) -> JSONValue {
        var object = JSONObject([
            ("ociVersion", .string(ociVersion)), ("id", .string(id)), ("pid", JSONValue(status == .stopped ? 0 : pid)),
            ("status", .string(status.rawValue)), ("bundle", .string(bundle)), ("rootfs", .string(rootfs)),
            ("created", .string(created)),
        ])
        if !annotations.isEmpty { object["annotations"] = JSONValue(annotations) }
        object["owner"] = .string(owner)
        return .object(object)
    }
}
