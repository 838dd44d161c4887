import LinuxKernel
import OCI

/// A blob that is being received: `partial/ALGORITHM-HEX`, locked by whoever receives it. It outlives its receiver, so
/// that the next one goes on where the last one was stopped.
public final class PartialBlob: Sendable {
    /// What it is to become.
    public let descriptor: Descriptor
    /// Bytes that an earlier attempt has left.
    public let offset: Int64
    /// Relative to the store.
    let path: String
    let file: SharedDescriptor
    private let root: StoreRoot

    private init(_ descriptor: Descriptor, _ path: String, _ file: SharedDescriptor, _ offset: Int64, _ root: StoreRoot)
    {
        self.descriptor = descriptor
        self.path = path
        self.file = file
        self.offset = offset
        self.root = root
    }

    /// Where the rests of interrupted downloads are, relative to the store.
    static let directory = "partial"

    /// Opens and locks it, waiting for somebody who receives the same blob.
    ///
    /// - Returns: nil when that one has made it complete.
    static func open(_ descriptor: Descriptor, _ root: StoreRoot) throws(Errno) -> PartialBlob? {
        let digest = descriptor.digest
        let path = "\(directory)/\(digest.algorithm.rawValue)-\(digest.hex)"
        while true {
            if Files.exists(at: root.number, blobPath(digest)) { return nil }
            let file = try openFile(path, root)
            try file.lock()
            // The one before may have renamed or removed the file while this one waited for it.
            guard let present = try? Files.status(at: root.number, path), present.inode == (try file.status().inode)
            else { continue }
            var offset = present.size
            if offset > descriptor.size {
                try file.setSize(0)
                offset = 0
            }
            return PartialBlob(descriptor, path, SharedDescriptor(file), offset, root)
        }
    }

    private static func openFile(_ path: String, _ root: StoreRoot) throws(Errno) -> FileDescriptor {
        let flags: OpenFlags = [.readWrite, .create, .noFollow]
        do throws(Errno) { return try Files.open(at: root.number, path, flags, mode: 0o600) } catch {
            guard error == .noSuchFile else { throw error }
            do throws(Errno) { try Files.makeDirectory(at: root.number, directory, mode: 0o700) } catch {
                guard error == .fileExists else { throw error }
            }
            return try Files.open(at: root.number, path, flags, mode: 0o600)
        }
    }

    /// Gives up what is there: it is not what it should become, or its space is needed.
    public func discard() { try? Files.unlink(at: root.number, path) }

    /// Gives up a file that nothing has come into.
    func discardIfEmpty() {
        if let status = try? Files.status(at: root.number, path), status.size == 0 { discard() }
    }
}

extension ImageStore {
    /// Removes the rests of downloads that nobody is working on and nobody has touched for `age` seconds.
    ///
    /// - Returns: the bytes that were freed.
    @discardableResult
    public func removePartialBlobs(olderThan age: Int64 = 0) throws(ImageStoreError) -> Int64 {
        do throws(Errno) {
            guard Files.exists(at: root.number, PartialBlob.directory) else { return 0 }
            let directory = try Files.open(at: root.number, PartialBlob.directory, [.readOnly, .directory])
            let now = WallClock.seconds()
            var freed: Int64 = 0
            for entry in try directory.directoryEntries() {
                let name = entry.name.description
                guard let status = try? Files.status(at: directory.rawValue, name),
                    now - status.modificationSeconds >= age,
                    let lock = try FileLock.attempt(at: directory.rawValue, name)
                else { continue }
                defer { lock.hold() }
                do throws(Errno) { try Files.unlink(at: directory.rawValue, name) } catch {
                    guard error == .noSuchFile else { throw error }
                }
                freed += status.size
            }
            return freed
        } catch {
            throw .system(error, "remove", "the rests of downloads in \(root.path)")
        }
    }
}
