import AsyncHTTPClient
import ImageStore
import JSON
import LinuxKernel
import NIOCore
import NIOHTTP1
import OCI
import Synchronization

/// Everything that operations on registries share: settings, credentials, connections, tokens.
public final class RegistrySession: Sendable {
    /// What the user has set.
    public let settings: RegistrySettings
    /// Where credentials are.
    public let credentials: CredentialStore
    let transport: HTTPTransport
    let certificatePlaces: [String]
    private let hosts = Mutex<[String: HostState]>([:])
    private let tokens = Mutex<[String: Token]>([:])
    private let known = Mutex<[String: Credentials]>([:])

    /// What the first contact with a host has told.
    struct HostState: Sendable {
        var base: WebAddress
        var challenges: [Challenge]
    }

    struct Token: Sendable {
        var value: String
        /// In milliseconds of the monotonic clock.
        var expires: Int64
    }

    /// A session; to be ended with ``shutdown()``.
    ///
    /// - Parameter certificatePlaces: directories that are laid out as `certs.d`.
    public init(
        settings: RegistrySettings, credentials: CredentialStore, proxies: ProxySettings, certificatePlaces: [String]
    ) {
        self.settings = settings
        self.credentials = credentials
        self.certificatePlaces = certificatePlaces
        transport = HTTPTransport(proxies: proxies, threads: settings.parallelTransfers + 2)
    }

    /// Ends all connections and threads.
    public func shutdown() async { await transport.shutdown() }

    // MARK: Hosts

    /// The hosts that serve a registry: its mirrors first where something is only read.
    func endpoints(for registry: String, reading: Bool) -> [Endpoint] {
        let set = settings.registries[registry]
        var result = [Endpoint]()
        if reading {
            for mirror in set?.mirrors ?? [] {
                result.append(
                    Endpoint(
                        host: mirror.host, registry: mirror.host, prefix: mirror.prefix,
                        isInsecure: mirror.isInsecure || settings.registries[mirror.host]?.isInsecure ?? false,
                        isMirror: true))
            }
        }
        let host = registry == Reference.defaultDomain ? "registry-1.docker.io" : registry
        result.append(
            Endpoint(host: host, registry: registry, prefix: "", isInsecure: set?.isInsecure ?? false, isMirror: false))
        return result
    }

    func connection(_ endpoint: Endpoint, _ address: WebAddress) throws(RegistryError) -> ConnectionSettings {
        // The certificates of a registry are for it alone, not for where it redirects to.
        let own = endpoint.names(address)
        let certificates = try CertificateDirectory.find(
            own ? endpoint.host : address.authority, in: certificatePlaces)
        return ConnectionSettings(
            acceptsAnyCertificate: own && endpoint.acceptsPlain && certificates.authorities.isEmpty,
            certificates: certificates)
    }

    /// How a host is reached and what it asks for: found out once by `GET /v2/` (distribution-spec, "Determining
    /// Support").
    func state(of endpoint: Endpoint) async throws -> HostState {
        if let state = hosts.withLock({ $0[endpoint.host] }) { return state }
        guard let (name, port) = WebAddress.authority(Array(endpoint.host.utf8)[...]) else {
            throw RegistryError(
                .invalidName, operation: "reach", object: endpoint.host, cause: "it is no registry's HOST[:PORT]")
        }
        let secure = WebAddress(isSecure: true, host: name, port: port, target: "/v2/")
        let plain = WebAddress(isSecure: false, host: name, port: port, target: "/v2/")
        // A registry on this machine usually speaks plain HTTP; elsewhere encryption comes first. Nothing secret is sent.
        var order = [secure]
        if endpoint.acceptsPlain {
            let hasCertificates = try CertificateDirectory.find(endpoint.host, in: certificatePlaces) != .init()
            order = secure.isLoopback && !hasCertificates ? [plain, secure] : [secure, plain]
        }
        var failure: TransportFailure?
        for address in order {
            do {
                let state = try await probe(endpoint, address)
                hosts.withLock { $0[endpoint.host] = state }
                return state
            } catch let error as TransportFailure {
                // The first failure tells most, unless it only says that the other way would have been right.
                if failure == nil || failure?.isTLS == true { failure = error }
                // Without a port in its name, the two ways lead to two ports.
                if error.isImpostor || (error.isRefused && port != nil) { break }
            }
        }
        throw RegistryError(
            .unavailable, operation: "reach", object: "the registry \(endpoint.registry)",
            cause: failure?.sentence ?? "it cannot be reached")
    }

    /// Some registries ask for nothing at first and for something at the first real request.
    func note(_ challenges: [Challenge], of endpoint: Endpoint) {
        if !challenges.isEmpty { hosts.withLock { $0[endpoint.host]?.challenges = challenges } }
    }

    private func probe(_ endpoint: Endpoint, _ address: WebAddress) async throws -> HostState {
        let response = try await transport.send(
            HTTPRequest(method: .GET, address: address, headers: Self.standardHeaders),
            settings: try connection(endpoint, address), headSeconds: min(30, settings.stallSeconds))
        let text = try? await response.body.collect(upTo: 64 << 10)
        if !address.isSecure, response.status == .badRequest,
            text.map({ String(buffer: $0).contains("HTTPS") || String(buffer: $0).contains("SSL") }) == true
        {
            throw TransportFailure(sentence: "it wants encryption", address: address)
        }
        return HostState(
            base: address.with(target: "/"), challenges: Challenge.parse(response.headers["WWW-Authenticate"]))
    }

    static let standardHeaders: [(name: String, value: String)] = [("User-Agent", "berth")]

    // MARK: Credentials

    /// What is known for an endpoint's registry. Looked up once: a helper program may take its time.
    func credentials(_ endpoint: Endpoint) async throws -> Credentials {
        if let found = known.withLock({ $0[endpoint.registry] }) { return found }
        let store = credentials
        let registry = endpoint.registry
        let found = try await transport.blocking { try store.credentials(for: registry) }
        known.withLock { $0[registry] = found }
        return found
    }

    /// Uses these from now on, without keeping them: `login` tries them first.
    func use(_ credentials: Credentials, for registry: String) { known.withLock { $0[registry] = credentials } }

    func token(_ key: String) -> String? {
        let now = MonotonicClock.milliseconds()
        return tokens.withLock { $0[key].flatMap { $0.expires > now ? $0.value : nil } }
    }

    func keep(_ token: Token, _ key: String) { tokens.withLock { $0[key] = token } }
    func forget(_ key: String) { _ = tokens.withLock { $0.removeValue(forKey: key) } }
}

/// One host that serves a registry.
struct Endpoint: Hashable, Sendable {
    /// Host and port.
    var host: String
    /// Whose credentials count.
    var registry: String
    /// What stands before a repository's name.
    var prefix: String
    var isInsecure: Bool
    var isMirror: Bool

    private var hostName: String { WebAddress.authority(Array(host.utf8)[...])?.host ?? host }

    /// As Docker does: a registry on this machine needs no encryption.
    var acceptsPlain: Bool { isInsecure || WebAddress.isLoopback(hostName) }

    /// Whether the address is on this host.
    func names(_ address: WebAddress) -> Bool {
        guard let (name, port) = WebAddress.authority(Array(host.utf8)[...]) else { return false }
        return address.host == name.lowercased() && address.port == port ?? (address.isSecure ? 443 : 80)
    }

    func path(_ repository: String) -> String { prefix.isEmpty ? repository : "\(prefix)/\(repository)" }
}
