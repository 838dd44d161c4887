/// What makes a process a container, as the kernel has it.
public struct Explanation: Sendable {
    public var process: ProcessPart
    public var namespaces: [NamespacePart]
    public var users: UserPart
    public var groups: [GroupPart]
    /// Nil when the process may not be looked at that closely.
    public var root: RootPart?
    public var mounts: [MountEntry]
    public var network: NetworkPart
    public var security: SecurityPart
    /// What a container was asked to be and is not.
    public var differences: [Difference] = []
    /// The container's name, where it has one.
    public var name: String?

    /// Something that is not as it was asked for.
    public struct Difference: Sendable, Equatable {
        /// What: "memory".
        public var what: String
        public var asked: String
        public var found: String

        /// A difference.
        public init(_ what: String, asked: String, found: String) {
            self.what = what
            self.asked = asked
            self.found = found
        }
    }
}
