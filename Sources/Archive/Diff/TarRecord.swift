import LinuxKernel

/// What a tar holds besides the content of its files, so that the identical tar streams from the files again: each header
/// as it is, and for each content the file it is in. A layer that was built here needs no second copy as a blob.
///
///     "berth tar record 1\n", then for each item:
///     length of the bytes (4), the bytes      headers, and the end of the archive
///     length of the name (4), the name        of the file whose content follows; 0: none does
///     length of the content (8)               which is filled up with zeros to a block
///
/// All numbers are little-endian. The whole is compressed with zstd.
enum TarRecord {
    static let magic = Array("berth tar record 1\n".utf8)
    /// Headers with the longest names and attributes are not longer.
    static let maximumHeader = 16 << 20

    /// One item.
    struct Item: Equatable {
        var header: [UInt8]
        /// Relative to the layer's root; empty for an item without content.
        var path: [UInt8] = []
        var size: Int64 = 0
    }
}

/// Writes a record.
final class TarRecordWriter {
    private let sink: ZstdSink
    /// Length of the tar so far.
    private(set) var tarSize: Int64 = 0

    init(_ sink: any ByteSink) throws(ArchiveError) {
        self.sink = try ZstdSink(sink)
        try self.sink.write(TarRecord.magic)
    }

    func add(_ item: TarRecord.Item) throws(ArchiveError) {
        var bytes = [UInt8]()
        bytes.reserveCapacity(item.header.count + item.path.count + 16)
        Self.append(UInt64(item.header.count), 4, &bytes)
        bytes += item.header
        Self.append(UInt64(item.path.count), 4, &bytes)
        bytes += item.path
        Self.append(UInt64(item.size), 8, &bytes)
        try sink.write(bytes)
        tarSize += Int64(item.header.count) + (item.size + 511) / 512 * 512
    }

    func finish() throws(ArchiveError) {
        try add(TarRecord.Item(header: [UInt8](repeating: 0, count: 1024)))
        try sink.finish()
    }

    private static func append(_ number: UInt64, _ count: Int, _ bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))) }
    }
}

/// Reads a record item by item, in bounded memory.
final class TarRecordReader {
    private let input: InputBuffer

    /// A record's bytes, compressed.
    init(_ source: any ByteSource) throws(ArchiveError) {
        input = InputBuffer(try ZstdSource(InputBuffer(source)))
        guard try take(TarRecord.magic.count) == TarRecord.magic else { throw Self.damaged("it is none") }
    }

    private static func damaged(_ cause: String) -> ArchiveError {
        ArchiveError(operation: "read", object: "the record of a layer's headers", cause: cause)
    }

    func next() throws(ArchiveError) -> TarRecord.Item? {
        if try input.peek(1).isEmpty { return nil }
        let length = try number(4)
        guard length <= UInt64(TarRecord.maximumHeader) else { throw Self.damaged("a header is too long") }
        let header = try take(Int(length))
        let pathLength = try number(4)
        guard pathLength <= UInt64(LayerPath.maximumLength) else { throw Self.damaged("a name is too long") }
        let path = try take(Int(pathLength))
        guard !path.contains(0) else { throw Self.damaged("a name holds a zero byte") }
        let size = try number(8)
        guard size <= UInt64(Int64.max - 1024), !path.isEmpty || size == 0 else {
            throw Self.damaged("a length is wrong")
        }
        return TarRecord.Item(header: header, path: path, size: Int64(size))
    }

    private func number(_ count: Int) throws(ArchiveError) -> UInt64 {
        try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func take(_ count: Int) throws(ArchiveError) -> [UInt8] {
        var result = [UInt8]()
        while result.count < count {
            let bytes = try input.available(limit: count - result.count)
            guard !bytes.isEmpty else { throw Self.damaged("it is cut short") }
            result.append(contentsOf: bytes)
            input.consume(bytes.count)
        }
        return result
    }
}
