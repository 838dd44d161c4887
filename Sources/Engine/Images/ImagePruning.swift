import ImageStore
import OCI

extension Engine {
    /// Removes images that no container was made from.
    public func pruneImages(_ filter: PruneFilter) throws -> (events: [RemovalEvent], bytes: Int64) {
        let used = Set(try list().map(\.record.imageID))
        return try images.prune(filter) { used.contains($0.description) }
    }
}
