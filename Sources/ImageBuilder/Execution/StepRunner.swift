import ImageStore

/// Runs programs over layers; the engine does.
public protocol StepRunner: Sendable {
    /// Runs a step's program to its end in a container of its own. Called in a process of the step's own.
    ///
    /// - Parameter output: gets what the program writes; true for its standard error.
    /// - Returns: how it ended, and where its changes are.
    /// - Throws: ``BuildError`` when it could not be started.
    func run(_ request: StepRequest, output: (Bool, [UInt8]) -> Void) throws(BuildError) -> StepOutcome

    /// Clears away what a step has left, its upper directory too where it is still there.
    func finish(_ outcome: StepOutcome)
}

/// What is to be run.
public struct StepRequest: Sendable {
    public var arguments: [String]
    public var environment: [String]
    public var workingDirectory: String
    public var user: String
    /// Bottom first.
    public var layers: [LayerDirectory]
    public var mounts: [StepMount]
    /// `default`, `none` or `host`.
    public var network: String
    public var isInsecure: Bool
    public var extraHosts: [String]
    public var options: StepOptions
}

/// What a user gave for all RUN steps.
public struct StepOptions: Sendable {
    /// `NAME=SOFT[:HARD]`, read already.
    public var limits: [(name: String, soft: UInt64, hard: UInt64)] = []
    /// Bytes of `/dev/shm`.
    public var sharedMemory: Int64?
    /// Below which group steps run; nil for the engine's own.
    public var controlGroupParent: String?
    /// Nothing given.
    public init() {}
}

/// A mount of a step with its source on this machine.
public struct StepMount: Sendable {
    public enum Source: Sendable {
        /// A directory or file whose owners count as they are in the image's ids.
        case tree(path: String)
        /// A directory or file of somebody on the host, who is root in the step.
        case host(path: String)
        /// Memory, of at most so many bytes.
        case memory(size: Int64?)
        /// Bytes that never reach a disk.
        case secret(content: [UInt8], mode: UInt32, uid: UInt32, gid: UInt32)
    }

    public var source: Source
    public var destination: String
    public var isReadOnly: Bool
    /// A mount.
    public init(source: Source, destination: String, isReadOnly: Bool) {
        self.source = source
        self.destination = destination
        self.isReadOnly = isReadOnly
    }
}

/// How a step ended.
public struct StepOutcome: Sendable {
    /// The program's exit status.
    public var status: Int32
    /// Its changes, in the image's own ids; what mounts needed is taken out.
    public var upperDirectory: String
    /// What the runner knows it by.
    public var id: String
    /// An outcome.
    public init(status: Int32, upperDirectory: String, id: String) {
        self.status = status
        self.upperDirectory = upperDirectory
        self.id = id
    }
}
