import ImageStore
import OCI

/// What a user asks of a build beside its Dockerfile.
public struct BuildRequest: Sendable {
    /// `--build-arg`; the environment's values are filled in already.
    public var arguments: [(name: String, value: String)] = []
    /// `--target`: a stage's name or number.
    public var target: String?
    /// `--platform`; nil means this machine's.
    public var platform: Platform?
    /// `--label`, set after all instructions.
    public var labels: [(name: String, value: String)] = []
    /// `--no-cache`.
    public var ignoresCache = false
    /// `--no-cache-filter`: stages.
    public var uncachedStages: [String] = []
    /// `--build-context`.
    public var contexts: [NamedContext] = []
    /// `--network`: the default of RUN.
    public var network = "default"
    /// `--add-host`.
    public var extraHosts: [String] = []
    /// Nothing asked for.
    public init() {}

    /// The value given to an argument; the last counts.
    func argument(_ name: String) -> String? { arguments.last { $0.name == name }?.value }
}

/// `--build-context NAME=SOURCE`.
public struct NamedContext: Sendable, Equatable {
    /// What it stands for.
    public enum Source: Sendable, Equatable {
        /// A directory on this machine.
        case directory(String)
        /// An image, by name (`docker-image://`).
        case image(String)
    }

    /// In lower case as stages are.
    public var name: String
    public var source: Source
    /// A context.
    public init(name: String, source: Source) {
        self.name = name
        self.source = source
    }
}

/// An image that a stage begins with or copies from.
public struct BaseImage: Sendable, Equatable {
    /// As the Dockerfile has it.
    public var name: String
    public var configuration: ImageConfiguration
    /// Its layers on disk, bottom first, each once.
    public var layers: [LayerDirectory]
    /// The image as the store has it; nil only in tests of plans.
    public var stored: StoredImage?

    /// An image.
    public init(
        name: String, configuration: ImageConfiguration, layers: [LayerDirectory], stored: StoredImage? = nil
    ) {
        self.name = name
        self.configuration = configuration
        self.layers = layers
        self.stored = stored
    }

    public static func == (a: BaseImage, b: BaseImage) -> Bool {
        a.name == b.name && a.configuration == b.configuration && a.layers == b.layers
    }
}

/// Finds images by name; pulls them where it can.
public protocol BaseImageSource {
    /// - Throws: ``BuildError`` when there is none of that name and platform.
    func baseImage(_ name: String, platform: Platform) throws(BuildError) -> BaseImage
}
