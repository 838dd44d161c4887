import LinuxKernel
import OCI

extension ImageStore {
    /// The image a user means by `NAME[:TAG]`, `NAME@DIGEST`, an image ID, or the beginning of one that no other image
    /// shares. Names come before beginnings of IDs. Reads two files.
    ///
    /// - Throws: ``ImageStoreError``, kind `noSuchImage` with Docker's sentence, `invalidName` for what can be no name.
    public func resolve(_ name: String) throws(ImageStoreError) -> StoredImage {
        var attempts = 0
        // An image may be removed between reading the index and its record: look again.
        while true {
            let index = try StoreIndex(root)
            let entry = try ImageName(name).find(in: index)
            do throws(ImageStoreError) {
                let record = try record(entry.descriptor)
                return try image(record, names: index.names(of: record.id))
            } catch {
                attempts += 1
                guard error.kind == .damagedStore, attempts < 3 else { throw error }
            }
        }
    }

    /// The image a user means, for a platform: of several platforms' images under one name the one that is wanted. It is
    /// unpacked first where that has not happened yet.
    ///
    /// - Throws: ``ImageStoreError``, kind `noSuchImage` where the name has no image for the platform.
    public func resolve(_ name: String, platform: Platform?) throws(ImageStoreError) -> StoredImage {
        let image = try resolve(name)
        guard let platform, !image.configuration.platform.satisfies(platform) else { return image }
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        let entry = try ImageName(name).find(in: try StoreIndex(root))
        guard let descriptor = try manifest(for: platform, in: entry) else {
            throw .otherPlatform(name, wanted: platform, actual: image.configuration.platform)
        }
        if let record = try? record(descriptor), record.layers.allSatisfy({ hasLayer($0.key) }) {
            return try self.image(record, names: image.references.map(\.description))
        }
        let manifest = try readManifestBlob(descriptor)
        let input = ImageInput(
            manifest: try blob(descriptor.digest, limit: ImageManifest.maximumSize), mediaType: descriptor.mediaType,
            configuration: try blob(manifest.config.digest), names: [], layerFiles: manifest.layers.map { _ in nil },
            digest: descriptor.digest)
        do throws(ImageStoreError) {
            let record = try transaction.prepare(input, progress: { _ in })
            try transaction.store(record)
            return try self.image(record, names: image.references.map(\.description))
        } catch {
            transaction.abandon()
            throw error
        }
    }

    private func hasLayer(_ key: String) -> Bool { Files.exists(at: root.number, "layers/\(key)") }

    /// The manifest of an entry's index for a platform, if it is here with all its blobs.
    func manifest(for platform: Platform, in entry: StoreIndex.Entry) throws(ImageStoreError) -> Descriptor? {
        guard let digest = entry.index, let index = try indexDescriptor(digest) else { return nil }
        var queue = [index]
        var seen = Set<Digest>()
        while let next = queue.popLast() {
            guard seen.insert(next.digest).inserted, hasBlob(next.digest) else { continue }
            for child in try readIndexBlob(next).manifests {
                if MediaType.isIndex(child.mediaType) { queue.append(child) }
                guard child.platform?.satisfies(platform) == true, MediaType.isManifest(child.mediaType),
                    hasBlob(child.digest)
                else { continue }
                let manifest = try readManifestBlob(child)
                if ([manifest.config] + manifest.layers).allSatisfy({ hasBlob($0.digest) }) { return child }
            }
        }
        return nil
    }

    /// The platforms an image's name has images for here, its own first.
    public func platforms(of image: StoredImage) throws(ImageStoreError) -> [Platform] {
        var result = [image.configuration.platform]
        guard let index = try index(of: image) else { return result }
        for child in try readIndexBlob(index).manifests where hasBlob(child.digest) {
            if let platform = child.platform, platform.os != "unknown", !result.contains(platform) {
                result.append(platform)
            }
        }
        return result
    }

    /// All images, each once, newest first as Docker lists them. One of which something is missing is left out: see
    /// ``resolve(_:)`` for what.
    public func images() throws(ImageStoreError) -> [StoredImage] {
        let index = try StoreIndex(root)
        var seen = Set<Digest>()
        var result = [(image: StoredImage, created: Timestamp)]()
        for entry in index.entries {
            // An entry that another tool wrote has no ID of ours, and nothing is unpacked for it.
            guard let identifier = entry.identifier, seen.insert(identifier).inserted else { continue }
            do throws(ImageStoreError) {
                let image = try image(try record(entry.descriptor), names: index.names(of: identifier))
                result.append((image, image.created ?? Timestamp(seconds: .min)))
            } catch {
                guard error.kind == .damagedStore else { throw error }
            }
        }
        return result.sorted { $0.created > $1.created }.map(\.image)
    }
}

extension ImageStore {
    /// Whether a name stands for what its registry has now, so that nothing needs to be fetched.
    ///
    /// - Parameters:
    ///   - digest: what the registry says that the name stands for: a manifest or an index.
    ///   - platform: the image must be for this one.
    public func isCurrent(_ reference: Reference, digest: Digest, platform: Platform) -> Bool {
        guard let index = try? StoreIndex(root) else { return false }
        let name = reference.description
        return index.entries.contains { entry in
            entry.name == name && (entry.descriptor.digest == digest || entry.index == digest)
                && (entry.descriptor.platform?.satisfies(platform) ?? true)
                && (try? record(entry.descriptor)) != nil
        }
    }
}

extension ImageStoreError {
    static func otherPlatform(_ name: String, wanted: Platform, actual: Platform) -> ImageStoreError {
        ImageStoreError(
            .otherPlatform, operation: "find the image", object: printable(name),
            cause:
                "image with reference \(printable(name)) was found but does not match the specified platform: wanted \(wanted), actual: \(actual)"
        )
    }
}

/// What a user typed where an image is wanted.
struct ImageName {
    let text: String

    init(_ text: String) { self.text = text }

    /// The entry that is meant.
    func find(in index: StoreIndex) throws(ImageStoreError) -> StoreIndex.Entry {
        let entries = index.entries
        // A whole digest, or a whole ID: the configuration's, or the manifest's as containerd counts.
        if let digest = (try? Digest(parsing: text)) ?? Digest(algorithm: .sha256, hex: text) {
            guard
                let entry = entries.first(where: {
                    $0.identifier == digest || $0.descriptor.digest == digest || $0.index == digest
                })
            else { throw .noSuchImage(text) }
            return entry
        }
        let hex = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
        let mayBeID = !hex.isEmpty && hex.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        let reference: Reference?
        do throws(OCIError) { reference = try Reference(parsing: text).withDefaultTag } catch {
            guard mayBeID else { throw ImageStoreError(error) }
            reference = nil
        }
        if let reference {
            if let entry = Self.find(reference, entries) { return entry }
            guard mayBeID else { throw .noSuchImage(reference.familiar) }
        }
        return try findID(hex, entries, reference)
    }

    private static func find(_ reference: Reference, _ entries: [StoreIndex.Entry]) -> StoreIndex.Entry? {
        guard let digest = reference.digest else {
            let name = reference.description
            return entries.first { $0.name == name }
        }
        // With a digest the tag does not count, as with Docker; the repository does.
        return entries.first { entry in
            (entry.descriptor.digest == digest || entry.index == digest)
                && entry.name.flatMap { try? Reference(parsing: $0) }?.name == reference.name
        }
    }

    private func findID(
        _ hex: Substring, _ entries: [StoreIndex.Entry], _ reference: Reference?
    ) throws(ImageStoreError) -> StoreIndex.Entry {
        var found: StoreIndex.Entry?
        for entry in entries {
            guard let identifier = entry.identifier, identifier.hex.hasPrefix(hex) else { continue }
            if let found, found.identifier != identifier {
                throw ImageStoreError(
                    .invalidName, operation: "find the image", object: printable(text),
                    cause: "more than one image ID begins so", remedy: "give more of its digits")
            }
            found = found ?? entry
        }
        guard let found else { throw .noSuchImage(reference?.familiar ?? text) }
        return found
    }

    /// Whether this text names the image by its ID or the beginning of it, as `rmi` distinguishes.
    func isIdentifier(of id: Digest) -> Bool { id.hex.hasPrefix(text) || id.description.hasPrefix(text) }
}
