import LinuxKernel
import OCI

/// Passes bytes on while computing their digest and count, and optionally writes a copy of them to a file.
public final class HashingSource: ByteSource {
    private let source: any ByteSource
    private var hasher: StreamHasher
    private let copy: FileDescriptor?

    /// How many bytes have passed.
    public private(set) var count: Int64 = 0

    /// Hashes what is read through it.
    public init(_ source: any ByteSource, algorithm: Digest.Algorithm = .sha256) {
        self.source = source
        hasher = StreamHasher(algorithm)
        copy = nil
    }

    /// Hashes what is read through it and writes it to `copy`.
    public init(_ source: any ByteSource, algorithm: Digest.Algorithm = .sha256, copyingTo copy: consuming FileDescriptor) {
        self.source = source
        hasher = StreamHasher(algorithm)
        self.copy = consume copy
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let got = try source.read(into: buffer)
        if got > 0 {
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<got])
            hasher.update(bytes)
            count += Int64(got)
            if copy != nil { try write(bytes) }
        }
        return got
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        do throws(Errno) { try copy?.writeAll(bytes) } catch {
            throw ArchiveError(
                operation: "store", object: "the archive", cause: "\(error)",
                remedy: error == .noSpace ? "free some space and try again" : "", errno: error)
        }
    }

    /// The digest of what has passed.
    public var digest: Digest { hasher.digest() }
}
