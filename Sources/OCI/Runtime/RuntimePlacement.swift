import JSON

/// Cache and memory bandwidth of Intel's Resource Director (config-linux.md, "IntelRdt").
public struct RuntimeIntelRdt: Sendable {
    /// Directory of resctrl; nil is the container's id.
    public var closID: String?
    /// Lines for `schemata`, as they are; written after the two below.
    public var schemata: [String]
    public var l3CacheSchema: String?
    public var memoryBandwidthSchema: String?
    /// Whether the container gets a monitoring group of its own.
    public var enableMonitoring: Bool

    /// Whether anything is to be written to `schemata`.
    public var hasSchemata: Bool { !schemata.isEmpty || l3CacheSchema != nil || memoryBandwidthSchema != nil }

    init(_ object: JSONObject) throws(JSONError) {
        closID = try object.string("closID").flatMap { $0.isEmpty ? nil : $0 }
        // 1.3 made a list of what drafts had as one text with newlines.
        if case .string(let text)? = object.present("schemata") {
            schemata = text.isEmpty ? [] : [text]
        } else {
            schemata = try object.strings("schemata") ?? []
        }
        l3CacheSchema = try object.string("l3CacheSchema").flatMap { $0.isEmpty ? nil : $0 }
        memoryBandwidthSchema = try object.string("memBwSchema").flatMap { $0.isEmpty ? nil : $0 }
        let cache = try object.bool("enableCMT") ?? false, bandwidth = try object.bool("enableMBM") ?? false
        enableMonitoring = try object.bool("enableMonitoring") ?? false || cache || bandwidth
    }
}

/// From which nodes memory comes (config-linux.md, "Memory policy"; `set_mempolicy(2)`).
public struct RuntimeMemoryPolicy: Sendable {
    /// `MPOL_BIND` and so on.
    public var mode: String
    /// A list such as `0-3,7`.
    public var nodes: String
    /// `MPOL_F_STATIC_NODES` and so on.
    public var flags: [String]

    init(_ object: JSONObject) throws(JSONError) {
        mode = try object.required("mode", object.string("mode"))
        nodes = try object.string("nodes") ?? ""
        flags = try object.strings("flags") ?? []
    }
}
