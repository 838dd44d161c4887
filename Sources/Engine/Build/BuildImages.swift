import ImageBuilder
import ImageStore
import LinuxKernel
import OCI

/// The images that Dockerfiles begin with: those of the store, and what can be fetched.
public final class BuildImages: BaseImageSource {
    private let engine: Engine
    private let fetch: ((String) -> String?)?
    private let fetchesAlways: Bool
    private var fetched = Set<String>()

    /// - Parameters:
    ///   - fetchesAlways: each image once, also when one of its name is there.
    ///   - fetch: pulls an image and says why it could not; nil looks into the store only.
    public init(engine: Engine, fetchesAlways: Bool = false, fetch: ((String) -> String?)? = nil) {
        self.engine = engine
        self.fetch = fetch
        self.fetchesAlways = fetchesAlways
    }

    public func baseImage(_ name: String, platform: Platform) throws(BuildError) -> BaseImage {
        if fetchesAlways { try pull(name, because: "it is to be pulled") }
        let image: StoredImage
        do throws(ImageStoreError) { image = try engine.images.resolve(name) } catch {
            guard error.kind == .noSuchImage, fetch != nil, !fetched.contains(name) else { throw refusal(name, error) }
            try pull(name, because: error.description)
            do throws(ImageStoreError) { image = try engine.images.resolve(name) } catch { throw refusal(name, error) }
        }
        return BaseImage(
            name: name, configuration: image.configuration, layers: engine.images.layerDirectories(of: image),
            stored: image)
    }

    private func pull(_ name: String, because cause: String) throws(BuildError) {
        guard let fetch, fetched.insert(name).inserted, (try? Reference(parsing: name)) != nil else { return }
        if let reason = fetch(name) {
            throw BuildError(operation: "find", object: "the image \(quote(name))", cause: cause, remedy: reason)
        }
    }

    private func refusal(_ name: String, _ error: ImageStoreError) -> BuildError {
        BuildError(
            operation: "find", object: "the image \(quote(name))", cause: error.description,
            remedy: error.kind == .noSuchImage ? "load or pull it first" : "")
    }
}

extension Engine {
    /// Where builds keep what they remember.
    public var buildCachePath: String { roots.state + "/build" }
}
