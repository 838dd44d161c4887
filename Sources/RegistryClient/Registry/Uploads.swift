import AsyncHTTPClient
import ImageStore
import LinuxKernel
import NIOCore
import NIOHTTP1
import OCI

extension Repository {
    /// How a blob came to be in a repository.
    enum UploadOutcome: Sendable {
        case present
        case mounted(from: Reference)
        case uploaded
    }

    /// Brings a blob into the repository: by nothing where it is there, by a mount from another repository of the
    /// registry, or by sending it, going on after what the registry has where a connection breaks.
    func upload(
        _ descriptor: Descriptor, origins: [Reference], open: () async throws -> BlobFile,
        sent: @escaping @Sendable (Int64) -> Void
    ) async throws -> UploadOutcome {
        if try await hasBlob(descriptor) { return .present }
        let endpoint = try writingEndpoint()
        var failures = 0
        var session = try await begin(descriptor, endpoint, origins.first { $0.path != reference.path })
        if case .mounted(let from) = session { return .mounted(from: from) }
        let blob = try await open()
        var offset: Int64 = 0
        while true {
            guard case .started(let location) = session else { return .uploaded }
            do {
                let next = try await send(blob, from: offset, to: location, endpoint, sent)
                try await complete(descriptor, next, endpoint)
                return .uploaded
            } catch let error as RegistryError {
                guard error.kind == .unavailable, failures < self.session.settings.retries else { throw error }
                failures += 1
                try await Self.pause(failures, after: nil)
            }
            if let (place, received) = await status(of: location, endpoint), received <= blob.size {
                session = .started(place)
                offset = received
            } else {
                session = try await begin(descriptor, endpoint, nil)
                offset = 0
            }
        }
    }

    private enum Session {
        case started(WebAddress)
        case mounted(from: Reference)
    }

    private func writingEndpoint() throws -> Endpoint {
        guard let endpoint = session.endpoints(for: reference.domain, reading: false).first else {
            throw RegistryError(.unavailable, operation: "push", object: shown, cause: "there is no registry to ask")
        }
        return endpoint
    }

    private func scopes(_ origin: Reference?) -> [String] {
        ["repository:\(reference.path):\(Access.push.rawValue)"] + (origin.map { ["repository:\($0.path):pull"] } ?? [])
    }

    private func begin(_ descriptor: Descriptor, _ endpoint: Endpoint, _ origin: Reference?) async throws -> Session {
        let state = try await session.state(of: endpoint)
        var address = state.base.with(target: "/v2/\(reference.path)/blobs/uploads/")
        if let origin {
            address = address.adding(query: [("mount", descriptor.digest.description), ("from", origin.path)])
        }
        let answer = try await exchange(
            endpoint, HTTPRequest(method: .POST, address: address), "push", scopes: scopes(origin),
            accepted: [201, 202])
        if answer.response.status == .created, let origin { return .mounted(from: origin) }
        return .started(try location(answer))
    }

    private func location(_ answer: Answer) throws -> WebAddress {
        guard let text = answer.response.headers.first(name: "Location"), let next = answer.address.resolving(text),
            next.isSecure || !answer.address.isSecure
        else { throw broken("push", "it does not say where to send a blob to") }
        return next
    }

    /// Sends the rest of a blob.
    ///
    /// - Returns: where the upload goes on.
    private func send(
        _ blob: BlobFile, from offset: Int64, to address: WebAddress, _ endpoint: Endpoint,
        _ sent: @escaping @Sendable (Int64) -> Void
    ) async throws -> WebAddress {
        guard offset < blob.size || blob.size == 0 else { return address }
        let watch = StallWatch { sent(offset + $0) }
        let request = HTTPRequest(
            method: .PATCH, address: address,
            headers: [("Content-Range", "\(offset)-\(max(blob.size, 1) - 1)")],
            body: .file(blob.file, from: blob.offset + offset, size: blob.offset + blob.size, watch: watch))
        do {
            let answer = try await watch.run(seconds: session.settings.stallSeconds) {
                try await exchange(endpoint, request, "push", scopes: scopes(nil), accepted: [202, 204])
            }
            return try location(answer)
        } catch let error as CancellationError {
            guard watch.hasStalled else { throw error }
            throw RegistryError(
                .unavailable, operation: "push", object: shown,
                cause: "\(address.authority): it took next to nothing for \(session.settings.stallSeconds) seconds")
        }
    }

    private func complete(_ descriptor: Descriptor, _ address: WebAddress, _ endpoint: Endpoint) async throws {
        _ = try await exchange(
            endpoint,
            HTTPRequest(method: .PUT, address: address.adding(query: [("digest", descriptor.digest.description)])),
            "push", scopes: scopes(nil), accepted: [201, 204])
    }

    /// How many bytes of an upload the registry has; nil when it has forgotten it.
    private func status(of address: WebAddress, _ endpoint: Endpoint) async -> (WebAddress, Int64)? {
        guard
            let answer = try? await exchange(
                endpoint, HTTPRequest(method: .GET, address: address), "push", scopes: scopes(nil), accepted: [204]),
            let place = try? location(answer)
        else { return nil }
        // `Range: 0-N`, the last byte that is there; an empty upload has "0-0" as well.
        let text = answer.response.headers.first(name: "Range") ?? ""
        guard let last = text.split(separator: "-").last.flatMap({ Int64($0) }) else { return nil }
        return (place, last == 0 ? 0 : last + 1)
    }
}
