/// A window on a source: look at the next bytes without taking them, take them in pieces without copying.
public final class InputBuffer: ByteSource {
    private let source: any ByteSource
    private let storage: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    /// How many bytes ``peek(_:)`` can show at most.
    public static let capacity = 128 << 10

    /// A window on what comes from `source`.
    public init(_ source: any ByteSource) {
        self.source = source
        storage = .allocate(byteCount: Self.capacity, alignment: 16)
    }

    deinit { storage.deallocate() }

    /// The next `count` bytes (at most ``capacity``), fewer only at the end. They stay next until consumed; the
    /// pointer is good until the next call on this buffer.
    public func peek(_ count: Int) throws(ArchiveError) -> UnsafeRawBufferPointer {
        let wanted = min(count, Self.capacity)
        if end - start < wanted, start > 0 {
            // Moving is rare: only a remainder shorter than `count` is moved.
            storage.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
            end -= start
            start = 0
        }
        while end - start < wanted {
            let got = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]))
            if got == 0 { break }
            end += got
        }
        return UnsafeRawBufferPointer(rebasing: storage[start..<min(end, start + wanted)])
    }

    /// Whatever is at hand, 1 to `limit` bytes; empty only at the end. Not consumed; good until the next call.
    public func available(limit: Int) throws(ArchiveError) -> UnsafeRawBufferPointer {
        if start == end {
            start = 0
            end = try source.read(into: storage)
        }
        return UnsafeRawBufferPointer(rebasing: storage[start..<min(end, start + min(limit, Self.capacity))])
    }

    /// Bytes that were read from the source and not consumed.
    public var buffered: Int { end - start }

    /// Drops bytes that were seen.
    public func consume(_ count: Int) { start += min(count, end - start) }

    /// See ``ByteSource``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        if start == end, buffer.count >= Self.capacity { return try source.read(into: buffer) }
        let bytes = try available(limit: buffer.count)
        buffer.copyMemory(from: bytes)
        consume(bytes.count)
        return bytes.count
    }

    /// Reads and drops everything that is left, so that digests behind this buffer see the whole stream.
    public func drain() throws(ArchiveError) {
        while true {
            let bytes = try available(limit: Self.capacity)
            if bytes.isEmpty { return }
            consume(bytes.count)
        }
    }
}
