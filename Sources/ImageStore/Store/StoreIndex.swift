import JSON
import LinuxKernel
import OCI

/// The store's `index.json`: one entry per name of an image, and one without a name for an image that has none.
struct StoreIndex {
    private(set) var document: ImageIndex

    /// An annotation of ours: the image's ID, so that looking an ID up reads no further file.
    static let identifierKey = "org.berth.image.id"

    /// An annotation of ours: the digest of the index that the image was chosen from, which is what its registry calls it.
    static let sourceKey = "org.berth.image.index"

    /// One entry.
    struct Entry {
        let descriptor: Descriptor
        /// The full name, `docker.io/library/ubuntu:24.04`; nil for an image without one.
        var name: String? { descriptor.annotations[AnnotationKey.referenceName] }
        /// The image's ID, where it was loaded by this program.
        var identifier: Digest? {
            guard let text = descriptor.annotations[StoreIndex.identifierKey] else { return nil }
            return try? Digest(parsing: text)
        }
        /// The index it was chosen from.
        var source: Digest? {
            guard let text = descriptor.annotations[StoreIndex.sourceKey] else { return nil }
            return try? Digest(parsing: text)
        }
    }

    init(_ root: StoreRoot) throws(ImageStoreError) {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(at: root.number, StoreName.index, limit: 256 << 20) } catch {
            throw .system(error, "read", "\(root.path)/index.json")
        }
        do throws(JSONError) { document = try ImageIndex(parsing: bytes, limit: 256 << 20) } catch {
            throw .damaged("\(root.path)/index.json", "\(error)")
        }
    }

    var entries: [Entry] { document.manifests.map { Entry(descriptor: $0) } }

    /// The full names of an image.
    func names(of identifier: Digest) -> [String] {
        entries.filter { $0.identifier == identifier }.compactMap(\.name)
    }

    /// Enters an image under names, or without any. A name that meant another image is taken from that one, which
    /// stays without a name when it has no other.
    ///
    /// - Returns: names that were taken, and from which image (from another manifest of this one, perhaps).
    mutating func add(
        _ manifest: Descriptor, id: Digest, names: [String], source: Digest? = nil
    ) -> [(name: String, from: Digest?)] {
        var bare = Descriptor(
            mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size, platform: manifest.platform)
        bare.annotations = [Self.identifierKey: id.description]
        var taken = [(name: String, from: Digest?)]()
        for name in names {
            if let old = entries.first(where: { $0.name == name }) {
                if old.descriptor.digest == manifest.digest {
                    if let source { setSource(source, name: name) }
                    continue
                }
                taken.append((name, old.identifier))
                remove(name: name, keepingImage: old.identifier != id)
            }
            var named = bare
            named.annotations[AnnotationKey.referenceName] = name
            named.annotations[AnnotationKey.containerdImageName] = name
            named.annotations[Self.sourceKey] = source?.description
            document.manifests.append(named)
        }
        let hasName = entries.contains { $0.descriptor.digest == manifest.digest && $0.name != nil }
        document.manifests.removeAll { hasName && $0.digest == manifest.digest && Entry(descriptor: $0).name == nil }
        if !entries.contains(where: { $0.descriptor.digest == manifest.digest }) { document.manifests.append(bare) }
        return taken
    }

    private mutating func setSource(_ source: Digest, name: String) {
        for place in document.manifests.indices where Entry(descriptor: document.manifests[place]).name == name {
            document.manifests[place].annotations[Self.sourceKey] = source.description
        }
    }

    /// Takes a name away. The image goes with its last name unless it is to be kept without one.
    mutating func remove(name: String, keepingImage: Bool) {
        guard let place = document.manifests.firstIndex(where: { Entry(descriptor: $0).name == name }) else { return }
        let old = document.manifests[place]
        let others = document.manifests.indices.contains { $0 != place && document.manifests[$0].digest == old.digest }
        if keepingImage, !others {
            document.manifests[place].annotations[AnnotationKey.referenceName] = nil
            document.manifests[place].annotations[AnnotationKey.containerdImageName] = nil
        } else {
            document.manifests.remove(at: place)
        }
    }

    /// Takes an image away with all its names.
    mutating func remove(id: Digest) { document.manifests.removeAll { Entry(descriptor: $0).identifier == id } }

    /// Replaces the file. The caller holds the index lock exclusively, so the temporary name is nobody else's.
    func write(_ root: StoreRoot) throws(Errno) {
        try Files.replace(
            at: root.number, StoreName.index, with: document.json.serialized(), mode: 0o600, synchronize: true)
    }
}
