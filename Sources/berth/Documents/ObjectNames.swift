import CommandLine
import Engine
import ImageStore
import LinuxKernel
import OCI

extension ProgramExecution {
    /// The names of all objects of these kinds, a line each, for shells that complete them. What cannot be read has none:
    /// nobody wants an error while typing.
    func printNames(_ kinds: [String]) -> Int32 {
        var names: [String] = []
        for kind in kinds {
            switch kind {
            case "container": names += ((try? engine.list()) ?? []).map(\.record.name)
            case "image": names += ((try? engine.images.images()) ?? []).flatMap(\.references).map(\.familiar)
            case "network": names += ((try? engine.networkEntries()) ?? []).map(\.name)
            case "volume":
                guard let directory = try? Files.open(engine.roots.volumes, [.readOnly, .directory]) else { continue }
                names += ((try? directory.directoryEntries()) ?? []).map(\.name.description)
            default: break
            }
        }
        // A name that would be cut or hidden in a terminal is no help there.
        let lines = Set(names).filter { !$0.isEmpty && printable($0) == $0 }.sorted()
        _ = writeBytes(Array(lines.map { $0 + "\n" }.joined().utf8), to: 1)
        return 0
    }
}
