import LinuxKernel
import OCI

/// A file that names layers somebody uses.
enum Lease {
    static func isName(_ holder: String) -> Bool {
        let bytes = holder.utf8
        guard let first = bytes.first, bytes.count <= 200, isWord(first) else { return false }
        return bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
            && !holder.hasSuffix(".tmp")
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// The keys of the layers a lease names; one per line.
    static func read(at directory: Int32, _ name: some PathConvertible) throws(Errno) -> [String] {
        try Files.read(at: directory, name).split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension ImageStore {
    /// Declares that `holder` (a container's ID) uses the image's layers: they stay on disk until ``release(holder:)``,
    /// whatever becomes of the image. A second lease of the same holder replaces the first.
    ///
    /// - Throws: ``ImageStoreError``, kind `noSuchImage` when the image was removed since it was resolved.
    public func lease(layersOf image: StoredImage, holder: String) throws(ImageStoreError) {
        try lease(keys: image.layers.map(\.key), holder: holder, missing: image.id.short)
    }

    func lease(keys: [String], holder: String, missing: String) throws(ImageStoreError) {
        guard Lease.isName(holder) else {
            throw ImageStoreError(
                .invalidName, operation: "lease layers to", object: "\"\(printable(holder))\"",
                cause: "it is no valid ID")
        }
        do throws(Errno) {
            // Shared against collections: between the look and the lease nothing is freed.
            let lock = try FileLock(at: root.number, StoreName.indexLock, shared: true)
            defer { lock.hold() }
            for key in keys {
                guard Files.exists(at: root.number, "layers/\(key)") else { throw .noSuchFile }
            }
            let text = keys.map { "\($0)\n" }.joined()
            try Files.replace(at: root.number, "leases/\(holder)", with: Array(text.utf8), mode: 0o600)
        } catch {
            if error == .noSuchFile { throw .noSuchImage(missing) }
            throw .system(error, "lease layers to", holder)
        }
    }

    /// Ends a lease. Layers that nothing else needs are freed by the next removal of an image, or by ``collect()``. A
    /// holder that has no lease is fine.
    public func release(holder: String) throws(ImageStoreError) {
        guard Lease.isName(holder) else { return }
        do throws(Errno) { try Files.unlink(at: root.number, "leases/\(holder)") } catch {
            guard error == .noSuchFile else { throw .system(error, "release the layers of", holder) }
        }
    }

    /// Everybody who holds a lease, in no order: to end those of containers that are no more.
    public func leaseHolders() throws(ImageStoreError) -> [String] {
        do throws(Errno) {
            let directory = try Files.open(at: root.number, "leases", [.readOnly, .directory])
            return try directory.directoryEntries().map(\.name.description).filter(Lease.isName)
        } catch {
            throw .system(error, "read", "\(root.path)/leases")
        }
    }

    /// Frees what nothing needs: what was left by processes that died, and layers whose last lease has ended.
    public func collect() throws(ImageStoreError) {
        let transaction = try Transaction(root)
        do throws(Errno) { _ = try Collection(root).run(transaction) } catch {
            throw .system(error, "clean up", root.path)
        }
    }
}
