import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1
import OCI

/// Searching for images: by Docker Hub's old interface, which some registries copy, else among the names of all of a
/// registry's repositories, where it lists them.
public struct RegistrySearch: Sendable {
    private let session: RegistrySession

    /// A search.
    public init(_ session: RegistrySession) { self.session = session }

    /// One image that was found.
    public struct Result: Equatable, Sendable {
        /// Its name.
        public var name: String
        /// What its makers say.
        public var description: String
        /// How many people like it.
        public var stars: Int
        /// Docker looks after it.
        public var isOfficial: Bool
    }

    /// Asks Docker Hub, or the registry that the term begins with (`HOST/TERM`).
    public func search(_ term: String, limit: Int) async throws -> [Result] {
        var registry = Reference.defaultDomain
        var words = term
        if let slash = term.utf8.firstIndex(of: UInt8(ascii: "/")) {
            let first = String(term[..<slash])
            if first == "localhost" || first.utf8.contains(UInt8(ascii: ".")) || first.utf8.contains(UInt8(ascii: ":"))
            {
                registry = first
                words = String(term[term.index(after: slash)...])
            }
        }
        let isHub = registry == Reference.defaultDomain
        var endpoint = session.endpoints(for: registry, reading: false)[0]
        if isHub { endpoint.host = "index.docker.io" }
        let state = try await session.state(of: endpoint)
        let repository = Repository(try Reference(parsing: "\(registry)/search"), session)
        let address = state.base.with(target: "/v1/search").adding(query: [("q", words), ("n", "\(limit)")])
        let bytes: [UInt8]
        do {
            let answer = try await repository.exchange(
                endpoint, HTTPRequest(method: .GET, address: address), "search", scopes: [], accepted: [200])
            bytes = try await answer.bytes(limit: 4 << 20, "search", registry, seconds: session.settings.stallSeconds)
        } catch let error as RegistryError where error.kind == .notFound || error.kind == .unsupported {
            if isHub { throw refusal(registry) }
            return try await inCatalog(repository, words, limit)
        }
        guard let results = Self.parse(bytes) else { throw refusal(registry) }
        return Array(results.prefix(limit))
    }

    /// The distribution specification has no search, but many registries list their repositories.
    private func inCatalog(_ repository: Repository, _ words: String, _ limit: Int) async throws -> [Result] {
        let registry = repository.reference.domain
        let names: [String]
        do { names = try await repository.catalog() } catch let error as RegistryError {
            guard error.kind != .unavailable else { throw error }
            throw refusal(registry)
        }
        let found = names.filter {
            (words.isEmpty || $0.contains(words)) && (try? Reference(parsing: "\(registry)/\($0)")) != nil
        }
        return found.prefix(limit).map {
            Result(name: "\(registry)/\($0)", description: "", stars: 0, isOfficial: false)
        }
    }

    private func refusal(_ registry: String) -> RegistryError {
        RegistryError(
            .unsupported, operation: "search", object: registry, cause: "this registry has no search",
            remedy: "\"berth pull --all-tags\" shows what a repository has")
    }

    /// The answer's images; nil when it is none.
    public static func parse(_ bytes: [UInt8]) -> [Result]? {
        guard let list = (try? JSONValue(parsing: bytes))?["results"]?.arrayValue else { return nil }
        return list.compactMap { item in
            guard let name = item["name"]?.stringValue else { return nil }
            return Result(
                name: name, description: item["description"]?.stringValue ?? "",
                stars: item["star_count"]?.integerValue(as: Int.self) ?? 0,
                isOfficial: item["is_official"]?.boolValue ?? false)
        }
    }
}
