import ContainerRuntime
import ImageStore
import LinuxKernel

extension Engine {
    /// Fills empty volumes with what the image has at their places, as Docker does: a database image's volume starts with
    /// the right owner and content.
    func fillVolumes(_ record: ContainerRecord, _ image: StoredImage) throws(EngineError) {
        for mount in record.mounts where mount.kind == .volume && mount.copiesContent {
            let target = try attempt("open volume", mount.name) { () throws(Errno) in
                try Files.open(mount.source, [.readOnly, .directory])
            }
            let isEmpty = try attempt("read volume", mount.name) { () throws(Errno) in try target.directoryEntries().isEmpty }
            guard isEmpty else { continue }
            do throws(RuntimeError) {
                let layers = images.layerDirectories(of: image).map { OverlayRoot.Layer(path: $0.path, idBase: $0.idBase) }
                let tree = try ImageTree(layers: layers)
                guard let source = try tree.openDirectory(mount.destination) else { continue }
                var copy = TreeCopy()
                do throws(Errno) { try copy.copyContent(of: source.rawValue, to: target.rawValue) } catch {
                    throw RuntimeError("copy", mount.destination, error)
                }
            } catch {
                throw EngineError("cannot fill volume \(mount.name) with the image's content: \(error)", exitCode: 125)
            }
        }
    }
}
