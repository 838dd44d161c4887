import Glibc
import LinuxKernel
import OCI
import Synchronization

/// Work on the store that is under way: a directory for what is not finished, and the list of what the work relies on.
/// It is alive as long as its lock is held, which the kernel ends with the process. Ended or abandoned, it leaves
/// nothing: see ``sweep(_:)``. Several threads may work on one.
final class Transaction: Sendable {
    let root: StoreRoot
    /// `tmp/NAME`, relative to the store.
    let directory: String
    private let lock: LockBox
    private let count = Atomic(0)

    /// Optional noncopyable values cannot be borrowed out of a class.
    private final class LockBox: Sendable {
        let lock: FileLock
        init(_ lock: consuming FileLock) { self.lock = lock }
    }

    /// Begins, and clears away what dead ones have left.
    init(_ root: StoreRoot) throws(ImageStoreError) {
        self.root = root
        do throws(Errno) {
            while true {
                var random = SystemRandomNumberGenerator()
                let name = "\(getpid())-\(String(random.next() as UInt64, radix: 36))"
                let lock = try FileLock(at: root.number, "tmp/\(name).lock")
                // A sweep may have taken the lock, found nothing, and removed the file before it was locked here.
                guard Files.exists(at: root.number, "tmp/\(name).lock") else { continue }
                try Files.makeDirectory(at: root.number, "tmp/\(name)", mode: 0o700)
                directory = "tmp/\(name)"
                self.lock = LockBox(lock)
                break
            }
            // A dead one may also have left blobs and layers that nobody needs.
            if try Self.sweep(root) { _ = try Collection(root).run(self) }
        } catch {
            throw .system(error, "write to", "the image store \(root.path)")
        }
    }

    deinit {
        // The lock file goes last and still locked: until then a sweep would have to do this work again.
        try? Files.removeTree(at: root.number, directory)
        try? Files.unlink(at: root.number, "\(directory).lock")
    }

    /// Gives up: what was put among blobs and layers on the way is freed, unless somebody else needs it by now.
    func abandon() {
        try? Files.unlink(at: root.number, "\(directory)/pins")
        _ = try? Collection(root).run(self)
    }

    /// Says that the transaction is wanted up to here: without a use, its last one would end it.
    func hold() {}

    /// A name in the transaction's directory that was not used yet, relative to the store.
    func newName(_ kind: String) -> String {
        "\(directory)/\(kind)\(count.add(1, ordering: .relaxed).newValue)"
    }

    /// Makes a file of the transaction's own.
    func makeFile(_ name: String) throws(Errno) -> FileDescriptor {
        try Files.open(at: root.number, name, [.writeOnly, .create, .exclusive], mode: 0o600)
    }

    /// Declares that the work relies on something, which no collection then frees, and says whether it is there. To be
    /// called before relying on it and before making it.
    func pin(_ thing: Pin) throws(Errno) -> Bool {
        // Shared against collections, which hold the lock exclusively from looking at pins to freeing.
        let lock = try FileLock(at: root.number, StoreName.indexLock, shared: true)
        defer { lock.hold() }
        let pins = try Files.open(at: root.number, "\(directory)/pins", [.writeOnly, .create, .append], mode: 0o600)
        try pins.writeAll(Array("\(thing.path)\n".utf8))
        return Files.exists(at: root.number, thing.path)
    }

    /// Removes what dead transactions have left.
    ///
    /// - Returns: whether there were any: then blobs and layers nobody needs may be there too.
    static func sweep(_ root: StoreRoot) throws(Errno) -> Bool {
        let directory = try Files.open(at: root.number, "tmp", [.readOnly, .directory])
        var stems = Set<String>()
        for entry in try directory.directoryEntries() {
            let name = entry.name.description
            stems.insert(name.hasSuffix(".lock") ? String(name.dropLast(5)) : name)
        }
        var found = false
        for stem in stems {
            // Who gets the lock knows that its owner is dead or that there is none.
            guard let lock = try FileLock.attempt(at: directory.rawValue, "\(stem).lock") else { continue }
            defer { lock.hold() }
            try Files.removeTree(at: directory.rawValue, stem)
            // Another sweep may have done all of this between the lock file's opening and its locking.
            do throws(Errno) { try Files.unlink(at: directory.rawValue, "\(stem).lock") } catch {
                guard error == .noSuchFile else { throw error }
            }
            found = true
        }
        return found
    }
}

/// Something in the store that work relies on.
enum Pin {
    case blob(Digest)
    case layer(key: String)

    /// Where it is, relative to the store.
    var path: String {
        switch self {
        case .blob(let digest): blobPath(digest)
        case .layer(let key): "layers/\(key)"
        }
    }
}

/// Where a blob is, relative to the store.
func blobPath(_ digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

extension FileLock {
    /// Says that the lock is held up to here: for `defer`, where a value that is only kept would count as unused.
    func hold() {}
}
