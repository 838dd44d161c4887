import ImageStore
import JSON
import LinuxKernel
import OCI

/// What everything of an engine takes on disk.
public struct EngineUsage: Sendable {
    /// One container.
    public struct Container: Sendable {
        public let record: ContainerRecord
        public let state: ContainerState
        /// Its changes, its log and its records.
        public let size: Int64
    }

    /// One volume.
    public struct Volume: Sendable {
        public let name: String
        public let size: Int64
        /// How many containers mount it.
        public let users: Int
    }

    public let store: StoreUsage
    public let images: [ImageUsage]
    public let containers: [Container]
    public let volumes: [Volume]
    public let builds: BuildCacheUsage

    /// What images take: without what only the build cache keeps.
    public var imageSize: Int64 { max(0, store.total - builds.layerSize) }

    /// Whether a container was made from an image.
    public func isUsed(_ image: ImageUsage) -> Bool { users(image) > 0 }

    /// How many containers were made from an image.
    public func users(_ image: ImageUsage) -> Int {
        containers.filter { $0.record.imageID == image.image.id.description }.count
    }

    /// What removing all images that no container uses would free, and the rests of interrupted downloads.
    public var reclaimableImages: Int64 { store.partial + unusedImages }

    private var unusedImages: Int64 {
        let used = images.filter(isUsed)
        let kept = Set(used.map(\.image.id))
        if kept.isEmpty { return images.isEmpty ? 0 : max(0, contentSize - builds.layerSize) }
        return max(0, contentSize - builds.layerSize - used.reduce(0) { $0 + $1.unique } - sharedOfUsed)
    }

    /// All layers and blobs.
    private var contentSize: Int64 { store.layers.values.reduce(0, +) + store.blobs.values.reduce(0, +) }

    /// What used images share among each other or with others, each part once.
    private var sharedOfUsed: Int64 {
        // Sizes of parts are per image; the largest is a lower bound that two images of one base reach exactly.
        images.filter(isUsed).map(\.shared).max() ?? 0
    }
}

extension Engine {
    /// Measures everything, as `du` counts.
    public func usage() throws -> EngineUsage {
        let store = try images.usage()
        let entries = try list()
        var measured = [EngineUsage.Container]()
        for (record, state) in entries {
            var usage = PathUsage()
            try? usage.add(roots.container(record.id))
            measured.append(.init(record: record, state: state, size: usage.bytes))
        }
        var volumes = [EngineUsage.Volume]()
        for name in ContainerRegistry.entries(roots.volumes).sorted() where VolumeStore.isValid(name) {
            var usage = PathUsage()
            try? usage.add("\(roots.volumes)/\(name)")
            let users = entries.filter { $0.record.mounts.contains { $0.kind == .volume && $0.name == name } }.count
            volumes.append(.init(name: name, size: usage.bytes, users: users))
        }
        return EngineUsage(
            store: store, images: try images.imageUsage(store), containers: measured, volumes: volumes,
            builds: try BuildCacheUsage(self, store))
    }

    /// Verifies what is stored; each part of the engine has a checker of its own.
    public func check(repair: Bool) throws -> CheckReport {
        var report = CheckReport()
        for checker in checkers { report.add(try checker(repair)) }
        return report
    }

    private var checkers: [(Bool) throws -> CheckReport] { [images.check(repair:), checkContainers(repair:)] }
}

extension Engine {
    /// Bytes on disk of a container's own files, and together with its layers.
    public func sizes(of record: ContainerRecord) -> (own: Int64, whole: Int64) {
        var own = PathUsage()
        try? own.add(roots.container(record.id) + "/upper")
        var layers = PathUsage()
        for layer in record.layers { try? layers.add(layer.path) }
        return (own.bytes, own.bytes + layers.bytes)
    }
}

/// A count of blocks on disk by path.
struct PathUsage {
    private var usage = DiskUsage()
    var bytes: Int64 { usage.bytes }
    mutating func add(_ path: String) throws(Errno) { try usage.add(PathBytes(path)) }
}
