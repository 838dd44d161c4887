import Glibc

/// Anything a system call can take as a path.
public protocol PathConvertible {
    /// Calls `body` with the path as a zero-terminated byte string. A path holding a zero byte reaches the kernel
    /// only up to it, so parsers of foreign input must refuse such names first.
    func withPathPointer<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result
}

extension String: PathConvertible {
    public func withPathPointer<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result { withCString(body) }
}

/// A path as Linux knows it: bytes without a zero, not necessarily UTF-8. Archives and directories hold such names.
public struct PathBytes: Hashable, Sendable, PathConvertible, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The bytes, without the terminating zero.
    public var bytes: [UInt8]

    /// The path made of these bytes.
    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    /// The path made of the string's UTF-8.
    public init(_ string: String) { self.bytes = Array(string.utf8) }
    public init(stringLiteral value: String) { self.init(value) }

    public func withPathPointer<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        var terminated = bytes
        terminated.append(0)
        return terminated.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { rebound in
                guard let base = rebound.baseAddress else { return body("") }
                return body(base)
            }
        }
    }

    /// For messages; bytes that are not UTF-8 show as replacement characters.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
