import LinuxKernel
import OCI

extension ImageStore {
    /// Loads the images of an archive that `docker save`, `podman save`, `skopeo copy` and the like have written: an OCI
    /// image layout or a docker-archive, in a tar that may be compressed as a whole. It is read once, as a stream.
    ///
    /// An archive is loaded as a whole or, when anything in it is wrong, not at all.
    ///
    /// - Parameters:
    ///   - archive: a file, pipe or socket, read to its end.
    ///   - platform: of an image for several platforms only this one is loaded; nil loads all that are there, and unpacks
    ///     the one for this machine.
    ///   - workers: how many layers are unpacked at a time, by processes of their own; 1 where this process has threads.
    ///   - progress: called with a line for each thing that takes time.
    /// - Returns: the images in the archive's order.
    /// - Throws: ``ImageStoreError`` with a sentence on the first thing that is wrong.
    public func load(
        archive: consuming FileDescriptor, platform: Platform? = nil, workers: Int = 1, progress: (String) -> Void = { _ in }
    ) throws(ImageStoreError) -> [LoadedImage] {
        let transaction = try Transaction(root)
        defer { transaction.hold() }
        do throws(ImageStoreError) {
            let spool = try ArchiveSpool(archive, transaction, object: "the archive")
            var contents = try ArchiveLayout(spool, self, platform: platform).contents()
            if contents.isEmpty { contents.images = try DockerArchive(spool).images(platform) }
            guard !contents.isEmpty else {
                throw .invalid(
                    "load", "the archive", "it holds neither an index.json nor a manifest.json with an image in it",
                    remedy: "use import for the tar of a root file system")
            }
            return try register(contents, transaction, workers, progress)
        } catch {
            transaction.abandon()
            throw error
        }
    }

    private func register(
        _ contents: ArchiveContents, _ transaction: Transaction, _ workers: Int, _ progress: (String) -> Void
    ) throws(ImageStoreError) -> [LoadedImage] {
        let inputs = contents.images
        // All images are unpacked before the first is entered.
        var records = [ImageRecord]()
        for input in inputs { records.append(try transaction.prepare(input, workers: workers, progress: progress)) }
        for artifact in contents.artifacts {
            try converting("store", "an artifact") { () throws(Errno) in try transaction.publish(artifact.blobs) }
        }
        let replaced = try transaction.enter(
            zip(records, inputs).map { NewImage(record: $0, names: $1.names, index: $1.index) },
            artifacts: contents.artifacts.map(\.artifact))
        // Another manifest of the same image has lost its name, and with it its reason to be.
        let wasDropped = zip(records, replaced).contains { record, taken in taken.contains { $0.from == record.id } }
        if wasDropped { _ = try? Collection(root).run(transaction) }
        let index = try StoreIndex(root)
        var result = [LoadedImage]()
        for (place, record) in records.enumerated() {
            result.append(
                LoadedImage(
                    image: try image(record, names: index.names(of: record.id)),
                    references: inputs[place].names.compactMap { try? Reference(parsing: $0) },
                    replaced: replaced[place].filter { $0.from != record.id }.compactMap { taken in
                        (try? Reference(parsing: taken.name)).map { ($0, taken.from) }
                    }))
        }
        return result
    }
}
