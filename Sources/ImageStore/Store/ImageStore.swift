import LinuxKernel

/// Images on disk: an OCI image layout (blobs and an index that other tools can read) with each layer unpacked once
/// beside it, shared by all images that have it. Any number of processes may work on one store at the same time, and
/// any of them may die at any moment.
///
///     oci-layout  index.json  blobs/sha256/HEX     the OCI layout; every name an image has is in the index
///     built.json                                   the images with a layer that was built here and is no blob
///     layers/KEY/diff  layers/KEY/layer.json       a layer's tree in overlayfs's form, and what is known of it
///     layers/KEY/tar                               of a built layer: the headers from which its tar streams
///     images/MANIFEST.json                         all that starting a container needs, in one file
///     leases/HOLDER                                layers that somebody uses, whatever becomes of their image
///     tmp/NAME.lock  tmp/NAME/                     work that is under way: alive as long as the lock is held
///     locks/index                                  shared to rely on something, exclusive to change or free it
public struct ImageStore: Sendable {
    let root: StoreRoot

    /// Opens the store at a directory, making it when it is missing. Takes two system calls when it is there.
    ///
    /// - Throws: ``ImageStoreError`` when the directory cannot be made or opened.
    public init(root path: String) throws(ImageStoreError) {
        do throws(Errno) {
            root = try StoreRoot(path)
        } catch {
            throw .system(error, "open", "the image store \(path)")
        }
    }

    /// Absolute path of the store.
    public var path: String { root.path }
}

/// The store's directory, open.
final class StoreRoot: Sendable {
    let descriptor: FileDescriptor
    let path: String

    var number: Int32 { descriptor.rawValue }

    init(_ given: String) throws(Errno) {
        let opened: FileDescriptor
        do throws(Errno) { opened = try Files.open(given, [.readOnly, .directory]) } catch {
            guard error == .noSuchFile else { throw error }
            try Files.makeDirectories(given, mode: 0o700)
            opened = try Files.open(given, [.readOnly, .directory])
        }
        let absolute = given.hasPrefix("/") ? given : try Files.readLink(opened.procPath).description
        // The file that says what this is comes last, so where it stands everything else does.
        if !Files.exists(at: opened.rawValue, "oci-layout") { try Self.make(opened.rawValue) }
        descriptor = opened
        path = absolute
    }

    private static func make(_ root: Int32) throws(Errno) {
        for name in ["locks", "tmp", "blobs", "blobs/sha256", "blobs/sha512", "layers", "images", "leases"] {
            // Only root goes in: layers hold set-id programs and device nodes.
            do throws(Errno) { try Files.makeDirectory(at: root, name, mode: 0o700) } catch {
                guard error == .fileExists else { throw error }
            }
        }
        let lock = try FileLock(at: root, StoreName.indexLock)
        if !Files.exists(at: root, StoreName.index) {
            try Files.replace(at: root, StoreName.index, with: Array(StoreName.emptyIndex.utf8))
        }
        try Files.replace(at: root, "oci-layout", with: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        lock.hold()
    }
}

/// Names inside the store.
enum StoreName {
    static let index = "index.json"
    static let built = "built.json"
    static let indexLock = "locks/index"
    static let emptyIndex =
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
}
