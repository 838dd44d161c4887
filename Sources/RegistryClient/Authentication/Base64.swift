/// RFC 4648's usual alphabet with padding, as HTTP and Docker's configuration have it.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func encode(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result = [UInt8]()
        var place = 0
        while place < bytes.count {
            let rest = bytes.count - place
            let word =
                UInt32(bytes[place]) << 16 | (rest > 1 ? UInt32(bytes[place + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(bytes[place + 2]) : 0)
            result.append(alphabet[Int(word >> 18 & 63)])
            result.append(alphabet[Int(word >> 12 & 63)])
            result.append(rest > 1 ? alphabet[Int(word >> 6 & 63)] : UInt8(ascii: "="))
            result.append(rest > 2 ? alphabet[Int(word & 63)] : UInt8(ascii: "="))
            place += 3
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// The text; nil when it is not base64, or not UTF-8 inside.
    package static func decode(_ text: String) -> String? {
        bytes(text).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The bytes; nil when it is not base64.
    package static func bytes(_ text: String) -> [UInt8]? {
        var bits: UInt32 = 0
        var count = 0
        var result = [UInt8]()
        var padding = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(byte) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        guard padding <= 2, count < 6 else { return nil }
        return result
    }
}
