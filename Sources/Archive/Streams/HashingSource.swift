import LinuxKernel
import OCI

/// Passes bytes on while computing their digest and count, and optionally writes a copy of them to a file.
public final class HashingSource: ByteSource {
    private let source: any ByteSource
    private var hasher: StreamHasher
    private let copy: FileDescriptor?
    private var unchecked = 0

    /// How many bytes have passed.
    public private(set) var count: Int64 = 0

    /// Hashes what is read through it.
    public init(_ source: any ByteSource, algorithm: Digest.Algorithm = .sha256) {
        self.source = source
        hasher = StreamHasher(algorithm)
        copy = nil
    }

    /// Hashes what is read through it and writes it to `copy`.
    public init(
        _ source: any ByteSource, algorithm: Digest.Algorithm = .sha256, copyingTo copy: consuming FileDescriptor
    ) {
        self.source = source
        hasher = StreamHasher(algorithm)
        self.copy = consume copy
    }

    /// See ``ByteSource``.
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
        do throws(Errno) {
            try copy?.writeAll(bytes)
            unchecked += bytes.count
            if unchecked >= SpaceReserve.interval {
                unchecked = 0
                if try copy?.availableBytes() ?? .max < SpaceReserve.bytes { throw .noSpace }
            }
        } catch {
            throw ArchiveError(
                operation: "store", object: "the archive", cause: "\(error)",
                remedy: error == .noSpace ? "free some space and try again" : "", errno: error)
        }
    }

    /// The digest of what has passed.
    public var digest: Digest { hasher.digest() }
}

/// What an archive leaves of a file system. Root may write into what is kept for it; an image must not, or it could stop
/// the host's own services.
enum SpaceReserve {
    /// Looked at after this many bytes.
    static let interval = 32 << 20
    /// Left for others at least.
    static let bytes: UInt64 = 16 << 20
}
