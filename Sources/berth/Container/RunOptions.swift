import CommandLine
import ContainerNetwork
import Engine

/// What `run` was asked for. nil and empty mean "as the image says", or the engine's default.
struct RunOptions: Sendable {
    var image: String
    var pull = PullPolicy.missing
    /// What a pull says is left out.
    var pullsQuietly = false
    /// The program's arguments behind the image.
    var arguments: [String] = []
    /// nil leaves the image's; an empty text takes it away.
    var entrypoint: String?
    var detach = false
    var interactive = false
    var terminal = false
    var removesItself = false
    var usesInit = false
    /// "NAME=VALUE" each: files first, then `-e`, so that a later one counts.
    var environment: [String] = []
    var workingDirectory: String?
    var user: String?
    var groups: [String] = []
    var stopSignal: String?
    /// Seconds; -1 waits for ever.
    var stopTimeout: Int64?
    var restart = RestartPolicy()
    var health = HealthRequest()
    var attach = AttachOptions()
    var extras = ContainerExtras()
    var volumesFrom: [String] = []

    var name: String?
    var hostName: String?
    var domainName: String?
    /// Later values of a name replace earlier ones.
    var labels: [(name: String, value: String)] = []
    var containerIDFile: String?

    var mounts: [MountRequest] = []
    var isReadOnly = false
    /// Bytes.
    var sharedMemorySize: Int64?

    var limits = LimitOptions()
    var resourceBounds: [ResourceBound] = []
    var outOfMemoryScore: Int64?

    /// The first network, "none", "host" or "container:NAME".
    var network = "bridge"
    var networking = ContainerNetworkingOptions()
    var ports: [PortRequest] = []
    var publishesAll = false
    /// "80/tcp" each.
    var exposed: [String] = []
    /// "name:address" each.
    var hosts: [String] = []
    var nameServers: [String] = []

    var capabilitiesAdded: [String] = []
    var capabilitiesDropped: [String] = []
    var security = SecurityOptions()
    /// The text of the seccomp profile that ``security`` names a file for.
    var seccompProfile: [UInt8]?
    var kernelSettings: [(key: String, value: String)] = []
    /// Whether root in the container is root on the host (`--userns=host`).
    var usesHostUsers = false
}

/// Limits of memory, processors and processes.
struct LimitOptions: Sendable, Equatable {
    /// Bytes; 0 was given as "no limit".
    var memory: Int64?
    /// Bytes of memory and swap together; -1 is unlimited.
    var memorySwap: Int64?
    var memoryReservation: Int64?
    /// Billionths of a processor.
    var nanoProcessors: Int64?
    var cpuShares: Int64?
    /// Microseconds.
    var cpuQuota: Int64?
    var cpuPeriod: Int64?
    var processors: String?
    var memoryNodes: String?
    /// -1 is unlimited.
    var processes: Int64?
}
