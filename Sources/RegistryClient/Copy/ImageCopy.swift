import JSON
import OCI

/// Copies one image, whole: its blobs, its manifests, its indexes, from the bottom up.
public struct ImageCopy: Sendable {
    let source: any ImageSource
    let sink: any ImageSink
    /// Only this platform's image of an index; nil copies the index with all its images.
    let platform: Platform?
    let parallel: Int
    let progress: any TransferProgress
    /// For messages.
    let object: String
    let operation: String
    /// Whoever signs an image more often does not mean well.
    private static let maximumReferrers = 1000

    /// A copy.
    public init(
        from source: any ImageSource, to sink: any ImageSink, platform: Platform?, parallel: Int,
        progress: any TransferProgress, object: String, operation: String
    ) {
        self.source = source
        self.sink = sink
        self.platform = platform
        self.parallel = parallel
        self.progress = progress
        self.object = object
        self.operation = operation
    }

    /// Copies; nothing stands at the other side under the image's name unless all of it does.
    ///
    /// - Returns: what the name stands for there.
    @discardableResult
    public func run() async throws -> FetchedManifest {
        do {
            var top = try await source.top()
            if let platform { top = try await choose(top, platform, depth: 0) }
            var visited = Set<Digest>()
            try await copy(top, isTop: true, depth: 0, &visited)
            try await sink.finish()
            return top
        } catch {
            await sink.abandon()
            throw error
        }
    }

    private func copy(_ manifest: FetchedManifest, isTop: Bool, depth: Int, _ visited: inout Set<Digest>) async throws {
        guard depth <= 4 else { throw refuse("its indexes are nested too deep") }
        if MediaType.isIndex(manifest.mediaType) {
            for entry in try index(manifest).manifests where visited.insert(entry.digest).inserted {
                let child = try await source.manifest(entry)
                try await copy(child, isTop: false, depth: depth + 1, &visited)
            }
        } else {
            try await copyBlobs(try document(manifest))
        }
        try await sink.put(manifest, isTop: isTop)
        if platform == nil, sink.keepsReferrers { try await copyReferrers(of: manifest, depth: depth, &visited) }
    }

    /// Signatures and SBOMs come along with a whole image, and what is about them in turn.
    private func copyReferrers(of manifest: FetchedManifest, depth: Int, _ visited: inout Set<Digest>) async throws {
        guard depth < 4 else { return }
        let referrers = try await source.referrers(of: manifest.digest)
        guard referrers.count <= Self.maximumReferrers else {
            throw refuse(
                "\(referrers.count) artifacts are about it, more than the \(Self.maximumReferrers) that are copied")
        }
        for entry in referrers where MediaType.isManifest(entry.mediaType) && visited.insert(entry.digest).inserted {
            let child = try await source.manifest(entry)
            // A registry may list what it likes: what does not say so itself is about something else.
            guard try document(child).subject?.digest == manifest.digest else { continue }
            try await copy(child, isTop: false, depth: depth + 1, &visited)
        }
    }

    private func copyBlobs(_ manifest: ImageManifest) async throws {
        var blobs = [Descriptor]()
        for blob in manifest.layers + [manifest.config] where !blobs.contains(where: { $0.digest == blob.digest }) {
            blobs.append(blob)
        }
        for blob in blobs where blob.digest != manifest.config.digest { progress.status(blob.digest, "Preparing") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var started = 0
            for blob in blobs {
                if started >= parallel { try await group.next() }
                started += 1
                // People count layers; a configuration goes without a word.
                let isLayer = blob.digest != manifest.config.digest
                let progress: any TransferProgress = isLayer ? progress : SilentProgress()
                group.addTask { try await sink.put(blob, from: source, progress: progress) }
            }
            try await group.waitForAll()
        }
    }

    private func choose(_ manifest: FetchedManifest, _ platform: Platform, depth: Int) async throws -> FetchedManifest {
        guard MediaType.isIndex(manifest.mediaType) else { return manifest }
        guard depth < 4 else { throw refuse("its indexes are nested too deep") }
        let index = try index(manifest)
        guard let entry = index.manifest(for: platform) ?? (index.manifests.count == 1 ? index.manifests.first : nil)
        else { throw refuse("it has no image for \(platform)") }
        return try await choose(try await source.manifest(entry), platform, depth: depth + 1)
    }

    private func index(_ manifest: FetchedManifest) throws -> ImageIndex {
        do throws(JSONError) { return try ImageIndex(parsing: manifest.bytes) } catch {
            throw refuse("its index is wrong: \(error)")
        }
    }

    private func document(_ manifest: FetchedManifest) throws -> ImageManifest {
        do throws(JSONError) { return try ImageManifest(parsing: manifest.bytes) } catch {
            throw refuse("its manifest is wrong: \(error)")
        }
    }

    private func refuse(_ cause: String) -> RegistryError {
        RegistryError(.invalidContent, operation: operation, object: object, cause: cause)
    }
}
