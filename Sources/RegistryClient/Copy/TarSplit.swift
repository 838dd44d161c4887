import Archive
import ImageStore
import JSON
import LinuxKernel
import OCI

/// The record that containers/storage keeps of a layer's tar (vbatts/tar-split): in gzip, a JSON object a line; type 2 holds
/// raw bytes, type 1 stands for the content of a file of the layer's tree.
enum TarSplit {
    /// Puts the identical tar together.
    static func assemble(record: String, tree: String, to file: SharedDescriptor) throws -> (
        size: Int64, digest: Digest
    ) {
        do {
            let lines = InputBuffer(
                try InputBuffer(FileSource(try Files.open(record, .readOnly))).decompressed())
            return try ScratchFile.copy(Assembly(lines, try DirectoryTree(tree)), to: file)
        } catch let error as ArchiveError {
            throw RegistryError(.invalidContent, operation: "read", object: record, cause: error.cause)
        } catch let error as Errno {
            throw RegistryError(.store, operation: "read", object: record, cause: "\(error)")
        }
    }

    private final class Assembly: ByteSource {
        private let lines: InputBuffer
        private let tree: DirectoryTree
        private var present: (any ByteSource)?

        init(_ lines: InputBuffer, _ tree: DirectoryTree) {
            self.lines = lines
            self.tree = tree
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
            while true {
                if let present {
                    let count = try present.read(into: buffer)
                    if count > 0 { return count }
                    self.present = nil
                }
                guard let line = try nextLine() else { return 0 }
                try begin(line)
            }
        }

        private func nextLine() throws(ArchiveError) -> [UInt8]? {
            var line = [UInt8]()
            while true {
                let bytes = try lines.available(limit: InputBuffer.capacity)
                if bytes.isEmpty { return line.isEmpty ? nil : line }
                if let end = bytes.firstIndex(of: 10) {
                    line += bytes[..<end]
                    lines.consume(end + 1)
                    if !line.isEmpty { return line }
                } else {
                    line += bytes
                    lines.consume(bytes.count)
                }
                guard line.count <= 64 << 20 else { throw refuse("a line of it has no end") }
            }
        }

        private func begin(_ line: [UInt8]) throws(ArchiveError) {
            guard let entry = try? JSONValue(parsing: line) else { throw refuse("it is damaged") }
            switch entry["type"]?.integerValue(as: Int.self) {
            case 2:
                guard let bytes = entry["payload"]?.stringValue.flatMap({ Base64.bytes($0) }) else {
                    throw refuse("it is damaged")
                }
                present = MemorySource(bytes)
            case 1:
                // The name, as bytes where it is not UTF-8.
                let raw = entry["name_raw"]?.stringValue.flatMap { Base64.bytes($0) }
                let name = raw.map { String(decoding: $0, as: UTF8.self) } ?? entry["name"]?.stringValue ?? ""
                let size = entry["size"]?.integerValue(as: Int64.self) ?? 0
                guard size > 0 else { return }
                let file: BlobFile?
                do throws(RegistryError) { file = try tree.file(relative(name)) } catch { throw refuse(error.cause) }
                guard let file, file.size == size else {
                    throw refuse("the file \(printable(name)) is missing or changed")
                }
                present = PositionedSource(file)
            default: return
            }
        }

        private func relative(_ name: String) -> String { PathText.names(name).joined(separator: "/") }

        private func refuse(_ cause: String) -> ArchiveError {
            ArchiveError(operation: "read", object: "the archive", cause: cause)
        }
    }
}
