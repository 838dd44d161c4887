import Archive
import JSON
import LinuxKernel
import OCI

/// The images of a docker-archive: `manifest.json` lists configurations, names and layers by the names of files.
struct DockerArchive {
    private let spool: ArchiveSpool

    init(_ spool: ArchiveSpool) { self.spool = spool }

    private struct Item {
        var config: String
        var names: [String]
        var layers: [String]

        init(json: JSONObject) throws(JSONError) {
            config = try json.required("Config", try json.string("Config"))
            names = try json.strings("RepoTags") ?? []
            layers = try json.strings("Layers") ?? []
        }
    }

    /// Its images; none when it is no docker-archive.
    ///
    /// - Parameter platform: what they must be for; nil takes whatever there is.
    func images(_ platform: Platform?) throws(ImageStoreError) -> [ImageInput] {
        var result = [ImageInput]()
        for item in try items() {
            let input = try image(item)
            if let platform {
                guard (try? ImageConfiguration(parsing: input.configuration))?.platform.satisfies(platform) == true
                else { throw .invalid("load", "the archive", "it has an image for another platform than \(platform)") }
            }
            result.append(input)
        }
        return result
    }

    /// The full names of each image, by its configuration's digest.
    func namesByConfiguration() throws(ImageStoreError) -> [Digest: [String]] {
        var result = [Digest: [String]]()
        for item in try items() {
            guard let file = spool.file(item.config) else { continue }
            result[file.digest, default: []] += try fullNames(item)
        }
        return result
    }

    private func items() throws(ImageStoreError) -> [Item] {
        guard let bytes = try spool.bytes("manifest.json", limit: ImageManifest.maximumSize) else { return [] }
        do throws(JSONError) {
            guard let elements = try JSONValue(parsing: bytes).arrayValue else {
                throw JSONError(problem: "it is no array")
            }
            var items = [Item]()
            for element in elements {
                guard let object = element.objectValue else { throw JSONError(problem: "an element is no object") }
                items.append(try Item(json: object))
            }
            return items
        } catch {
            throw .invalid("load", "the archive", "its manifest.json is wrong: \(error)")
        }
    }

    private func fullNames(_ item: Item) throws(ImageStoreError) -> [String] {
        var names = [String]()
        for text in item.names {
            do throws(OCIError) {
                let reference = try Reference(parsing: text).withDefaultTag
                guard reference.digest == nil else { continue }
                names.append(reference.description)
            } catch {
                throw ImageStoreError(error)
            }
        }
        return names
    }

    /// The image as an OCI one. Configuration and layers stay as they are, so the image keeps its ID; the manifest, which
    /// such an archive has none of, is made here and is the same for the same archive.
    private func image(_ item: Item) throws(ImageStoreError) -> ImageInput {
        guard let config = spool.file(item.config) else { throw lacks(item.config) }
        let configuration = try spool.bytes(config, item.config, limit: ImageConfiguration.maximumSize)
        var layers = [Descriptor]()
        var files = [String?]()
        for path in item.layers {
            guard let file = spool.file(path) else { throw lacks(path) }
            let type =
                switch file.compression {
                case .gzip: MediaType.ociLayerGzip
                case .zstd: MediaType.ociLayerZstd
                default: MediaType.ociLayer
                }
            layers.append(Descriptor(mediaType: type, digest: file.digest, size: file.size))
            files.append(file.name)
        }
        let manifest = ImageManifest(
            config: Descriptor(mediaType: MediaType.ociConfiguration, digest: config.digest, size: config.size),
            layers: layers)
        return ImageInput(
            manifest: manifest.json.serialized(), mediaType: MediaType.ociManifest, configuration: configuration,
            names: try fullNames(item), layerFiles: files)
    }

    private func lacks(_ path: String) -> ImageStoreError {
        .invalid("load", "the archive", "its manifest.json names \"\(printable(path))\", which it does not hold")
    }
}
