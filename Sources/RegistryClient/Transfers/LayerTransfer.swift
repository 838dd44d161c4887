import Archive
import ImageStore
import OCI

/// Brings the layers of one image into the store: each is downloaded, hashed, unpacked and hashed again in one pass by a
/// thread of its own, several at a time, bottom first.
struct LayerTransfer {
    let layers: IngestLayers
    let ingest: ImageIngest
    /// Where blobs come from.
    let source: any BlobSource
    let session: RegistrySession
    let progress: any TransferProgress

    /// Fetches and unpacks all that is missing.
    func run() async throws {
        let count = layers.manifest.layers.count
        for index in 0..<count where layers.firstAlike(index) == index {
            progress.status(layers.manifest.layers[index].digest, "Pulling fs layer")
        }
        let width = session.settings.parallelTransfers
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                var started = 0
                // In order: a layer may wait for those below it, which are then all on their way.
                while started < min(width, count) {
                    let index = started
                    group.addTask { try await fetch(index) }
                    started += 1
                }
                while try await group.next() != nil {
                    if started < count {
                        let index = started
                        group.addTask { try await fetch(index) }
                        started += 1
                    }
                }
            }
        } catch {
            layers.fail()
            throw error
        }
    }

    private func fetch(_ index: Int) async throws {
        do { try await bring(index) } catch {
            // Whoever waits for this one must not wait for ever: the group ends when all of its tasks have ended.
            layers.fail()
            throw error
        }
    }

    private func bring(_ index: Int) async throws {
        let descriptor = layers.manifest.layers[index]
        let first = layers.firstAlike(index)
        if first != index {
            // The same blob again: it is here when the first one is.
            try await blocking {
                try layers.wait(for: first)
                if case .nothing = try layers.need(of: index) { return }
                try layers.unpack(index)
            }
            return
        }
        switch try await blocking({ try layers.need(of: index) }) {
        case .nothing: progress.status(descriptor.digest, "Already exists")
        case .unpacking:
            progress.status(descriptor.digest, "Extracting")
            try await blocking { try layers.unpack(index) }
            progress.status(descriptor.digest, "Pull complete")
        case .blob:
            try await receive(descriptor) { partial, rest in try ingest.receive(partial, from: rest) }
            progress.status(descriptor.digest, "Already exists")
        case .everything:
            let received = try await receive(descriptor) { partial, rest in
                try layers.receive(index, partial, from: rest)
            }
            // Somebody else has received it meanwhile.
            if !received { try await blocking { try layers.unpack(index) } }
            progress.status(descriptor.digest, "Pull complete")
        }
    }

    /// Receives a blob; once more from its start when what an earlier attempt had left turns out to be wrong.
    ///
    /// - Returns: false when the store has it by now.
    @discardableResult
    private func receive(
        _ descriptor: Descriptor, _ body: @escaping @Sendable (PartialBlob, any ByteSource) throws -> Void
    ) async throws -> Bool {
        for attempt in 0...1 {
            guard let partial = try await blocking({ try ingest.partial(descriptor) }) else { return false }
            do {
                try await receive(partial, body)
                return true
            } catch let error as RegistryError {
                guard error.kind == .store || error.kind == .invalidContent, partial.offset > 0, attempt == 0,
                    !Task.isCancelled
                else { throw error }
            }
        }
        return true
    }

    private func receive(
        _ partial: PartialBlob, _ body: @escaping @Sendable (PartialBlob, any ByteSource) throws -> Void
    ) async throws {
        let descriptor = partial.descriptor
        let channel = ByteChannel()
        let position = Position(partial.offset)
        let progress = progress
        let source = source
        let download = Task {
            await source.send(descriptor, from: partial.offset, into: channel) { count in
                progress.bytes(descriptor.digest, "Downloading", done: position.add(count), of: descriptor.size)
            }
        }
        do {
            try await withTaskCancellationHandler {
                try await blocking {
                    defer { channel.close() }
                    do { try body(partial, channel) } catch {
                        // What the network met says more than that there was nothing to read.
                        guard let failure = channel.failure else { throw error }
                        if failure.kind == .invalidContent { partial.discard() }
                        throw failure
                    }
                }
            } onCancel: {
                download.cancel()
            }
        } catch {
            download.cancel()
            await download.value
            throw error
        }
        download.cancel()
        await download.value
    }

    private func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        do { return try await session.transport.blocking(body) } catch let error as ImageStoreError {
            throw RegistryError(error)
        }
    }
}

/// Where the blobs of an image come from.
protocol BlobSource: Sendable {
    /// Sends a blob's bytes from `offset` on, and ends the channel.
    func send(
        _ descriptor: Descriptor, from offset: Int64, into channel: ByteChannel,
        received: @escaping @Sendable (Int) -> Void
    ) async
}

extension Repository: BlobSource {
    func send(
        _ descriptor: Descriptor, from offset: Int64, into channel: ByteChannel,
        received: @escaping @Sendable (Int) -> Void
    ) async {
        await download(descriptor, from: offset, into: channel, received: received)
    }
}
