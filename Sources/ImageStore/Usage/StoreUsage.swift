import LinuxKernel
import OCI

/// What the store takes on disk, as `du` counts: blocks, each file once however many names it has.
public struct StoreUsage: Sendable {
    /// Everything below the store.
    public var total: Int64 = 0
    /// Each layer with its record, by its key.
    public var layers = [String: Int64]()
    /// Each blob.
    public var blobs = [Digest: Int64]()
    /// Rests of interrupted downloads, which the next pull goes on with and a pruning frees.
    public var partial: Int64 = 0
}

/// What one image takes.
public struct ImageUsage: Sendable {
    /// The image.
    public let image: StoredImage
    /// All it needs: layers and blobs.
    public let size: Int64
    /// The part that other images need too.
    public let shared: Int64
    /// What its removal would free.
    public var unique: Int64 { size - shared }
}

extension ImageStore {
    /// Looks at every file. Others may work meanwhile: what vanishes is not counted.
    public func usage() throws(ImageStoreError) -> StoreUsage {
        var usage = StoreUsage()
        do throws(Errno) {
            var count = DiskUsage()
            for entry in try root.descriptor.directoryEntries()
            where !["layers", "blobs", PartialBlob.directory].contains(entry.name.description) {
                try count.add(at: root.number, entry.name)
            }
            usage.partial = try Self.measured(&count) { (count: inout DiskUsage) throws(Errno) in
                try count.add(at: root.number, PathBytes(PartialBlob.directory))
            }
            for algorithm in Digest.Algorithm.allCases {
                let path = "blobs/\(algorithm.rawValue)"
                for name in try names(path) {
                    let size = try Self.measured(&count) { (count: inout DiskUsage) throws(Errno) in
                        try count.add(at: root.number, PathBytes("\(path)/\(name)"))
                    }
                    if let digest = Digest(algorithm: algorithm, hex: name) { usage.blobs[digest] = size }
                }
                try count.addDirectory(at: root.number, PathBytes(path))
            }
            for key in try names("layers") {
                usage.layers[key] = try Self.measured(&count) { (count: inout DiskUsage) throws(Errno) in
                    try count.add(at: root.number, PathBytes("layers/\(key)"))
                }
            }
            for name in ["layers", "blobs", "."] { try count.addDirectory(at: root.number, PathBytes(name)) }
            usage.total = count.bytes
        } catch {
            throw .system(error, "measure", root.path)
        }
        return usage
    }

    private static func measured(
        _ count: inout DiskUsage, _ body: (inout DiskUsage) throws(Errno) -> Void
    ) throws(Errno) -> Int64 {
        let before = count.bytes
        try body(&count)
        return count.bytes - before
    }

    func names(_ path: String) throws(Errno) -> [String] {
        try Files.open(at: root.number, path, [.readOnly, .directory]).directoryEntries().map(\.name.description)
    }

    /// What each image takes, newest first.
    public func imageUsage(_ usage: StoreUsage) throws(ImageStoreError) -> [ImageUsage] {
        var users = [String: Int]()
        var parts = [(StoredImage, [String: Int64])]()
        for image in try images() {
            guard let manifest = try? manifest(of: image), let record = try? record(image.manifest) else { continue }
            var sizes = [String: Int64]()
            for layer in record.layers { sizes["layers/\(layer.key)"] = usage.layers[layer.key] ?? 0 }
            for digest in [image.manifestDigest, manifest.config.digest] + manifest.layers.map(\.digest) {
                sizes[blobPath(digest)] = usage.blobs[digest] ?? 0
            }
            for part in sizes.keys { users[part, default: 0] += 1 }
            parts.append((image, sizes))
        }
        return parts.map { image, sizes in
            ImageUsage(
                image: image, size: sizes.values.reduce(0, +),
                shared: sizes.filter { users[$0.key, default: 0] > 1 }.values.reduce(0, +))
        }
    }
}

/// Bytes on disk below directories, each inode once.
public struct DiskUsage: Sendable {
    /// What was counted so far.
    public private(set) var bytes: Int64 = 0
    private struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }
    /// Somebody's container may nest directories without end; what lies deeper is not counted.
    private static let maximumDepth = 2500
    /// Only of files with several names: of others there is nothing to remember.
    private var seen = Set<Identity>()

    /// Nothing counted yet.
    public init() {}

    /// Adds a name and everything below it, without following links or crossing into other mounts.
    public mutating func add(at directory: Int32 = WorkingDirectory.rawValue, _ name: PathBytes) throws(Errno) {
        do throws(Errno) {
            let status = try Files.status(at: directory, name)
            try add(at: directory, name, status, device: status.device, depth: 0)
        } catch {
            guard error == .noSuchFile else { throw error }
        }
    }

    /// Adds a directory's own blocks.
    mutating func addDirectory(at directory: Int32, _ name: PathBytes) throws(Errno) {
        bytes += try Files.status(at: directory, name).allocatedSize
    }

    private mutating func add(
        at directory: Int32, _ name: PathBytes, _ status: FileStatus, device: UInt64, depth: Int
    ) throws(Errno) {
        guard status.device == device, depth < Self.maximumDepth else { return }
        if status.linkCount > 1, status.kind != .directory {
            guard seen.insert(Identity(device: status.device, inode: status.inode)).inserted else { return }
        }
        bytes += status.allocatedSize
        guard status.kind == .directory else { return }
        do throws(Errno) {
            let opened = try Files.open(at: directory, name, [.readOnly, .directory, .noFollow])
            for entry in try opened.directoryEntries() {
                do throws(Errno) {
                    try add(
                        at: opened.rawValue, entry.name, try Files.status(at: opened.rawValue, entry.name),
                        device: device, depth: depth + 1)
                } catch {
                    guard error == .noSuchFile else { throw error }
                }
            }
        } catch {
            guard error == .noSuchFile else { throw error }
        }
    }
}
