import CZlib

/// Compresses what is written into it with gzip and passes it on. The same bytes give the same bytes: no time, no name.
public final class GzipSink: ByteSink {
    private let sink: any ByteSink
    // zlib keeps a pointer to the structure itself: it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    /// Compresses into a sink. Level 6 is what Docker and Go's gzip use.
    public init(_ sink: any ByteSink, level: Int32 = 6) throws(ArchiveError) {
        self.sink = sink
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, + 16: gzip framing.
        let result = deflateInit2_(
            stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw .reading("zlib could not start") }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        room.deallocate()
    }

    /// See ``ByteSink``.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            stream.pointee.next_in = part.baseAddress.map {
                UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: UInt8.self))
            }
            stream.pointee.avail_in = UInt32(part.count)
            try pump(Z_NO_FLUSH)
            rest = rest.dropFirst(part.count)
        }
    }

    /// Writes the end. To be called once, after everything.
    public func finish() throws(ArchiveError) {
        stream.pointee.next_in = nil
        stream.pointee.avail_in = 0
        try pump(Z_FINISH)
    }

    private func pump(_ flush: Int32) throws(ArchiveError) {
        while true {
            stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(room.count)
            let result = deflate(stream, flush)
            guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
                throw .reading("zlib could not compress it")
            }
            let count = room.count - Int(stream.pointee.avail_out)
            if count > 0 { try sink.write(UnsafeRawBufferPointer(rebasing: room[..<count])) }
            if flush == Z_FINISH ? result == Z_STREAM_END : stream.pointee.avail_out > 0 { return }
        }
    }
}
