import JSON
import OCI

/// Finds the manifest for a platform below an index.
struct ManifestChoice: Sendable {
    let repository: Repository
    let platform: Platform
    /// For messages.
    let object: String

    func choose(_ top: FetchedManifest) async throws -> FetchedManifest {
        var present = top
        var visited = Set<Digest>()
        while MediaType.isIndex(present.mediaType) {
            guard visited.insert(present.digest).inserted, visited.count <= 4 else {
                throw refuse(.invalidContent, "its indexes point at each other")
            }
            let next = try entry(present)
            present = try await repository.manifest(next.digest.description, size: next.size)
            guard present.mediaType == next.mediaType else {
                throw refuse(
                    .invalidContent,
                    "its manifest is \(present.mediaType), its index says \(printable(next.mediaType))")
            }
        }
        return present
    }

    private func entry(_ manifest: FetchedManifest) throws -> Descriptor {
        let index: ImageIndex
        do throws(JSONError) { index = try ImageIndex(parsing: manifest.bytes) } catch {
            throw refuse(.invalidContent, "its index is wrong: \(error)")
        }
        if let match = index.manifest(for: platform) { return match }
        let rest = index.manifests.filter { $0.platform == nil }
        if rest.count == 1, let only = rest.first { return only }
        var platforms = [String]()
        for entry in index.manifests {
            guard let platform = entry.platform?.description, !platform.hasPrefix("unknown"),
                !platforms.contains(platform)
            else { continue }
            platforms.append(platform)
        }
        throw refuse(
            .notFound,
            "it has no image for \(platform)"
                + (platforms.isEmpty ? "" : ", only for \(platforms.joined(separator: ", "))"))
    }

    private func refuse(_ kind: RegistryError.Kind, _ cause: String) -> RegistryError {
        RegistryError(kind, operation: "pull", object: object, cause: cause)
    }
}
