/// How a stream is compressed, as its first bytes tell.
public enum Compression: String, Sendable, CaseIterable {
    case none, gzip, zstd
    /// Known by name only, to say so.
    case bzip2, xz

    /// What the first bytes of a stream say. Six are enough; fewer are fine.
    public static func detect(_ bytes: UnsafeRawBufferPointer) -> Compression {
        func starts(_ magic: [UInt8]) -> Bool { bytes.prefix(magic.count).elementsEqual(magic) }
        if starts([0x1F, 0x8B]) { return .gzip }
        if starts([0x28, 0xB5, 0x2F, 0xFD]) { return .zstd }
        // A skippable frame may stand first (RFC 8878, 3.1.2): 0x184D2A50 to 5F, little-endian.
        if bytes.count >= 4, bytes[0] & 0xF0 == 0x50, bytes.dropFirst().starts(with: [0x2A, 0x4D, 0x18]) {
            return .zstd
        }
        if starts([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) { return .xz }
        // "BZh" and a level: a tar whose first name starts so has no digit and block magic there.
        if starts([0x42, 0x5A, 0x68]), bytes.count >= 5, (0x31...0x39).contains(bytes[3]), bytes[4] == 0x31 {
            return .bzip2
        }
        return .none
    }
}

extension InputBuffer {
    /// What compresses the stream behind this buffer.
    public func compression() throws(ArchiveError) -> Compression { .detect(try peek(6)) }

    /// A source of the uncompressed bytes, whichever way they are compressed.
    public func decompressed() throws(ArchiveError) -> any ByteSource {
        switch try compression() {
        case .none: return self
        case .gzip:
            if let preferred = GzipInflater.preferred(self) { return preferred }
            return try GzipSource(self)
        case .zstd: return try ZstdSource(self)
        case let other:
            throw .reading(
                "it is compressed with \(other.rawValue)", remedy: "compress it with gzip or zstd, or not at all")
        }
    }
}
