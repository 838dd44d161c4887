import CZlib
import Synchronization

/// The uncompressed bytes of a gzip stream (RFC 1952), with any number of members one after the other.
final class GzipSource: ByteSource {
    private let input: InputBuffer
    // zlib keeps a pointer to the structure itself: it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var ended = false

    init(_ input: InputBuffer) throws(ArchiveError) {
        self.input = input
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, + 16: gzip framing, whose checksum and length zlib verifies.
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .reading("zlib could not start")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        guard !ended, let base = buffer.baseAddress else { return 0 }
        let room = UInt32(clamping: buffer.count)
        stream.pointee.next_out = base.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = room
        while stream.pointee.avail_out == room {
            let bytes = try input.available(limit: InputBuffer.capacity)
            guard let first = bytes.baseAddress, !bytes.isEmpty else {
                throw .reading("its gzip data ends too early: the file is cut short")
            }
            stream.pointee.next_in = UnsafeMutablePointer(mutating: first.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(bytes.count)
            let result = inflate(stream, Z_NO_FLUSH)
            input.consume(bytes.count - Int(stream.pointee.avail_in))
            switch result {
            case Z_OK, Z_BUF_ERROR: continue
            case Z_STREAM_END:
                if try input.startsNextGzipMember() {
                    inflateReset(stream)
                } else {
                    ended = true
                    return Int(room - stream.pointee.avail_out)
                }
            default:
                throw .reading(
                    "its gzip data is damaged\(stream.pointee.msg.map { " (\(String(cString: $0)))" } ?? "")")
            }
        }
        return Int(room - stream.pointee.avail_out)
    }
}

extension InputBuffer {
    /// What follows a gzip member: another one, the end, or zero bytes that a tape or disk block was filled up with.
    ///
    /// - Returns: whether it is another one.
    /// - Throws: ``ArchiveError`` for anything else.
    public func startsNextGzipMember() throws(ArchiveError) -> Bool {
        if try peek(2).elementsEqual([0x1F, 0x8B]) { return true }
        while true {
            let rest = try available(limit: InputBuffer.capacity)
            if rest.isEmpty { return false }
            guard rest.allSatisfy({ $0 == 0 }) else {
                throw .reading("something that is not gzip follows its gzip data")
            }
            consume(rest.count)
        }
    }
}

/// Another decoder of gzip than zlib, for programs that have one.
public enum GzipInflater {
    /// Makes a source of the uncompressed bytes; nil where it cannot.
    public typealias Make = @Sendable (InputBuffer) -> (any ByteSource)?

    private static let make = Mutex<Make?>(nil)

    /// Streams that are read from now on go through this one.
    public static func prefer(_ maker: @escaping Make) { make.withLock { $0 = maker } }

    static func preferred(_ input: InputBuffer) -> (any ByteSource)? { make.withLock { $0 }?(input) }
}
