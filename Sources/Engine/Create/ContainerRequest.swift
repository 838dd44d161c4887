import ContainerNetwork

/// What a user asks for with `run` or `create`; nil and empty mean "as the image says" or the default.
public struct ContainerRequest: Sendable {
    /// A bind, volume or tmpfs as written on the command line.
    public struct Mount: Sendable {
        /// What was asked for.
        public enum Source: Sendable, Equatable {
            /// An absolute path on the host; `-v` makes a missing directory, `--mount` does not.
            case path(String, makesMissing: Bool)
            /// A named volume, or with nil an anonymous one.
            case volume(String?)
            case tmpfs
        }

        public var source: Source
        public var destination: String
        public var isReadOnly: Bool
        public var propagation: String?
        public var isRecursive = true
        /// Whether an empty volume starts with the image's content.
        public var copiesContent = true
        /// tmpfs options.
        public var options: [String] = []
        /// A mount.
        public init(source: Source, destination: String, isReadOnly: Bool = false, propagation: String? = nil) {
            self.source = source
            self.destination = destination
            self.isReadOnly = isReadOnly
            self.propagation = propagation
        }
    }

    public var image: String
    public var arguments: [String] = []
    /// Empty string as the only element resets the image's entrypoint.
    public var entrypoint: [String]?
    public var name: String?
    /// `K=V`; the image's come first.
    public var environment: [String] = []
    public var workingDirectory: String?
    public var user: String?
    public var groupAdd: [String] = []
    public var terminal = false
    public var interactive = false
    public var usesInit = false
    public var autoRemove = false
    public var readOnlyRoot = false
    public var hostname: String?
    public var domainname: String?
    public var labels: [String: String] = [:]
    public var mounts: [Mount] = []
    public var limits = ContainerLimits()
    public var capabilitiesAdded: [String] = []
    public var capabilitiesDropped: [String] = []
    public var noNewPrivileges = false
    public var seccomp = ContainerSecurity.Seccomp.standard
    public var usesHostUsers = false
    /// `bridge` or another network's name, `none`, `host`, or `container:NAME`.
    public var network = "bridge"
    /// The networks and the names.
    public var networking = ContainerNetworking()
    public var ports: [PortRequest] = []
    /// Publish every exposed port on a random one.
    public var publishesAll = false
    /// `80/tcp` each, beside the image's.
    public var exposed: [String] = []
    public var extraHosts: [String] = []
    public var dns: [String] = []
    public var ulimits: [ContainerRecord.Ulimit] = []
    public var sysctls: [String: String] = [:]
    public var shmSize: Int64?
    public var oomScoreAdjustment: Int?
    public var stopSignal: String?
    public var stopTimeout: Int?
    public var restart = RestartPolicy()
    public var health = HealthRequest()
    /// Whether standard input ends with the first client that has it.
    public var closesInput = false
    public var extras = ContainerExtras()
    /// Containers whose mounts this one has as well, and whether they are read-only.
    public var volumesFrom: [(container: String, isReadOnly: Bool?)] = []
    /// Whether the container is kept although nobody starts it yet (`create`).
    public var isKept = false

    /// A request to run an image as it is.
    public init(image: String) { self.image = image }
}
