import Archive
import OCI

/// The chain IDs of a stack of layers, base first: each names a layer together with all below it (image-spec
/// `config.md`, "Layer ChainID").
func chainIDs(_ diffIDs: [Digest]) -> [Digest] {
    var result = [Digest]()
    for diffID in diffIDs {
        guard let below = result.last else {
            result.append(diffID)
            continue
        }
        result.append(Digest(of: Array("\(below) \(diffID)".utf8)))
    }
    return result
}
