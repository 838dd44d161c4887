import CZstd

/// Compresses what is written to it with zstd (RFC 8878) into one frame.
public final class ZstdSink: ByteSink {
    private let sink: any ByteSink
    private let context: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer

    /// Compresses into a sink, quickly rather than well.
    public init(_ sink: any ByteSink, level: Int32 = 1) throws(ArchiveError) {
        guard let context = ZSTD_createCCtx() else {
            throw ArchiveError(operation: "write", object: "the archive", cause: "zstd could not start")
        }
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        self.context = context
        self.sink = sink
        buffer = .allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
    }

    deinit {
        ZSTD_freeCCtx(context)
        buffer.deallocate()
    }

    /// See ``ByteSink``.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) { try put(bytes, ZSTD_e_continue) }

    /// Ends the frame.
    public func finish() throws(ArchiveError) { try put(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end) }

    private func put(_ bytes: UnsafeRawBufferPointer, _ mode: ZSTD_EndDirective) throws(ArchiveError) {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            let left = ZSTD_compressStream2(context, &output, &input, mode)
            if ZSTD_isError(left) != 0 {
                throw ArchiveError(
                    operation: "compress", object: "the archive", cause: String(cString: ZSTD_getErrorName(left)))
            }
            if output.pos > 0 { try sink.write(UnsafeRawBufferPointer(rebasing: buffer[..<output.pos])) }
            if mode == ZSTD_e_end ? left == 0 : input.pos == input.size { return }
        }
    }
}
