import ImageStore
import JSON
import OCI

extension StoredImage {
    /// The image in the shape of `docker image inspect`.
    public var inspection: JSONValue {
        let configuration = self.configuration
        return [
            "Id": .string(id.description),
            "RepoTags": JSONValue(references.filter { $0.tag != nil }.map(\.familiar)),
            "RepoDigests": JSONValue(
                Set(references.map(\.familiarName)).sorted().map { "\($0)@\(manifestDigest.description)" }),
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
