// Reading the fields of a header block. Pure functions over bytes; what they refuse, the reader turns into a sentence.

/// What is wrong with a field of a header.
struct TarProblem: Error, Equatable {
    let cause: String
    init(_ cause: String) { self.cause = cause }
}

enum TarFields {
    static let blockSize = 512

    /// A string field: the bytes up to the first zero.
    static func string(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    /// A number field: octal digits with spaces or zeros around them, or GNU's base 256 (high bit of the first byte
    /// set, two's complement). An empty field is 0.
    static func number(_ field: ArraySlice<UInt8>, _ name: String) throws(TarProblem) -> Int64 {
        if let first = field.first, first & 0x80 != 0 { return try base256(field, name) }
        var digits = field.drop { $0 == 0x20 || $0 == 0 }
        while let last = digits.last, last == 0x20 || last == 0 { digits.removeLast() }
        var value: Int64 = 0
        for byte in digits {
            guard (0x30...0x37).contains(byte) else { throw TarProblem("its \(name) is not a number") }
            // Twelve octal digits are 36 bits: no field here can overflow.
            value = value << 3 | Int64(byte - 0x30)
        }
        return value
    }

    private static func base256(_ field: ArraySlice<UInt8>, _ name: String) throws(TarProblem) -> Int64 {
        guard let first = field.first else { return 0 }
        let negative = first & 0x40 != 0
        // The marker bit itself takes the sign's value.
        var value: Int64 = negative ? -1 : 0
        for (index, byte) in field.enumerated() {
            let bits = index == 0 ? (negative ? byte : byte & 0x7F) : byte
            let (product, overflow) = value.multipliedReportingOverflow(by: 256)
            guard !overflow else { throw TarProblem("its \(name) is too large") }
            value = product | Int64(bits)
        }
        return value
    }

    /// Whether the block's checksum is right: the sum of all bytes with the checksum field as spaces, which old
    /// programs computed with signed bytes.
    static func hasValidChecksum(_ block: [UInt8]) -> Bool {
        guard let stored = try? number(block[148..<156], "checksum") else { return false }
        var unsigned: Int64 = 0
        var signed: Int64 = 0
        for (index, byte) in block.enumerated() {
            let value = (148..<156).contains(index) ? 0x20 : byte
            unsigned += Int64(value)
            signed += Int64(Int8(bitPattern: value))
        }
        return stored == unsigned || stored == signed
    }
}

/// The fields of a header block, decoded (POSIX.1-1988 ustar, GNU, star, and the oldest form).
struct TarHeader {
    enum Format { case v7, ustar, star, gnu }

    var format: Format
    var type: UInt8
    var path: [UInt8]
    var linkTarget: [UInt8]
    var mode: UInt32
    var uid: Int64
    var gid: Int64
    var size: Int64
    var seconds: Int64
    var major: Int64
    var minor: Int64

    /// Decodes a block of 512 bytes whose checksum was found right.
    init(block: [UInt8]) throws(TarProblem) {
        let magic = block[257..<265]
        if magic.elementsEqual(Array("ustar\0".utf8) + Array("00".utf8)) {
            format = block[508..<512].elementsEqual(Array("tar\0".utf8)) ? .star : .ustar
        } else if magic.elementsEqual(Array("ustar  \0".utf8)) {
            format = .gnu
        } else if magic.prefix(6).elementsEqual(Array("ustar\0".utf8)) {
            format = .ustar
        } else {
            format = .v7
        }
        type = block[156]
        path = TarFields.string(block[0..<100])
        linkTarget = TarFields.string(block[157..<257])
        mode = UInt32(truncatingIfNeeded: try TarFields.number(block[100..<108], "mode")) & 0o7777
        uid = try TarFields.number(block[108..<116], "user id")
        gid = try TarFields.number(block[116..<124], "group id")
        size = try TarFields.number(block[124..<136], "size")
        seconds = try TarFields.number(block[136..<148], "modification time")
        major = 0
        minor = 0
        if format != .v7 {
            major = try TarFields.number(block[329..<337], "device number")
            minor = try TarFields.number(block[337..<345], "device number")
        }
        let prefix: [UInt8]
        switch format {
        case .ustar: prefix = TarFields.string(block[345..<500])
        case .star: prefix = TarFields.string(block[345..<476])
        case .gnu, .v7: prefix = []
        }
        if !prefix.isEmpty { path = prefix + [UInt8(ascii: "/")] + path }
    }
}
