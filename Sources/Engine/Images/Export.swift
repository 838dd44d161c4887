import Archive
import ContainerRuntime
import ImageStore
import LinuxKernel

extension Engine {
    /// Writes a container's whole file system as one tar, volumes left out.
    public func export(_ name: String, to sink: any ByteSink) throws {
        let (record, _, directory) = try inspect(name)
        var layers = record.layers.map { OverlayRoot.Layer(path: $0.path, idBase: $0.idBase) }
        layers.append(.init(path: directory.upperDirectory, idBase: record.idRange?.base ?? 0))
        let tree = try ImageTree(layers: layers)
        // Headers first, then contents in the same order: a file has the length its header says, whatever happens to it.
        let path = directory.path + "/export.\(ContainerID.make().prefix(12))"
        let file = try attempt("make", path) { () throws(Errno) in
            try Files.open(path, [.readWrite, .create, .exclusive], mode: 0o600)
        }
        try? Files.unlink(path)
        let record2 = try attempt("make", path) { () throws(Errno) in try file.duplicated() }
        _ = try UpperDirectory.record(
            try tree.openRoot(), content: .wholeTree, idBases: layers.map(\.idBase) + [0], root: nil, to: FileSink(file)
        )
        try attempt("read", path) { () throws(Errno) in try record2.rewind() }
        let source = InputBuffer(
            try RecordedTarSource(record: FileSource(record2), root: try tree.openRoot(), isStrict: false))
        while true {
            let bytes = try source.available(limit: InputBuffer.capacity)
            if bytes.isEmpty { return }
            try sink.write(bytes)
            source.consume(bytes.count)
        }
    }
}
