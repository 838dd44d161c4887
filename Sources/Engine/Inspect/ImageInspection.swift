import ImageStore
import JSON
import OCI

extension ImageStore {
    /// An image in the shape of `docker image inspect`.
    public func inspection(_ name: String, platform: Platform? = nil) throws(ImageStoreError) -> JSONValue {
        let image = try resolve(name, platform: platform)
        return image.inspection(digests: [try index(of: image)?.digest ?? image.manifestDigest])
    }
}

extension StoredImage {
    /// The image in the shape of `docker image inspect`, under the digests that its names have.
    fileprivate func inspection(digests: [Digest]) -> JSONValue {
        let configuration = self.configuration
        return [
            "Id": .string(id.description),
            "RepoTags": JSONValue(references.filter { $0.tag != nil }.map(\.familiar)),
            "RepoDigests": JSONValue(
                Set(references.map(\.familiarName)).sorted().flatMap { name in digests.map { "\(name)@\($0)" } }),
            "Parent": "", "Comment": .string(configuration.history.last?.comment ?? ""),
            "Created": .string(configuration.created ?? ""), "DockerVersion": "",
            "Author": .string(configuration.author ?? ""), "Config": configuration.config.json,
            "Architecture": .string(configuration.platform.architecture), "Os": .string(configuration.platform.os),
            "Size": JSONValue(size), "GraphDriver": ["Name": "overlay2", "Data": .object(JSONObject())],
            "RootFS": ["Type": "layers", "Layers": JSONValue(configuration.diffIDs.map(\.description))],
            "Metadata": .object(JSONObject()),
        ]
    }
}
