import LinuxKernel

/// Something bytes are pulled from: a file, a decompressor, a digest on the way. Sources are chained; each holds a
/// bounded buffer at most.
public protocol ByteSource: AnyObject {
    /// Fills a part of `buffer` (never empty) from its start and says how much: at least one byte, or 0 at the end,
    /// and 0 again on every later call.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int
}

/// The bytes of an open file or pipe.
public final class FileSource: ByteSource {
    private let file: FileDescriptor

    /// Takes over the descriptor and reads from its present position.
    public init(_ file: consuming FileDescriptor) { self.file = file }

    /// See ``ByteSource``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        do throws(Errno) { return try file.read(into: buffer) } catch {
            throw ArchiveError(operation: "read", object: "the archive", cause: "\(error)", errno: error)
        }
    }
}

/// Bytes in memory.
public final class MemorySource: ByteSource {
    private let bytes: [UInt8]
    private var position = 0
    private let step: Int

    /// Hands out at most `step` bytes a call (tests cut streams at every place with it).
    public init(_ bytes: [UInt8], step: Int = .max) {
        self.bytes = bytes
        self.step = step
    }

    /// See ``ByteSource``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let count = min(buffer.count, bytes.count - position, step)
        buffer.copyBytes(from: bytes[position..<(position + count)])
        position += count
        return count
    }
}
