import CZstd

/// The uncompressed bytes of a zstd stream (RFC 8878): any number of frames, skippable ones passed over.
final class ZstdSource: ByteSource {
    private let input: InputBuffer
    private let context: OpaquePointer
    private var insideFrame = false
    private var pending = false

    /// Windows up to 128 MiB are decoded, the most the format's tools make without being told to: a frame that asks for
    /// more memory is refused.
    private static let maximumWindowLog: Int32 = 27

    init(_ input: InputBuffer) throws(ArchiveError) {
        self.input = input
        guard let context = ZSTD_createDCtx() else { throw .reading("zstd could not start") }
        self.context = context
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.maximumWindowLog)
    }

    deinit { ZSTD_freeDCtx(context) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos == 0 {
            var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            if !pending {
                bytes = try input.available(limit: InputBuffer.capacity)
                if bytes.isEmpty {
                    guard !insideFrame else { throw .reading("its zstd data ends too early: the file is cut short") }
                    return 0
                }
            }
            var part = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            let result = ZSTD_decompressStream(context, &output, &part)
            input.consume(part.pos)
            if ZSTD_isError(result) != 0 {
                throw .reading("its zstd data is damaged (\(String(cString: ZSTD_getErrorName(result))))")
            }
            // 0: a frame is finished and flushed. A full output may hide more of what was already taken in.
            insideFrame = result != 0
            pending = insideFrame && output.pos == output.size
        }
        return output.pos
    }
}
