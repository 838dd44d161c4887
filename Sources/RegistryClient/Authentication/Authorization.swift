import AsyncHTTPClient
import JSON
import LinuxKernel
import NIOHTTP1
import OCI

extension RegistrySession {
    func tokenKey(_ endpoint: Endpoint, _ scopes: [String]) -> String {
        "\(endpoint.host) \(endpoint.registry) \(scopes.joined(separator: " "))"
    }

    /// The value of the `Authorization` header that a request needs; nil where none is asked for.
    func authorization(
        _ endpoint: Endpoint, scopes: [String], _ operation: String, _ object: String
    ) async throws -> String? {
        if let token = token(tokenKey(endpoint, scopes)) { return token }
        let state = try await state(of: endpoint)
        if state.challenges.isEmpty { return nil }
        return try await authorize(endpoint, state.challenges, scopes: scopes, operation, object)
    }

    /// Answers a challenge: a token from the server it names, or name and password.
    ///
    /// - Returns: the value of an `Authorization` header; nil when there is nothing to show.
    func authorize(
        _ endpoint: Endpoint, _ challenges: [Challenge], scopes: [String], _ operation: String, _ object: String
    ) async throws -> String? {
        let credentials = try await credentials(endpoint)
        if case .registryToken(let token) = credentials { return "Bearer \(token)" }
        if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
            let token = try await fetchToken(endpoint, challenge, credentials, scopes: scopes, operation, object)
            keep(token, tokenKey(endpoint, scopes))
            return token.value
        }
        if challenges.contains(where: { $0.scheme == "basic" }), let value = credentials.basic {
            let state = try await state(of: endpoint)
            guard state.base.isSecure || endpoint.acceptsPlain else {
                throw RegistryError(
                    .denied, operation: operation, object: object,
                    cause: "the connection to \(endpoint.host) is not encrypted, and credentials would be readable")
            }
            return value
        }
        return nil
    }

    /// Asks a token server (distribution's "Token Authentication Specification"; with an identity token, its OAuth2 form).
    private func fetchToken(
        _ endpoint: Endpoint, _ challenge: Challenge, _ credentials: Credentials, scopes: [String],
        _ operation: String, _ object: String
    ) async throws -> Token {
        func refuse(_ cause: String) -> RegistryError {
            RegistryError(.denied, operation: operation, object: object, cause: cause)
        }
        let state = try await state(of: endpoint)
        guard let text = challenge.parameters["realm"], let realm = WebAddress(parsing: text) else {
            throw refuse("\(endpoint.host) names no token server that can be asked")
        }
        // Without encryption only the registry's own host is asked, and only when it is itself reached so.
        let isOwnPlain =
            !state.base.isSecure && (realm.host == state.base.host || (realm.isLoopback && state.base.isLoopback))
        guard realm.isSecure || isOwnPlain else {
            throw refuse("\(endpoint.host) names the token server \(realm.shown), which is not encrypted")
        }
        var service = [(String, String)]()
        if let name = challenge.parameters["service"] { service.append(("service", name)) }
        let request: HTTPRequest
        if case .identityToken(let secret) = credentials {
            var form = [("grant_type", "refresh_token"), ("refresh_token", secret), ("client_id", "berth")] + service
            form.append(("scope", scopes.joined(separator: " ")))
            let body = form.map { "\(WebAddress.escaped($0.0))=\(WebAddress.escaped($0.1))" }.joined(separator: "&")
            request = HTTPRequest(
                method: .POST, address: realm, headers: Self.standardHeaders,
                body: .bytes(Array(body.utf8), type: "application/x-www-form-urlencoded"))
        } else {
            var query = service + scopes.map { ("scope", $0) }
            var headers = Self.standardHeaders
            if let value = credentials.basic {
                headers.append(("Authorization", value))
                if let user = credentials.user { query.append(("account", user)) }
            }
            request = HTTPRequest(method: .GET, address: realm.adding(query: query), headers: headers)
        }
        let answer = try await askTokenServer(endpoint, request, operation, object)
        return try AccessToken.parse(answer, operation, object)
    }

    private func askTokenServer(
        _ endpoint: Endpoint, _ request: HTTPRequest, _ operation: String, _ object: String
    ) async throws -> [UInt8] {
        var attempt = 0
        while true {
            do {
                let response = try await transport.send(
                    request, settings: try connection(endpoint, request.address), headSeconds: settings.stallSeconds)
                let answer = Repository.Answer(response: response, address: request.address, endpoint: endpoint)
                let bytes = try await answer.bytes(limit: 1 << 20, operation, object, seconds: settings.stallSeconds)
                if response.status == .ok { return bytes }
                let temporary = Repository.isTemporary(response.status) && attempt < settings.retries
                guard temporary else {
                    let said = AccessToken.complaint(bytes) ?? "\(response.status.code) \(response.status.reasonPhrase)"
                    let isDenial = [400, 401, 403].contains(response.status.code)
                    throw RegistryError(
                        isDenial ? .denied : .unavailable, operation: operation, object: object,
                        cause: "the token server \(request.address.authority) says: \(said)",
                        remedy: isDenial ? "log in with \"berth login \(endpoint.registry)\"" : "")
                }
                attempt += 1
                try await Repository.pause(attempt, after: response.headers.first(name: "Retry-After"))
            } catch let failure as TransportFailure {
                try Task.checkCancellation()
                guard !failure.isFinal, attempt < settings.retries else {
                    throw RegistryError(.unavailable, operation: operation, object: object, cause: failure.sentence)
                }
                attempt += 1
                try await Repository.pause(attempt, after: nil)
            }
        }
    }
}

/// What a token server answers.
public enum AccessToken {
    /// The token of `{"token":…}` or `{"access_token":…}`, for as long as it says, a minute if it says nothing.
    static func parse(_ bytes: [UInt8], _ operation: String, _ object: String) throws -> RegistrySession.Token {
        guard let (value, seconds) = read(bytes) else {
            throw RegistryError(
                .denied, operation: operation, object: object, cause: "the token server's answer holds no token")
        }
        let expires = MonotonicClock.milliseconds() + (seconds > 20 ? seconds - 10 : seconds) * 1000
        return RegistrySession.Token(value: "Bearer \(value)", expires: expires)
    }

    /// The token and its seconds; nil when there is none, or one that could not stand in a header.
    public static func read(_ bytes: [UInt8]) -> (value: String, seconds: Int64)? {
        guard let object = (try? JSONValue(parsing: bytes))?.objectValue else { return nil }
        let texts = ["token", "access_token"].compactMap { object[$0]?.stringValue }
        guard let value = texts.first(where: { !$0.isEmpty }), value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        let seconds = object["expires_in"]?.integerValue(as: Int64.self) ?? 60
        return (value, min(max(seconds, 1), 86400))
    }

    /// What it says when it gives none.
    static func complaint(_ bytes: [UInt8]) -> String? {
        let messages = RegistryMessage.parse(bytes)
        if !messages.isEmpty { return messages.joined(separator: "; ") }
        guard let object = (try? JSONValue(parsing: bytes))?.objectValue else { return nil }
        return ["details", "error_description", "message", "error"].compactMap { object[$0]?.stringValue }.first.map {
            printable($0)
        }
    }
}
