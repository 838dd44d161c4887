import Archive
import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1
import OCI

/// A manifest or an index, verified.
public struct FetchedManifest: Sendable {
    /// Its exact bytes.
    public let bytes: [UInt8]
    /// What it is.
    public let mediaType: String
    /// The digest it was asked for by, or that of its bytes.
    public let digest: Digest

    /// What refers to it.
    public var descriptor: Descriptor { Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count)) }
}

extension Repository {
    private static let accept = [
        MediaType.ociManifest, MediaType.ociIndex, MediaType.dockerManifest, MediaType.dockerManifestList,
    ].map { (name: "Accept", value: $0) }

    /// The digest a tag stands for, by `HEAD`; nil where the registry does not say or has no such tag.
    public func digest(of tag: String) async throws -> Digest? {
        do {
            let answer = try await request(.HEAD, "manifests/\(tag)", "pull", headers: Self.accept)
            return answer.response.headers.first(name: "Docker-Content-Digest").flatMap { try? Digest(parsing: $0) }
        } catch let error as RegistryError where error.kind == .notFound || error.kind == .unsupported {
            return nil
        }
    }

    /// Whether the registry has a manifest.
    func hasManifest(_ digest: Digest) async throws -> Bool {
        do {
            _ = try await request(.HEAD, "manifests/\(digest)", "push", access: .push, headers: Self.accept)
            return true
        } catch let error as RegistryError where error.kind == .notFound { return false }
    }

    /// A manifest or index by tag or digest.
    ///
    /// - Parameter size: bytes it must have, where a descriptor says so.
    public func manifest(_ name: String, size: Int64? = nil, operation: String = "pull") async throws -> FetchedManifest
    {
        let object = (try? Digest(parsing: name)) == nil ? "\(shown):\(name)" : "\(shown)@\(name)"
        let answer = try await request(.GET, "manifests/\(name)", operation, headers: Self.accept)
        let bytes = try await answer.bytes(
            limit: ImageManifest.maximumSize, operation, object, seconds: session.settings.stallSeconds)
        let said = answer.response.headers.first(name: "Docker-Content-Digest")
        let type = answer.response.headers.first(name: "Content-Type") ?? ""
        return try ManifestAnswer.verify(
            bytes, contentType: type, saidDigest: said, wanted: try? Digest(parsing: name), size: size, operation,
            object)
    }

    /// Stores a manifest under a tag or its own digest.
    ///
    /// - Returns: what it is about, where the registry looks after that itself (`OCI-Subject`).
    @discardableResult
    public func putManifest(_ manifest: FetchedManifest, as name: String) async throws -> Digest? {
        let answer = try await request(
            .PUT, "manifests/\(name)", "push", access: .push,
            body: .bytes(manifest.bytes, type: manifest.mediaType), accepted: [200, 201, 202])
        return answer.response.headers.first(name: "OCI-Subject").flatMap { try? Digest(parsing: $0) }
    }
}

/// Reads what a registry answers when it is asked for a manifest.
public enum ManifestAnswer {
    /// Verifies size and digest, and that the document is of a type that is known.
    public static func verify(
        _ bytes: [UInt8], contentType: String, saidDigest: String?, wanted: Digest?, size: Int64?,
        _ operation: String, _ object: String
    ) throws(RegistryError) -> FetchedManifest {
        func refuse(_ cause: String, _ remedy: String = "") -> RegistryError {
            RegistryError(.invalidContent, operation: operation, object: object, cause: cause, remedy: remedy)
        }
        if let size, size != Int64(bytes.count) {
            throw refuse("its manifest should have \(size) bytes but has \(bytes.count)")
        }
        let said = saidDigest.flatMap { try? Digest(parsing: $0) }
        if let expected = wanted ?? said {
            let actual = Digest(of: bytes, algorithm: expected.algorithm)
            guard actual == expected else {
                throw refuse("the digest of its manifest should be \(expected) but is \(actual)")
            }
        }
        let header = contentType.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() } ?? ""
        let document: JSONObject
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw JSONError(problem: "it is no JSON object")
            }
            document = object
        } catch {
            if header == "text/html" || bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "<") {
                throw refuse(
                    "the server answers with a web page, not with a manifest", "see whether this is a registry")
            }
            throw refuse("its manifest is wrong: \(error)")
        }
        let own = document["mediaType"]?.stringValue
        let isKnown = MediaType.isIndex(header) || MediaType.isManifest(header)
        if let own, isKnown, own != header {
            throw refuse("its manifest says that it is \(own), the registry that it is \(header)")
        }
        let type: String
        if let own {
            type = own
        } else if isKnown {
            type = header
        } else {
            type = document["manifests"] == nil ? MediaType.ociManifest : MediaType.ociIndex
        }
        if type == MediaType.dockerManifest1 || type == MediaType.dockerManifest1Signed
            || document["schemaVersion"]?.integerValue(as: Int.self) == 1
        {
            throw refuse(
                "it is an image of Docker's schema 1, which cannot be verified", "have its maker push it again")
        }
        guard MediaType.isIndex(type) || MediaType.isManifest(type) else {
            throw refuse("\"\(printable(type))\" is neither an image manifest nor an index")
        }
        return FetchedManifest(bytes: bytes, mediaType: type, digest: wanted ?? said ?? Digest(of: bytes))
    }
}
