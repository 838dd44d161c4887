import ContainerNetwork
import Glibc
import ImageStore
import LinuxKernel

/// One engine: everything below one root. A value without state of its own; what it knows is in files and in the kernel.
public struct Engine: Sendable {
    public let roots: EngineRoots
    public let containers: ContainerRegistry
    public let networks: NetworkEngine
    public let volumes: VolumeStore
    public let images: ImageStore
    let settings: EngineSettings

    /// Whether every container gets an init that reaps (setting `init`).
    public var usesInitByDefault: Bool { settings.usesInit }

    /// Opens the engine at a root (nil: the default one), making what is missing.
    public init(root: String?) throws(EngineError) {
        roots = try EngineRoots(root: root)
        guard geteuid() == 0 else {
            throw EngineError(
                "berth needs root here: run it with sudo (rootless containers are not supported yet)", exitCode: 125)
        }
        try roots.prepare()
        containers = ContainerRegistry(roots: roots)
        do throws(ImageStoreError) { images = try ImageStore(root: roots.state + "/images") } catch {
            throw EngineError("\(error)", exitCode: 125)
        }
        settings = try EngineSettings.read(roots)
        volumes = VolumeStore(path: roots.volumes)
        networks = NetworkEngine(
            stateRoot: roots.state + "/network", runRoot: roots.run + "/network", instance: roots.instance,
            machineRoot: EngineRoots.machineClaims, settings: settings.networks)
    }
}
