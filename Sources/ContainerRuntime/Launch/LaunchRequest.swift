import ControlGroups
import LinuxKernel
import OCI

/// Where a container's root file system comes from.
public enum RootSource: Sendable {
    /// A directory as it is (an OCI bundle's `root.path`, absolute).
    case directory(String)
    /// An overlay of layers and a writable directory of the container's own.
    case overlay(OverlayRoot)
}

/// The parts of an overlay root.
public struct OverlayRoot: Sendable {
    /// A read-only layer's directory and the host id at which its id 0 is stored.
    public struct Layer: Sendable {
        public var path: String
        public var idBase: UInt32
        /// A layer.
        public init(path: String, idBase: UInt32) {
            self.path = path
            self.idBase = idBase
        }
    }

    /// Bottom first.
    public var layers: [Layer]
    /// Holds the container's changes, stored in the ids of its own range.
    public var upperDirectory: String
    /// Empty, on the same file system as the upper directory.
    public var workDirectory: String
    /// Whether the kernel may forget to write changes out (`volatile`): for containers whose files nobody keeps.
    public var volatile: Bool

    /// An overlay.
    public init(layers: [Layer], upperDirectory: String, workDirectory: String, volatile: Bool) {
        self.layers = layers
        self.upperDirectory = upperDirectory
        self.workDirectory = workDirectory
        self.volatile = volatile
    }
}

/// Everything a container start needs, decided beforehand.
public struct LaunchRequest: Sendable {
    /// The container's id, for messages and the session keyring's name.
    public var id: String
    /// What the specification's `config.json` says.
    public var configuration: RuntimeConfiguration
    public var root: RootSource
    /// The bundle's directory, which hooks are told and work in; empty without one.
    public var bundle = ""
    /// Docker's `USER[:GROUP]`, looked up in the container's own files; replaces `process.user`.
    public var userSpecification: String?
    /// Further groups, names or numbers, looked up in the container's own files.
    public var additionalGroups: [String] = []
    /// Makes the working directory when the image has none.
    public var makeWorkingDirectory = false
    /// Numbers of bind mounts (in `configuration.mounts`) whose ids are to be shown through a map in which the
    /// source directory's owner is the container's user: what the container writes belongs to that owner.
    public var ownerMappedMounts: Set<Int> = []
    /// The group that the first process joins; nil leaves it where the launching process is.
    public var controlGroup: ControlGroup?
    /// What keeps the group until the first process is in it.
    public var groupPlaceholder: GroupPlaceholder?
    /// Descriptor numbers that become 0, 1 and 2. Ignored with a terminal.
    public var standardStreams: (input: Int32, output: Int32, error: Int32) = (0, 1, 2)
    /// Chown the streams to the process's user, so that `/dev/stdout` can be opened again. Only for pipes of ours.
    public var ownsStreams = false
    /// Kill the container when the launching process dies.
    public var diesWithParent = false
    /// Keep process 1 as a small init of ours that runs the program as its child and reaps orphans.
    public var usesInit = false
    /// Descriptors 3 up to this many more stay open in the program (`--preserve-fds`).
    public var preservedDescriptors = 0
    /// Start without a session keyring of its own.
    public var keepsKeyring = false
    /// Directory for compiled seccomp filters; nil compiles each time.
    public var seccompCacheDirectory: String?
    /// Through which the program is executed, where ours must not be seen inside.
    public var executionStub: ExecutionStub?
    /// A listening socket on which the first process waits for `start` instead of for its parent (`create`).
    public var startListener: Int32?
    /// Leave the old root reachable by `chroot` instead of `pivot_root` (`--no-pivot`).
    public var noPivot = false

    /// A request with everything else at its default.
    public init(id: String, configuration: RuntimeConfiguration, root: RootSource) {
        self.id = id
        self.configuration = configuration
        self.root = root
    }
}
