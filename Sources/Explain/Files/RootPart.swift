/// What the process sees as "/".
public struct RootPart: Sendable {
    /// The kind of file system.
    public var type: String
    /// What it was mounted from.
    public var source: String
    public var isReadOnly: Bool
    /// Whether a crash may lose its writes (overlay's `volatile`).
    public var isVolatile: Bool
    /// Read-only layers, the uppermost first; none for a file system that is no overlay.
    public var layers: [Layer]
    /// What the container has written.
    public var upper: Layer?

    /// A directory of an overlay.
    public struct Layer: Sendable {
        /// Where it is on the host; nil when neither the kernel nor a record tells.
        public var path: String?
        /// The kernel was given an open directory and knows no path: this one is from the engine's records.
        public var isFromRecord: Bool
        /// Bytes on disk; nil when it cannot be read.
        public var bytes: Int64?
        /// Files, directories and the rest.
        public var entries: Int
        /// It has more than was counted.
        public var isCutShort: Bool
        /// Other containers that have it.
        public var sharedWith: [String]
    }
}

/// What the engine whose container it is can add to what the kernel says.
public struct ExplainHints: Sendable {
    /// The names of containers by their ids.
    public var names: [String: String] = [:]
    /// The layers' directories, the uppermost first.
    public var layers: [String] = []
    /// For a layer's directory the containers that run on it.
    public var layerUsers: [String: [String]] = [:]
    /// Tables of nf_tables whose maps publish ports.
    public var tables: [String] = []

    /// Nothing to add.
    public init() {}
}
