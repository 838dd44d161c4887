import Archive
import ImageStore
import LinuxKernel
import OCI

/// What steps work with: store, cache, runner, the context and secrets. The same in the builder and in the processes of
/// its steps, which are copies of it.
public struct BuildEnvironment {
    public var store: ImageStore
    public var cache: BuildCache
    public var runner: any StepRunner
    /// The context's directory; nil for none.
    public var context: String?
    public var ignored: IgnoreRules
    /// `--secret`: content by id.
    public var secrets: [String: [UInt8]] = [:]
    /// `--ssh`: sockets by id.
    public var sockets: [String: String] = [:]
    public var options = StepOptions()
    /// What ADD takes from the net; all of it is fetched before the steps run.
    public var remotes: RemoteSources?
    /// Seconds since 1970 for all new files; nil leaves times as they are.
    public var epoch: Int64?
    /// Clamp the times of all new files to `epoch`, or to 1970.
    public var isReproducible = false
    /// The platform's default of RUN's network.
    public init(
        store: ImageStore, cache: BuildCache, runner: any StepRunner, context: String?, ignored: IgnoreRules
    ) {
        self.store = store
        self.cache = cache
        self.runner = runner
        self.context = context
        self.ignored = ignored
    }

    /// What was fetched for a source of ADD.
    func fetched(_ source: String, _ step: CopyStep) throws(BuildError) -> RemoteSources.Fetched {
        guard let remotes else {
            throw BuildError(operation: "fetch", object: quote(source), cause: "this build reaches no network")
        }
        return try remotes.fetched(source, keepsGitDirectory: step.keepsGitDirectory)
    }

    /// Fetches everything that a plan's steps take from the net.
    public func fetchRemotes(_ plan: BuildPlan) throws(BuildError) {
        guard let remotes else { return }
        for step in plan.stages.flatMap(\.steps) {
            guard case .copy(let copy) = step.kind, copy.isAdd else { continue }
            for source in copy.sources where RemoteSource.isRemote(source) {
                do throws(BuildError) {
                    try remotes.fetch(source, checksum: copy.checksum, keepsGitDirectory: copy.keepsGitDirectory)
                } catch {
                    throw error.placed(at: step.range)
                }
            }
        }
    }

    /// The time for new files where it is fixed.
    var fileTime: FileTime? {
        if let epoch { return FileTime(seconds: epoch) }
        return isReproducible ? FileTime(seconds: 0) : nil
    }
}

/// The layers of a stage at some point.
struct StageLayers: Sendable, Equatable {
    /// The base image's directories, each once.
    var base: [LayerDirectory] = []
    /// Digests of the base image's layers.
    var baseDigests: [Digest] = []
    /// The build's own, bottom first.
    var built: [StoreLayer] = []

    /// What an overlay takes, bottom first: a directory that comes twice counts where it is uppermost.
    var directories: [LayerDirectory] {
        var result = [LayerDirectory]()
        var seen = Set<String>()
        for directory in (base + built.map(\.directory)).reversed() where seen.insert(directory.key).inserted {
            result.append(directory)
        }
        return result.reversed()
    }

    /// What tells one file system from another.
    var digests: [Digest] { baseDigests + built.map(\.diffID) }
}

/// Opens the trees that steps take files from, each once.
final class SourceTrees {
    private let environment: BuildEnvironment
    /// Layers of finished stages, by place in the plan.
    var stages = [Int: StageLayers]()
    private var contexts = [String: SourceTree]()
    private var indexes = [(index: ContentIndex, path: String)]()

    init(_ environment: BuildEnvironment) { self.environment = environment }

    /// The layers of a source that is a stage or an image; nil for directories.
    func layers(_ source: TreeSource) throws(BuildError) -> StageLayers? {
        switch source {
        case .context, .directory: return nil
        case .stage(let place):
            guard let layers = stages[place] else { throw BuildError(cause: "a stage was used before it was built") }
            return layers
        case .image(let image):
            return StageLayers(base: image.layers, baseDigests: image.configuration.diffIDs)
        }
    }

    /// The tree itself.
    func open(_ source: TreeSource) throws(BuildError) -> SourceTree {
        switch source {
        case .context:
            guard let path = environment.context else {
                throw BuildError(
                    operation: "copy from", object: "the context", cause: "the build has none",
                    remedy: "give a directory instead of -")
            }
            return try directory(path, name: "the context", rules: environment.ignored)
        case .directory(let name, let path):
            guard !path.isEmpty else { throw BuildError(cause: "nothing can be copied from scratch: it is empty") }
            return try directory(path, name: "the context \(name)", rules: IgnoreRules())
        case .stage, .image:
            let directories = try layers(source)?.directories ?? []
            guard !directories.isEmpty else {
                throw BuildError(operation: "copy from", object: "a stage", cause: "it holds no files")
            }
            let mount = try LayerMount(layers: directories.map(\.path), upper: nil)
            let name = if case .image(let image) = source { "the image \(harmless(image.name))" } else { "the stage" }
            return SourceTree(mount.root, name: name, isContext: false)
        }
    }

    private func directory(_ path: String, name: String, rules: IgnoreRules) throws(BuildError) -> SourceTree {
        if let known = contexts[name] { return known }
        let root = try converting("open", quote(path)) { () throws(Errno) in
            SharedDescriptor(try Files.open(path, [.readOnly, .directory]))
        }
        let file = "\(environment.cache.path)/contexts/\(Digest(of: Array(path.utf8)).hex)"
        let index = ContentIndex(path: file)
        indexes.append((index, file))
        let tree = SourceTree(root, name: name, rules: rules, isContext: true, index: index)
        contexts[name] = tree
        return tree
    }

    /// Writes what was learnt about contexts.
    func save() {
        for entry in indexes { entry.index.save(to: entry.path) }
    }
}
