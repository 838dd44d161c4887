import CCrypto
import OCI

/// A digest computed piece by piece. Uses libcrypto's low-level functions: they need no library initialisation and
/// still use the processor's SHA instructions.
public struct StreamHasher: Sendable {
    private enum State: Sendable {
        case sha256(SHA256_CTX)
        case sha512(SHA512_CTX)
    }
    private var state: State

    /// The digest of nothing yet.
    public init(_ algorithm: Digest.Algorithm = .sha256) {
        switch algorithm {
        case .sha256:
            var context = SHA256_CTX()
            SHA256_Init(&context)
            state = .sha256(context)
        case .sha512:
            var context = SHA512_CTX()
            SHA512_Init(&context)
            state = .sha512(context)
        }
    }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .sha256(var context):
            SHA256_Update(&context, bytes.baseAddress, bytes.count)
            state = .sha256(context)
        case .sha512(var context):
            SHA512_Update(&context, bytes.baseAddress, bytes.count)
            state = .sha512(context)
        }
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of all bytes so far; more may follow.
    public func digest() -> Digest {
        switch state {
        case .sha256(var context):
            var hash = InlineArray<32, UInt8>(repeating: 0)
            _ = withUnsafeMutableBytes(of: &hash) { SHA256_Final($0.baseAddress, &context) }
            return Digest(sha256: hash)
        case .sha512(var context):
            var hash = InlineArray<64, UInt8>(repeating: 0)
            _ = withUnsafeMutableBytes(of: &hash) { SHA512_Final($0.baseAddress, &context) }
            return Digest(sha512: hash)
        }
    }
}

extension Digest {
    /// The digest of bytes in memory.
    public init(of bytes: [UInt8], algorithm: Algorithm = .sha256) {
        var hasher = StreamHasher(algorithm)
        hasher.update(bytes)
        self = hasher.digest()
    }
}
