import ImageBuilder
import ImageStore
import LinuxKernel

/// What the build cache takes on disk. A layer that an image has counts as the image's.
public struct BuildCacheUsage: Sendable {
    /// Steps and sources that are remembered.
    public private(set) var count = 0
    /// Those whose layers images have.
    public private(set) var active = 0
    /// Bytes of layers that only the cache keeps.
    public private(set) var layerSize: Int64 = 0
    /// Bytes of everything else: cache mounts, remembered contexts, fetched sources.
    public private(set) var otherSize: Int64 = 0

    /// All of it; removing the cache would free as much.
    public var size: Int64 { layerSize + otherSize }

    init(_ engine: Engine, _ store: StoreUsage) throws {
        // Looking makes no cache.
        guard Files.exists(engine.buildCachePath) else { return }
        let cache = try BuildCache(path: engine.buildCachePath, store: engine.images)
        var ofImages = Set<String>()
        for image in try engine.images.images() {
            ofImages.formUnion(engine.images.layerDirectories(of: image).map(\.key))
        }
        var counted = Set<String>()
        for entry in try cache.usage() {
            count += 1
            if ofImages.contains(entry.record.layer) {
                active += 1
            } else if counted.insert(entry.record.layer).inserted {
                layerSize += store.layers[entry.record.layer] ?? 0
            }
        }
        for source in try cache.sources() {
            count += 1
            otherSize += source.size
        }
    }
}
