import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1
import OCI

extension Repository {
    /// All tags, page by page (distribution-spec, "Listing Tags").
    public func tags() async throws -> [String] {
        var result = [String]()
        var path: String? = "tags/list?n=1000"
        var pages = 0
        while let target = path {
            pages += 1
            guard pages <= 1000 else { throw broken("list", "its list of tags does not end") }
            let answer = try await request(.GET, target, "list the tags of")
            let bytes = try await answer.bytes(
                limit: 4 << 20, "list the tags of", shown, seconds: session.settings.stallSeconds)
            guard let tags = TagList.parse(bytes) else { throw broken("list the tags of", "it holds no list of tags") }
            result += tags
            path = nextPage(answer)
        }
        return result
    }

    /// All repositories of the registry, where it says.
    public func catalog() async throws -> [String] {
        var result = [String]()
        var path: String? = "/v2/_catalog?n=1000"
        var pages = 0
        while let target = path {
            pages += 1
            guard pages <= 1000 else { throw broken("list", "its catalog does not end") }
            let answer = try await registryRequest(
                .GET, target, "list the repositories of", scope: "registry:catalog:*")
            let bytes = try await answer.bytes(
                limit: 16 << 20, "list the repositories of", reference.domain, seconds: session.settings.stallSeconds)
            guard let names = (try? JSONValue(parsing: bytes))?["repositories"]?.arrayValue else {
                throw broken("list the repositories of", "it holds no list of repositories")
            }
            result += names.compactMap(\.stringValue)
            path = nextPage(answer)
        }
        return result
    }

    /// The path of `Link: <…>; rel="next"`.
    private func nextPage(_ answer: Answer) -> String? {
        answer.response.headers.first(name: "Link").flatMap { LinkHeader.next($0, seenFrom: answer.address) }
    }

    /// A request that is about no repository.
    func registryRequest(
        _ method: HTTPMethod, _ path: String, _ operation: String, scope: String?, accepted: Set<UInt> = [200]
    ) async throws -> Answer {
        guard let endpoint = session.endpoints(for: reference.domain, reading: false).first else {
            throw RegistryError(.unavailable, operation: operation, object: shown, cause: "there is no registry to ask")
        }
        let state = try await session.state(of: endpoint)
        return try await exchange(
            endpoint, HTTPRequest(method: method, address: state.base.with(target: path)), operation,
            scopes: scope.map { [$0] } ?? [], accepted: accepted)
    }
}

/// `Link: <…>; rel="next"` (RFC 8288), by which lists come in pages.
public enum LinkHeader {
    /// The path of the next page; nil when there is none, or one at another place than this one.
    public static func next(_ text: String, seenFrom address: WebAddress) -> String? {
        let bytes = Array(text.utf8)
        guard let open = bytes.firstIndex(of: UInt8(ascii: "<")),
            let close = bytes[open...].firstIndex(of: UInt8(ascii: ">")),
            String(decoding: bytes[close...], as: UTF8.self).lowercased().contains("next"),
            let next = address.resolving(String(decoding: bytes[(open + 1)..<close], as: UTF8.self)),
            next.origin == address.origin
        else { return nil }
        return next.target
    }
}

/// `{"name":…,"tags":[…]}`.
public enum TagList {
    /// The tags that can be tags; nil when the answer is something else. A registry without any says null.
    public static func parse(_ bytes: [UInt8]) -> [String]? {
        guard let object = (try? JSONValue(parsing: bytes))?.objectValue, let tags = object["tags"] else { return nil }
        if tags == .null { return [] }
        guard let list = tags.arrayValue else { return nil }
        return list.compactMap(\.stringValue).filter { tag in
            (try? Reference(parsing: "a/b:\(tag)"))?.tag == tag
        }
    }
}
