/// A content identifier: an algorithm and a hash in lower-case hexadecimal (image-spec `descriptor.md`, "Digests").
public struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// A hash function. Both registered algorithms of the specification.
    public enum Algorithm: String, Sendable, CaseIterable {
        case sha256, sha512

        /// How many hexadecimal digits its hash has.
        public var hexadecimalCount: Int { self == .sha256 ? 64 : 128 }
    }

    /// Which hash function.
    public let algorithm: Algorithm
    /// The hash, lower-case hexadecimal, exactly as long as the algorithm demands. Safe as a file name.
    public let hex: String

    /// Reads `sha256:…` or `sha512:…` strictly: lower case, exact length, nothing around it.
    ///
    /// - Throws: ``OCIError`` that says what is wrong with it.
    public init(parsing text: String) throws(OCIError) {
        func refuse(_ cause: String) -> OCIError {
            OCIError(operation: "read the digest", object: text, cause: cause)
        }
        let bytes = text.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw refuse("it has no algorithm such as \"sha256:\" in front")
        }
        guard let algorithm = Algorithm(rawValue: String(text[..<colon])) else {
            throw refuse("only the algorithms sha256 and sha512 are known")
        }
        guard let digest = Digest(algorithm: algorithm, hex: text[text.index(after: colon)...]) else {
            throw refuse("\(algorithm) needs exactly \(algorithm.hexadecimalCount) lower-case hexadecimal digits")
        }
        self = digest
    }

    /// A digest from its two parts; nil unless `hex` is of the algorithm's length and lower-case hexadecimal.
    public init?(algorithm: Algorithm, hex: some StringProtocol) {
        guard hex.utf8.count == algorithm.hexadecimalCount, hex.utf8.allSatisfy(isLowerHexadecimal) else { return nil }
        self.algorithm = algorithm
        self.hex = String(hex)
    }

    /// A digest from a finished SHA-256.
    public init(sha256 hash: InlineArray<32, UInt8>) {
        algorithm = .sha256
        hex = Self.hexadecimal(hash.span)
    }

    /// A digest from a finished SHA-512.
    public init(sha512 hash: InlineArray<64, UInt8>) {
        algorithm = .sha512
        hex = Self.hexadecimal(hash.span)
    }

    private static func hexadecimal(_ hash: Span<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = [UInt8]()
        text.reserveCapacity(hash.count * 2)
        for place in hash.indices {
            text.append(digits[Int(hash[place] >> 4)])
            text.append(digits[Int(hash[place] & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `sha256:…`.
    public var description: String { "\(algorithm.rawValue):\(hex)" }
    /// The first twelve digits, as Docker prints identifiers.
    public var short: String { String(hex.prefix(12)) }
}

func isLowerHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}
