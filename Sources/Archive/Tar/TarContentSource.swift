/// The stored content of a reader's present entry, as a source.
public final class TarContentSource: ByteSource {
    private let reader: TarReader

    /// What is left of the present entry's content. Good until the reader goes on to the next entry.
    public init(_ reader: TarReader) { self.reader = reader }

    /// See ``ByteSource``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let bytes = try reader.nextContent(limit: buffer.count)
        buffer.copyMemory(from: bytes)
        return bytes.count
    }
}
