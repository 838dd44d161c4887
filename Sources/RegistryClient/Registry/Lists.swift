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
        guard let link = answer.response.headers.first(name: "Link"), link.contains("next"),
            let open = link.utf8.firstIndex(of: UInt8(ascii: "<")),
            let close = link.utf8.firstIndex(of: UInt8(ascii: ">")),
            open < close, let next = answer.address.resolving(String(link[link.index(after: open)..<close])),
            next.origin == answer.address.origin
        else { return nil }
        return next.target
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

    /// What refers to a manifest: signatures, SBOMs (distribution-spec, "Listing Referrers"), from the referrers API, or
    /// from the tag that older registries keep it under.
    public func referrers(of digest: Digest) async throws -> [Descriptor] {
        let name: String
        do {
            let answer = try await request(.GET, "referrers/\(digest)", "list the referrers of")
            let type = answer.response.headers.first(name: "Content-Type") ?? ""
            if type.utf8.starts(with: MediaType.ociIndex.utf8) {
                let bytes = try await answer.bytes(
                    limit: ImageIndex.maximumSize, "list the referrers of", shown,
                    seconds: session.settings.stallSeconds)
                do throws(JSONError) { return try ImageIndex(parsing: bytes).manifests } catch {
                    throw broken("list the referrers of", "\(error)")
                }
            }
        } catch let error as RegistryError where error.kind == .notFound || error.kind == .unsupported {}
        name = "\(digest.algorithm.rawValue)-\(digest.hex)"
        do {
            let index = try await manifest(name, operation: "list the referrers of")
            guard MediaType.isIndex(index.mediaType) else { return [] }
            do throws(JSONError) { return try ImageIndex(parsing: index.bytes).manifests } catch {
                throw broken("list the referrers of", "\(error)")
            }
        } catch let error as RegistryError where error.kind == .notFound { return [] }
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
