import Archive
import JSON
import LinuxKernel
import OCI

/// The layers of one image that is being received. Each may be unpacked by a thread of its own; start them bottom first:
/// one that takes something over from below waits for those below it, which must then be on their way.
public final class IngestLayers: Sendable {
    /// The image's manifest.
    public let manifest: ImageManifest
    /// Its exact bytes.
    public let manifestBytes: [UInt8]
    /// What the manifest is.
    public let mediaType: String
    /// The image's configuration.
    public let configuration: ImageConfiguration
    let configurationBytes: [UInt8]
    private let chain: [Digest]
    private let ingest: ImageIngest
    private let applied: ThreadCondition<Progress>

    private struct Progress {
        var layers: [AppliedLayer?]
        var failed = false
    }

    /// Checks that manifest and configuration belong together, and stores both.
    ///
    /// - Throws: kind `invalidContent` with what is wrong: another digest, another number of layers, too many of them, a
    ///   layer that is none.
    public init(
        manifest bytes: [UInt8], mediaType: String, configuration configurationBytes: [UInt8], for ingest: ImageIngest
    ) throws(ImageStoreError) {
        let what = "the image \(Digest(of: bytes).short)"
        do throws(JSONError) {
            manifest = try ImageManifest(parsing: bytes)
            configuration = try ImageConfiguration(parsing: configurationBytes)
        } catch {
            throw .invalid("receive", what, "\(error)")
        }
        try ingest.transaction.check(manifest, configuration, what)
        try ingest.put(configurationBytes, as: manifest.config.digest)
        try ingest.put(bytes, as: Digest(of: bytes))
        manifestBytes = bytes
        self.configurationBytes = configurationBytes
        self.mediaType = mediaType
        self.ingest = ingest
        chain = chainIDs(configuration.diffIDs)
        applied = ThreadCondition(Progress(layers: manifest.layers.map { _ in nil }))
    }

    /// What is missing of a layer.
    public enum Need: Sendable {
        /// Nothing.
        case nothing
        /// Its blob, but it stands unpacked.
        case blob
        /// Its tree; the blob is here.
        case unpacking
        /// Both.
        case everything
    }

    /// Says what is missing; what is there stays as long as the ingest lives.
    public func need(of index: Int) throws(ImageStoreError) -> Need {
        let layer = try ingest.transaction.pinLayer(diffID: configuration.diffIDs[index], chainID: chain[index])
        if let layer { applied.change { $0.layers[index] = layer } }
        switch (layer != nil, try ingest.hasBlob(manifest.layers[index])) {
        case (true, true): return .nothing
        case (true, false): return .blob
        case (false, true): return .unpacking
        case (false, false): return .everything
        }
    }

    /// The first layer that has the same blob as this one; itself in the usual case.
    public func firstAlike(_ index: Int) -> Int {
        manifest.layers.firstIndex { $0.digest == manifest.layers[index].digest } ?? index
    }

    /// Waits until a layer is unpacked. Blocks.
    public func wait(for index: Int) throws(ImageStoreError) {
        _ = try finished(index)
    }

    /// Unpacks a layer while it is received, in one pass. Blocks.
    ///
    /// - Parameter rest: gives the bytes from ``PartialBlob/offset`` on.
    /// - Throws: what is received stays for the next attempt when `rest` failed, and goes when it was wrong.
    public func receive(_ index: Int, _ partial: PartialBlob, from rest: any ByteSource) throws(ImageStoreError) {
        let source = ReceivedSource(partial, rest: rest)
        do throws(ImageStoreError) {
            let layer = try apply(index, source)
            try ingest.publish(partial)
            applied.change { $0.layers[index] = layer }
        } catch {
            if source.wasInterrupted { partial.discardIfEmpty() } else { partial.discard() }
            throw error
        }
    }

    /// Unpacks a layer whose blob is in the store. Blocks.
    public func unpack(_ index: Int) throws(ImageStoreError) {
        if try need(of: index) == .nothing { return }
        let file = try converting("read", "layer \(manifest.layers[index].digest.short)") { () throws(Errno) in
            try Files.open(at: ingest.store.root.number, blobPath(manifest.layers[index].digest), .readOnly)
        }
        let layer = try apply(index, FileSource(file))
        applied.change { $0.layers[index] = layer }
    }

    /// Ends the waiting of all threads: the image will not be complete.
    public func fail() { applied.change { $0.failed = true } }

    private func apply(_ index: Int, _ source: any ByteSource) throws(ImageStoreError) -> AppliedLayer {
        let descriptor = manifest.layers[index]
        return try ingest.transaction.apply(
            .init(
                source: source, blob: descriptor.digest, diffID: configuration.diffIDs[index], endMarker: .optional,
                name: "layer \(descriptor.digest.short)"),
            aboveWhenNeeded: Below(self, index), chainBelow: index == 0 ? nil : chain[index - 1])
    }

    fileprivate func finished(_ index: Int) throws(ImageStoreError) -> AppliedLayer {
        let layer: AppliedLayer?? = applied.wait { progress in
            if let layer = progress.layers[index] { return .some(layer) }
            return progress.failed ? .some(nil) : nil
        }
        guard case .some(.some(let layer)) = layer else {
            throw .invalid("unpack", "layer \(manifest.layers[index].digest.short)", "another layer failed")
        }
        return layer
    }

    /// The layers below one, once they are there.
    private final class Below: LowerLayers {
        private let layers: IngestLayers
        private let index: Int

        init(_ layers: IngestLayers, _ index: Int) {
            self.layers = layers
            self.index = index
        }

        func directories() throws(ArchiveError) -> [LowerDirectory] {
            var below = [AppliedLayer]()
            for place in 0..<index {
                do throws(ImageStoreError) { below.append(try layers.finished(place)) } catch {
                    throw ArchiveError(operation: "unpack", object: "the archive", cause: error.cause)
                }
            }
            return lowerDirectories(below, layers.ingest.store.root)
        }
    }
}
