import JSON

/// What few containers ask for, beyond the usual: devices, rights over the machine, rates, where the output goes.
public struct ContainerExtras: Equatable, Sendable {
    /// A device of the host, or a directory of them.
    public struct Device: Equatable, Sendable {
        public var source: String
        public var destination: String
        /// Some of `r`, `w`, `m`.
        public var access: String
        /// A device.
        public init(source: String, destination: String, access: String) {
            self.source = source
            self.destination = destination
            self.access = access
        }
    }

    /// A rate for a block device, by the words of its flag (`device-read-bps`).
    public struct Rate: Equatable, Sendable {
        public var kind: String
        public var device: String
        public var value: UInt64
        /// A rate.
        public init(kind: String, device: String, value: UInt64) {
            self.kind = kind
            self.device = device
            self.value = value
        }
    }

    public var devices: [Device] = []
    /// Lines of the devices' allow list: `c 1:3 rwm`.
    public var deviceRules: [String] = []
    /// Everything root of the host may.
    public var isPrivileged = false
    public var annotations: [String: String] = [:]
    /// 0 to 100; nil is the host's.
    public var swappiness: UInt64?
    public var disablesOutOfMemoryKiller = false
    /// 10 to 1000.
    public var blockWeight: UInt16?
    /// `device-read-bps` and its like, and `blkio-weight-device`.
    public var rates: [Rate] = []
    /// Microseconds.
    public var realtimePeriod: UInt64?
    public var realtimeRuntime: Int64?
    /// Kinds of namespaces that are the host's: `pid`, `ipc`, `uts`, `cgroup`.
    public var hostNamespaces: Set<String> = []
    /// `json-file` or `none`.
    public var logDriver = "json-file"
    /// Bytes at which a log file is full; nil is the default.
    public var logSize: Int64?
    /// How many log files there are.
    public var logFiles: Int?

    /// Nothing.
    public init() {}

    var json: JSONValue {
        var object = JSONObject()
        if !devices.isEmpty {
            object["devices"] = .array(
                devices.map {
                    [
                        "source": .string($0.source), "destination": .string($0.destination),
                        "access": .string($0.access),
                    ]
                })
        }
        if !deviceRules.isEmpty { object["deviceRules"] = JSONValue(deviceRules) }
        if isPrivileged { object["privileged"] = true }
        if !annotations.isEmpty { object["annotations"] = JSONValue(annotations) }
        object["swappiness"] = swappiness.map { JSONValue($0) }
        if disablesOutOfMemoryKiller { object["noOutOfMemoryKiller"] = true }
        object["blockWeight"] = blockWeight.map { JSONValue($0) }
        if !rates.isEmpty {
            object["rates"] = .array(
                rates.map {
                    ["kind": .string($0.kind), "device": .string($0.device), "value": JSONValue($0.value)]
                })
        }
        object["realtimePeriod"] = realtimePeriod.map { JSONValue($0) }
        object["realtimeRuntime"] = realtimeRuntime.map { JSONValue($0) }
        if !hostNamespaces.isEmpty { object["hostNamespaces"] = JSONValue(hostNamespaces.sorted()) }
        if logDriver != "json-file" { object["logDriver"] = .string(logDriver) }
        object["logSize"] = logSize.map { JSONValue($0) }
        object["logFiles"] = logFiles.map { JSONValue($0) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(JSONError) {
        devices =
            try object.decodeArray("devices") { (entry) throws(JSONError) in
                Device(
                    source: try entry.required("source", entry.string("source")),
                    destination: try entry.required("destination", entry.string("destination")),
                    access: try entry.string("access") ?? "rwm")
            } ?? []
        deviceRules = try object.strings("deviceRules") ?? []
        isPrivileged = try object.bool("privileged") ?? false
        annotations = try object.stringMap("annotations") ?? [:]
        swappiness = try object.integer("swappiness")
        disablesOutOfMemoryKiller = try object.bool("noOutOfMemoryKiller") ?? false
        blockWeight = try object.integer("blockWeight")
        rates =
            try object.decodeArray("rates") { (entry) throws(JSONError) in
                Rate(
                    kind: try entry.required("kind", entry.string("kind")),
                    device: try entry.required("device", entry.string("device")),
                    value: try entry.required("value", entry.integer("value")))
            } ?? []
        realtimePeriod = try object.integer("realtimePeriod")
        realtimeRuntime = try object.integer("realtimeRuntime")
        hostNamespaces = Set(try object.strings("hostNamespaces") ?? [])
        logDriver = try object.string("logDriver") ?? "json-file"
        logSize = try object.integer("logSize")
        logFiles = try object.integer("logFiles")
    }
}
