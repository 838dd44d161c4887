import AsyncHTTPClient
import Archive
import ImageStore
import LinuxKernel
import NIOCore
import NIOHTTP1
import OCI

extension Repository {
    /// A small blob, verified.
    public func blob(_ descriptor: Descriptor, limit: Int, operation: String = "pull") async throws -> [UInt8] {
        let object = "the blob \(descriptor.digest.short) of \(shown)"
        guard descriptor.size <= limit else {
            throw RegistryError(
                .invalidContent, operation: operation, object: object,
                cause: "it has \(descriptor.size) bytes, more than the \(limit) that are read")
        }
        var failure: RegistryError?
        for attempt in 0...session.settings.retries {
            if attempt > 0 { try await Self.pause(attempt, after: nil) }
            do {
                let answer = try await request(.GET, "blobs/\(descriptor.digest)", operation)
                let bytes = try await answer.bytes(
                    limit: limit, operation, object, seconds: session.settings.stallSeconds)
                try Self.verify(bytes, descriptor, operation, object)
                return bytes
            } catch let error as RegistryError {
                // Half a body: what the request itself met has been tried again already.
                guard error.kind == .unavailable, attempt < session.settings.retries else { throw error }
                failure = error
            }
        }
        throw failure ?? broken(operation, "there is none")
    }

    static func verify(_ bytes: [UInt8], _ descriptor: Descriptor, _ operation: String, _ object: String) throws {
        guard Int64(bytes.count) == descriptor.size else {
            throw RegistryError(
                .invalidContent, operation: operation, object: object,
                cause: "it should have \(descriptor.size) bytes but has \(bytes.count)")
        }
        let actual = Digest(of: bytes, algorithm: descriptor.digest.algorithm)
        guard actual == descriptor.digest else {
            throw RegistryError(
                .invalidContent, operation: operation, object: object,
                cause: "its digest should be \(descriptor.digest) but is \(actual)")
        }
    }

    /// Whether the registry has a blob, and how long it is.
    func hasBlob(_ descriptor: Descriptor) async throws -> Bool {
        do {
            _ = try await request(.HEAD, "blobs/\(descriptor.digest)", "push", access: .push)
            return true
        } catch let error as RegistryError where error.kind == .notFound || error.kind == .unsupported {
            return false
        }
    }

    /// Sends a blob's bytes into a channel, from `offset` on, going on by range where a connection ends too early.
    /// Ends with ``ByteChannel/finish()`` or ``ByteChannel/fail(_:)``, or when the reader closes the channel.
    ///
    /// - Parameter received: called with the number of bytes of each piece.
    func download(
        _ descriptor: Descriptor, from offset: Int64, into channel: ByteChannel,
        received: @escaping @Sendable (Int) -> Void
    ) async {
        let object = "the blob \(descriptor.digest.short) of \(shown)"
        var position = offset
        var failures = 0
        while position < descriptor.size {
            let start = position
            do {
                let (end, isWanted) = try await part(descriptor, from: position, into: channel, object, received)
                position = end
                if !isWanted { return }
            } catch let interruption as Interruption {
                position = interruption.position
                // Progress makes up for failures: a slow line may break many times in a large blob.
                failures = position - start >= 1 << 20 ? 1 : failures + 1
                guard failures <= session.settings.retries else {
                    channel.fail(
                        RegistryError(
                            .unavailable, operation: "pull", object: object,
                            cause: "\(interruption.sentence), after \(position) of \(descriptor.size) bytes",
                            remedy: "pull again, and it goes on from there"))
                    return
                }
                do { try await Self.pause(failures, after: nil) } catch { return channel.fail(cancelled(object)) }
            } catch let error as RegistryError {
                return channel.fail(error.during("pull", object))
            } catch {
                return channel.fail(cancelled(object))
            }
        }
        channel.finish()
    }

    private func cancelled(_ object: String) -> RegistryError {
        RegistryError(.unavailable, operation: "pull", object: object, cause: "it was interrupted")
    }

    /// A transfer that ended before its time.
    private struct Interruption: Error {
        let position: Int64
        let sentence: String
    }

    /// One request's part of a blob.
    ///
    /// - Returns: how far the blob is sent, and whether the reader wants more.
    private func part(
        _ descriptor: Descriptor, from offset: Int64, into channel: ByteChannel, _ object: String,
        _ received: @escaping @Sendable (Int) -> Void
    ) async throws -> (Int64, Bool) {
        var headers = [(name: String, value: String)]()
        if offset > 0 { headers.append(("Range", "bytes=\(offset)-\(descriptor.size - 1)")) }
        let answer = try await request(
            .GET, "blobs/\(descriptor.digest)", "pull", headers: headers, accepted: [200, 206])
        // A server that knows no ranges begins anew: what is here already is passed over.
        var skip = offset
        if answer.response.status == .partialContent {
            let range = answer.response.headers.first(name: "Content-Range") ?? ""
            guard ContentRange.start(range) == offset else {
                throw broken("pull", "asked for the bytes from \(offset) on, it gives \"\(range)\"")
            }
            skip = 0
        }
        let expected = descriptor.size - offset + skip
        if let length = answer.response.headers.first(name: "Content-Length").flatMap({ Int64($0) }), length != expected
        {
            let type = answer.response.headers.first(name: "Content-Type") ?? ""
            throw broken(
                "pull",
                type.utf8.starts(with: "text/html".utf8)
                    ? "it is a web page, not the blob \(descriptor.digest.short)"
                    : "the blob \(descriptor.digest.short) should have \(expected) bytes but has \(length)")
        }
        let watch = StallWatch()
        let progress = Position(offset)
        let body = answer.response.body
        do {
            let isWanted = try await watch.run(seconds: session.settings.stallSeconds) { [skip] in
                var skip = skip
                watch.beginWait()
                for try await var chunk in body {
                    watch.endWait()
                    watch.add(chunk.readableBytes)
                    if skip > 0 {
                        let count = min(Int64(chunk.readableBytes), skip)
                        chunk.moveReaderIndex(forwardBy: Int(count))
                        skip -= count
                    }
                    if chunk.readableBytes > 0 {
                        let count = chunk.readableBytes
                        guard progress.add(count) <= descriptor.size else {
                            throw RegistryError(
                                .invalidContent, operation: "pull", object: object,
                                cause: "it is longer than the \(descriptor.size) bytes its manifest says")
                        }
                        received(count)
                        guard await channel.send(chunk) else { return false }
                    }
                    watch.beginWait()
                }
                return true
            }
            guard isWanted, progress.value < descriptor.size else { return (progress.value, isWanted) }
            throw Interruption(position: progress.value, sentence: "\(answer.address.authority): it sent too little")
        } catch let error as RegistryError {
            throw error
        } catch let error as Interruption {
            throw error
        } catch {
            if watch.hasStalled {
                throw Interruption(
                    position: progress.value,
                    sentence:
                        "\(answer.address.authority): it sent next to nothing for \(session.settings.stallSeconds) seconds"
                )
            }
            try Task.checkCancellation()
            throw Interruption(
                position: progress.value, sentence: TransportFailure(error, address: answer.address).sentence)
        }
    }
}

/// `Content-Range: bytes FIRST-LAST/SIZE` (RFC 9110, 14.4).
public enum ContentRange {
    /// The first byte's position; nil when the header is something else.
    public static func start(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        return words[1].split(separator: "-", omittingEmptySubsequences: false).first.flatMap { Int64($0) }
    }
}
