import LinuxKernel
import OCI

extension StoreWork {
    /// A layer by its name in the store; it stays until this object ends.
    ///
    /// - Returns: nil when it is gone, or when the blob is that it came from and has no tar of its own.
    public func layer(key: String) throws(ImageStoreError) -> StoreLayer? {
        guard !key.utf8.contains(UInt8(ascii: "/")), key.utf8.first != UInt8(ascii: ".") else { return nil }
        let isThere = try converting("rely on", "layer \(key)") { () throws(Errno) in
            try transaction.pin(.layer(key: key))
        }
        guard isThere else { return nil }
        let record = try store.readLayerRecord(key)
        let descriptor: Descriptor
        if let size = record.tarSize {
            descriptor = Descriptor(mediaType: MediaType.ociLayer, digest: record.diffID, size: size)
        } else if let found = try blob(of: record) {
            descriptor = found
        } else {
            return nil
        }
        return StoreLayer(AppliedLayer(key: key, record: record), descriptor: descriptor, root: store.root)
    }

    /// The blob that a layer was applied from.
    private func blob(of record: LayerRecord) throws(ImageStoreError) -> Descriptor? {
        let root = store.root
        return try converting("rely on", "the blob \(record.blob.short)") { () throws(Errno) in
            guard try transaction.pin(.blob(record.blob)) else { return nil }
            let file = try Files.open(at: root.number, blobPath(record.blob), .readOnly)
            let head = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 4)
            defer { head.deallocate() }
            let count = try file.read(into: head)
            let type =
                switch head.prefix(count) {
                case let bytes where bytes.starts(with: [0x1F, 0x8B]): MediaType.ociLayerGzip
                case let bytes where bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]): MediaType.ociLayerZstd
                default: MediaType.ociLayer
                }
            return Descriptor(mediaType: type, digest: record.blob, size: try file.status().size)
        }
    }
}
