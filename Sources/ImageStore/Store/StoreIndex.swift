import JSON
import LinuxKernel
import OCI

/// The store's images: one entry per name of an image, and one without a name for an image that has none.
///
/// Those whose blobs all exist are in `index.json`, which makes the store an OCI layout that other programs read. An image
/// with a layer that was built here and has no blob (its tar streams from the layer's tree) is in `built.json`, the same
/// kind of document, which nobody else looks at.
struct StoreIndex {
    /// `index.json` as it was read: what other programs have written into it stays.
    private(set) var document: ImageIndex
    private(set) var entries: [Entry]
    private let original: [Entry]

    /// An annotation of ours: the image's ID, so that looking an ID up reads no further file.
    static let identifierKey = "org.berth.image.id"
    /// The digest of the index that the image came in, with images for other platforms.
    static let indexKey = "org.berth.image.index"
    /// The digest of the manifest that an artifact is about.
    static let subjectKey = "org.berth.image.subject"

    /// One entry.
    struct Entry: Equatable {
        var descriptor: Descriptor
        /// Some layer has no blob.
        var isBuilt = false

        /// The full name, `docker.io/library/ubuntu:24.04`; nil for an image without one.
        var name: String? { descriptor.annotations[AnnotationKey.referenceName] }
        /// The image's ID, where it was loaded by this program.
        var identifier: Digest? { digest(StoreIndex.identifierKey) }
        /// The index of images for several platforms that this one came in.
        var index: Digest? { digest(StoreIndex.indexKey) }
        /// What an artifact (a signature, an SBOM) is about.
        var subject: Digest? { digest(StoreIndex.subjectKey) }

        private func digest(_ key: String) -> Digest? {
            guard let text = descriptor.annotations[key] else { return nil }
            return try? Digest(parsing: text)
        }
    }

    init(_ root: StoreRoot) throws(ImageStoreError) {
        document = try Self.read(root, StoreName.index) ?? ImageIndex(manifests: [])
        // A move of a name from one file to the other may have been cut short: `built.json` is what counts then.
        let built = try Self.read(root, StoreName.built)?.manifests.map { Entry(descriptor: $0, isBuilt: true) } ?? []
        let names = Set(built.compactMap(\.name))
        let rest = document.manifests.map { Entry(descriptor: $0) }.filter {
            $0.name.map { !names.contains($0) } ?? true
        }
        entries = rest + built
        original = document.manifests.map { Entry(descriptor: $0) } + built
    }

    private static func read(_ root: StoreRoot, _ name: String) throws(ImageStoreError) -> ImageIndex? {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(at: root.number, name, limit: 256 << 20) } catch {
            if error == .noSuchFile, name == StoreName.built { return nil }
            throw .system(error, "read", "\(root.path)/\(name)")
        }
        do throws(JSONError) { return try ImageIndex(parsing: bytes, limit: 256 << 20) } catch {
            throw .damaged("\(root.path)/\(name)", "\(error)")
        }
    }

    /// The full names of an image.
    func names(of identifier: Digest) -> [String] {
        entries.filter { $0.identifier == identifier }.compactMap(\.name)
    }

    /// What is entered.
    struct Addition {
        var manifest: Descriptor
        var id: Digest
        var names: [String]
        /// The index of several platforms' images it came in.
        var index: Digest?
        /// Some layer has no blob.
        var isBuilt = false
    }

    /// Enters an image under names, or without any. A name that meant another image is taken from that one, which
    /// stays without a name when it has no other.
    ///
    /// - Returns: names that were taken, and from which image (from another manifest of this one, perhaps).
    mutating func add(_ addition: Addition) -> [(name: String, from: Digest?)] {
        let manifest = addition.manifest
        var bare = Descriptor(
            mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size, platform: manifest.platform)
        bare.artifactType = manifest.artifactType
        bare.annotations = [Self.identifierKey: addition.id.description]
        if let index = addition.index { bare.annotations[Self.indexKey] = index.description }
        bare.annotations[Self.subjectKey] = manifest.annotations[Self.subjectKey]
        // The same manifest again, from elsewhere: its blobs are complete now, or it came in another index.
        for place in entries.indices where entries[place].descriptor.digest == manifest.digest {
            entries[place].isBuilt = entries[place].isBuilt && addition.isBuilt
        }
        var taken = [(name: String, from: Digest?)]()
        for name in addition.names {
            if let place = entries.firstIndex(where: { $0.name == name }) {
                let old = entries[place]
                if old.descriptor.digest == manifest.digest {
                    if let index = addition.index {
                        entries[place].descriptor.annotations[Self.indexKey] = index.description
                    }
                    continue
                }
                taken.append((name, old.identifier))
                remove(name: name, keepingImage: old.identifier != addition.id)
            }
            var named = bare
            named.annotations[AnnotationKey.referenceName] = name
            named.annotations[AnnotationKey.containerdImageName] = name
            entries.append(Entry(descriptor: named, isBuilt: addition.isBuilt))
        }
        let hasName = entries.contains { $0.descriptor.digest == manifest.digest && $0.name != nil }
        entries.removeAll { hasName && $0.descriptor.digest == manifest.digest && $0.name == nil }
        if !entries.contains(where: { $0.descriptor.digest == manifest.digest }) {
            entries.append(Entry(descriptor: bare, isBuilt: addition.isBuilt))
        }
        return taken
    }

    /// Takes a name away. The image goes with its last name unless it is to be kept without one.
    mutating func remove(name: String, keepingImage: Bool) {
        guard let place = entries.firstIndex(where: { $0.name == name }) else { return }
        let old = entries[place].descriptor
        let others = entries.indices.contains { $0 != place && entries[$0].descriptor.digest == old.digest }
        if keepingImage, !others {
            entries[place].descriptor.annotations[AnnotationKey.referenceName] = nil
            entries[place].descriptor.annotations[AnnotationKey.containerdImageName] = nil
        } else {
            entries.remove(at: place)
        }
    }

    /// Takes an image away with all its names, and what is only about it: artifacts without a name.
    ///
    /// - Parameter family: the manifests that came in its index, which artifacts may be about as well.
    mutating func remove(id: Digest, family: Set<Digest>) {
        let gone = entries.filter { $0.identifier == id }
        entries.removeAll { $0.identifier == id }
        removeArtifacts(about: family.union(gone.flatMap { [$0.descriptor.digest, $0.index].compactMap { $0 } }))
    }

    /// Takes away what is only about manifests that are gone: artifacts without a name.
    mutating func removeArtifacts(about manifests: Set<Digest>) {
        var subjects = manifests
        while true {
            // An artifact may be about an artifact.
            let orphans = entries.filter { $0.name == nil && $0.subject.map(subjects.contains) == true }
            if orphans.isEmpty { return }
            entries.removeAll { orphans.contains($0) }
            subjects = Set(orphans.map(\.descriptor.digest))
        }
    }

    /// Takes a manifest away with all its names.
    mutating func forget(_ manifest: Digest) { entries.removeAll { $0.descriptor.digest == manifest } }

    /// Some layer's blob is gone.
    mutating func markBuilt(_ manifest: Digest) {
        for place in entries.indices where entries[place].descriptor.digest == manifest {
            entries[place].isBuilt = true
        }
    }

    /// The index of several platforms' images is gone.
    mutating func forgetIndex(_ index: Digest) {
        for place in entries.indices where entries[place].index == index {
            entries[place].descriptor.annotations[Self.indexKey] = nil
        }
    }

    /// Replaces the files. The caller holds the index lock exclusively, so the temporary names are nobody else's.
    ///
    /// A name that changes over to another file is in both in between: where both have it, `built.json` counts, so it is
    /// written first when it gains, and last when it loses.
    func write(_ root: StoreRoot) throws(Errno) {
        let built = entries.filter(\.isBuilt)
        let wasBuilt = original.filter(\.isBuilt)
        let gains = built.contains { entry in entry.name != nil && !wasBuilt.contains { $0.name == entry.name } }
        if gains { try writeBuilt(built, root) }
        var index = document
        index.manifests = entries.filter { !$0.isBuilt }.map(\.descriptor)
        if index != document {
            try Files.replace(
                at: root.number, StoreName.index, with: index.json.serialized(), mode: 0o600, synchronize: true)
        }
        if !gains, built != wasBuilt { try writeBuilt(built, root) }
    }

    private func writeBuilt(_ built: [Entry], _ root: StoreRoot) throws(Errno) {
        try Files.replace(
            at: root.number, StoreName.built,
            with: ImageIndex(manifests: built.map(\.descriptor)).json.serialized(), mode: 0o600, synchronize: true)
    }
}
