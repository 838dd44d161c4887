import LinuxKernel
import OCI

extension StoreWork {
    /// A layer that was built here, by its name in the store; it stays until this object ends.
    ///
    /// - Returns: nil when it is gone, or came from an archive and has no tar of its own.
    public func layer(key: String) throws(ImageStoreError) -> StoreLayer? {
        guard !key.utf8.contains(UInt8(ascii: "/")), key.utf8.first != UInt8(ascii: ".") else { return nil }
        let isThere = try converting("rely on", "layer \(key)") { () throws(Errno) in
            try transaction.pin(.layer(key: key))
        }
        guard isThere else { return nil }
        let record = try store.readLayerRecord(key)
        guard let size = record.tarSize else { return nil }
        return StoreLayer(
            AppliedLayer(key: key, record: record),
            descriptor: Descriptor(mediaType: MediaType.ociLayer, digest: record.diffID, size: size), root: store.root)
    }
}
