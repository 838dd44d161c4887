import Archive
import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1
import OCI

extension Repository {
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
        name = Self.referrersTag(digest)
        do {
            let index = try await manifest(name, operation: "list the referrers of")
            guard MediaType.isIndex(index.mediaType) else { return [] }
            do throws(JSONError) { return try ImageIndex(parsing: index.bytes).manifests } catch {
                throw broken("list the referrers of", "\(error)")
            }
        } catch let error as RegistryError where error.kind == .notFound { return [] }
    }

    /// The tag under which registries without the referrers API have the list (distribution-spec, "Referrers Tag Schema").
    private static func referrersTag(_ digest: Digest) -> String { "\(digest.algorithm.rawValue)-\(digest.hex)" }

    /// Adds an artifact to the list that a tag stands for. Two that do so at once may lose one of both: the specification
    /// has no way around that.
    func tagReferrer(_ descriptor: Descriptor, _ manifest: ImageManifest, about subject: Digest) async throws {
        let tag = Self.referrersTag(subject)
        var index = ImageIndex(manifests: [])
        do {
            let present = try await self.manifest(tag, operation: "push")
            if let document = try? ImageIndex(parsing: present.bytes) { index = document }
        } catch let error as RegistryError where error.kind == .notFound {}
        guard !index.manifests.contains(where: { $0.digest == descriptor.digest }) else { return }
        var entry = descriptor
        entry.artifactType = manifest.artifactType ?? manifest.config.mediaType
        entry.annotations = manifest.annotations
        index.manifests.append(entry)
        let bytes = index.json.serialized()
        try await putManifest(
            FetchedManifest(bytes: bytes, mediaType: MediaType.ociIndex, digest: Digest(of: bytes)), as: tag)
    }
}
