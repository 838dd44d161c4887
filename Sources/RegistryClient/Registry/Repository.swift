import AsyncHTTPClient
import JSON
import LinuxKernel
import NIOCore
import NIOHTTP1
import OCI

/// One repository of a registry: the operations of the distribution specification on it. Every method throws
/// ``RegistryError``, or `CancellationError`.
public struct Repository: Sendable {
    let session: RegistrySession
    /// Registry and path; tag and digest do not matter.
    public let reference: Reference

    /// A repository.
    public init(_ reference: Reference, _ session: RegistrySession) {
        self.session = session
        self.reference = reference
    }

    /// What a request is allowed to do, as token servers name it.
    enum Access: String, Sendable {
        case pull
        case push = "pull,push"
        case delete = "pull,push,delete"
    }

    var shown: String { reference.familiarName }

    // MARK: Requests

    /// A request below `/v2/PATH/`, tried on each endpoint until one answers with something that is not "no".
    ///
    /// - Parameter accepted: statuses that are answers; others become errors.
    func request(
        _ method: HTTPMethod, _ path: String, _ operation: String, access: Access = .pull,
        headers: [(name: String, value: String)] = [], body: HTTPRequest.Body = .none,
        accepted: Set<UInt> = [200]
    ) async throws -> Answer {
        var failure: RegistryError?
        let endpoints = session.endpoints(for: reference.domain, reading: access == .pull)
        for endpoint in endpoints {
            do {
                return try await request(
                    endpoint, method, path, operation, access: access, headers: headers, body: body, accepted: accepted)
            } catch let error as RegistryError {
                // A mirror that lacks something, is down or wants other credentials is passed over.
                guard endpoint.isMirror else { throw failure.map { combine($0, error) } ?? error }
                failure = error
            }
        }
        throw failure
            ?? RegistryError(.unavailable, operation: operation, object: shown, cause: "there is no registry to ask")
    }

    private func combine(_ mirror: RegistryError, _ error: RegistryError) -> RegistryError {
        guard error.kind == .unavailable else { return error }
        var both = error
        both.cause += " (and its mirror: \(mirror.cause))"
        return both
    }

    func request(
        _ endpoint: Endpoint, _ method: HTTPMethod, _ path: String, _ operation: String, access: Access,
        headers: [(name: String, value: String)], body: HTTPRequest.Body, accepted: Set<UInt>
    ) async throws -> Answer {
        let state = try await session.state(of: endpoint)
        let target = path.utf8.first == UInt8(ascii: "/") ? path : "/v2/\(endpoint.path(reference.path))/\(path)"
        return try await exchange(
            endpoint,
            HTTPRequest(method: method, address: state.base.with(target: target), headers: headers, body: body),
            operation, scopes: ["repository:\(endpoint.path(reference.path)):\(access.rawValue)"], accepted: accepted)
    }

    /// An answer and where it came from, after redirects.
    struct Answer: Sendable {
        var response: HTTPClientResponse
        var address: WebAddress
        var endpoint: Endpoint

        /// The body, refused beyond a limit, within a minute.
        func bytes(limit: Int, _ operation: String, _ object: String, seconds: Int) async throws -> [UInt8] {
            if let length = response.headers.first(name: "Content-Length").flatMap({ Int64($0) }), length > limit {
                throw RegistryError(
                    .invalidContent, operation: operation, object: object,
                    cause: "the registry's answer has \(length) bytes, more than the \(limit) that are read")
            }
            let watch = StallWatch()
            let body = response.body
            do {
                return try await watch.run(seconds: seconds) {
                    var result = [UInt8]()
                    watch.beginWait()
                    for try await chunk in body {
                        guard result.count + chunk.readableBytes <= limit else {
                            throw RegistryError(
                                .invalidContent, operation: operation, object: object,
                                cause: "the registry's answer has more than the \(limit) bytes that are read")
                        }
                        result += chunk.readableBytesView
                        watch.add(chunk.readableBytes)
                    }
                    return result
                }
            } catch let error as RegistryError {
                throw error
            } catch {
                if watch.hasStalled {
                    throw RegistryError(
                        .unavailable, operation: operation, object: object,
                        cause: "\(address.authority): it stopped sending for \(seconds) seconds")
                }
                try Task.checkCancellation()
                throw RegistryError(
                    .unavailable, operation: operation, object: object,
                    cause: TransportFailure(error, address: address).sentence)
            }
        }
    }

    /// Sends a request with what the registry wants to see, follows redirects, waits where it says "later", and tries
    /// again what failed on the way.
    func exchange(
        _ endpoint: Endpoint, _ first: HTTPRequest, _ operation: String, scopes: [String], accepted: Set<UInt>
    ) async throws -> Answer {
        var attempt = 0
        var hasRenewed = false
        while true {
            do {
                var request = first
                request.headers += RegistrySession.standardHeaders
                let answer = try await follow(endpoint, request, operation, scopes)
                let status = answer.response.status
                if accepted.contains(status.code) { return answer }
                if status == .unauthorized, !hasRenewed {
                    hasRenewed = true
                    _ = try? await answer.response.body.collect(upTo: 64 << 10)
                    session.forget(session.tokenKey(endpoint, scopes))
                    let challenges = Challenge.parse(answer.response.headers["WWW-Authenticate"])
                    session.note(challenges, of: endpoint)
                    _ = try await session.authorize(endpoint, challenges, scopes: scopes, operation, shown)
                    continue
                }
                let error = await refusal(answer, operation)
                guard Self.isTemporary(status), attempt < session.settings.retries else { throw error }
                attempt += 1
                try await Self.pause(attempt, after: answer.response.headers.first(name: "Retry-After"))
            } catch let failure as TransportFailure {
                try Task.checkCancellation()
                // Part of a body may have been sent: whoever sends a file begins a new upload.
                var canRepeat = true
                if case .file = first.body { canRepeat = false }
                guard canRepeat, !failure.isFinal, attempt < session.settings.retries else {
                    throw RegistryError(
                        .unavailable, operation: operation, object: shown, cause: failure.sentence)
                }
                attempt += 1
                try await Self.pause(attempt, after: nil)
            }
        }
    }

    static func isTemporary(_ status: HTTPResponseStatus) -> Bool {
        [408, 429, 500, 502, 503, 504].contains(status.code)
    }

    /// Waits a little, longer each time; or as long as the server says, a minute at most.
    static func pause(_ attempt: Int, after text: String?) async throws {
        var seconds = min(10, 0.1 * Double(1 << min(attempt, 10)))
        if let text, let asked = Int(text), asked >= 0 { seconds = Double(min(asked, 60)) }
        try await Task.sleep(for: .seconds(seconds))
    }

    /// One request and the redirects it leads to. Credentials go to the registry's own origin alone.
    private func follow(
        _ endpoint: Endpoint, _ first: HTTPRequest, _ operation: String, _ scopes: [String]
    ) async throws -> Answer {
        var request = first
        let origin = try await session.state(of: endpoint).base.origin
        for _ in 0...10 {
            var message = request
            if request.address.origin == origin,
                let value = try await session.authorization(endpoint, scopes: scopes, operation, shown)
            {
                message.headers.append(("Authorization", value))
            }
            let response = try await session.transport.send(
                message, settings: try session.connection(endpoint, request.address),
                headSeconds: headSeconds(request))
            guard [301, 302, 303, 307, 308].contains(response.status.code),
                request.method == .GET
                    || request.method == .HEAD
            else { return Answer(response: response, address: request.address, endpoint: endpoint) }
            guard let location = response.headers.first(name: "Location"),
                let next = request.address.resolving(location)
            else { throw broken(operation, "it redirects to nowhere") }
            guard next.isSecure || !request.address.isSecure else {
                throw broken(operation, "it redirects to \(next.shown), which is not encrypted")
            }
            request.address = next
        }
        throw broken(operation, "it redirects more than 10 times")
    }

    private func headSeconds(_ request: HTTPRequest) -> Int {
        // The answer to an upload comes after it; its own watch looks after that.
        if case .file = request.body { return 86400 }
        return session.settings.stallSeconds
    }

    func broken(_ operation: String, _ cause: String) -> RegistryError {
        RegistryError(
            .invalidContent, operation: operation, object: shown, cause: "the registry's answer is wrong: \(cause)")
    }

    /// An error for a status, with what the registry says about it (distribution-spec, "Error Codes").
    func refusal(_ answer: Answer, _ operation: String) async -> RegistryError {
        let status = answer.response.status
        let bytes = (try? await answer.bytes(limit: 64 << 10, operation, shown, seconds: 10)) ?? []
        let messages = RegistryMessage.parse(bytes)
        let said = messages.isEmpty ? "\(status.code) \(status.reasonPhrase)" : messages.joined(separator: "; ")
        switch status.code {
        case 401, 403:
            return RegistryError(
                .denied, operation: operation, object: shown,
                cause: "\(reference.domain) denies access, or there is no such repository (\(said))",
                remedy:
                    "log in with \"berth login\(reference.domain == Reference.defaultDomain ? "" : " \(reference.domain)")\""
            )
        case 404:
            return RegistryError(
                .notFound, operation: operation, object: shown, cause: "\(answer.endpoint.host): \(said)")
        case 405, 501:
            return RegistryError(
                .unsupported, operation: operation, object: shown, cause: "\(answer.endpoint.host): \(said)")
        case 429:
            return RegistryError(
                .unavailable, operation: operation, object: shown, cause: "\(answer.endpoint.host): \(said)",
                remedy: "wait, or log in for a higher limit")
        default:
            return RegistryError(
                .unavailable, operation: operation, object: shown, cause: "\(answer.endpoint.host): \(said)")
        }
    }
}

/// What registries say when they refuse: `{"errors":[{"code":…,"message":…,"detail":…}]}`.
public enum RegistryMessage {
    /// The messages of an answer's body; none for anything else.
    public static func parse(_ bytes: [UInt8]) -> [String] {
        guard let errors = (try? JSONValue(parsing: bytes))?["errors"]?.arrayValue else { return [] }
        return errors.prefix(4).compactMap { error in
            let message = error["message"]?.stringValue ?? ""
            let code = error["code"]?.stringValue ?? ""
            if message.isEmpty { return code.isEmpty ? nil : printable(code.lowercased()) }
            return printable(message)
        }
    }
}
