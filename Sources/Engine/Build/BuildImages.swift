import ImageBuilder
import ImageStore
import LinuxKernel
import OCI

/// The images that Dockerfiles begin with: those of the store.
public struct BuildImages: BaseImageSource {
    let engine: Engine

    public init(engine: Engine) { self.engine = engine }

    public func baseImage(_ name: String, platform: Platform) throws(BuildError) -> BaseImage {
        let image: StoredImage
        do throws(ImageStoreError) { image = try engine.images.resolve(name) } catch {
            throw BuildError(
                operation: "find", object: "the image \(quote(name))", cause: error.description,
                remedy: error.kind == .noSuchImage ? "load or pull it first" : "")
        }
        return BaseImage(
            name: name, configuration: image.configuration, layers: engine.images.layerDirectories(of: image),
            stored: image)
    }
}

extension Engine {
    /// Where builds keep what they remember.
    public var buildCachePath: String { roots.state + "/build" }
}
