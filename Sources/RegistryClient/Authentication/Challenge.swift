/// What a registry asks for (RFC 9110, 11.6.1): one challenge of a `WWW-Authenticate` header.
public struct Challenge: Equatable, Sendable {
    /// `bearer` or `basic`, lower case.
    public var scheme: String
    /// Names in lower case.
    public var parameters: [String: String]

    /// The challenges of all header lines. What breaks the grammar ends the line it stands in.
    public static func parse(_ lines: [String]) -> [Challenge] {
        var result = [Challenge]()
        for line in lines.prefix(16) where line.utf8.count <= 8192 {
            var parser = Parser(bytes: Array(line.utf8))
            result += parser.challenges()
        }
        return result
    }

    private struct Parser {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skip(_ more: UInt8? = nil) {
            while let byte = current, byte == 0x20 || byte == 0x09 || byte == more { position += 1 }
        }

        mutating func token() -> String {
            let start = position
            while let byte = current, byte > 0x20, byte < 0x7F, !Array("()<>@,;:\\\"/[]?={}".utf8).contains(byte) {
                position += 1
            }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        mutating func quoted() -> String? {
            position += 1
            var content = [UInt8]()
            while let byte = current {
                position += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: content, as: UTF8.self) }
                if byte == UInt8(ascii: "\\"), let next = current {
                    content.append(next)
                    position += 1
                } else {
                    content.append(byte)
                }
            }
            return nil
        }

        mutating func challenges() -> [Challenge] {
            var result = [Challenge]()
            while true {
                skip(UInt8(ascii: ","))
                let word = token()
                guard !word.isEmpty else { return result }
                let mark = position
                skip()
                if current == UInt8(ascii: "=") {
                    // A parameter of the challenge before.
                    position += 1
                    skip()
                    let value: String?
                    if current == UInt8(ascii: "\"") { value = quoted() } else { value = token() }
                    guard let value, !result.isEmpty else { return result }
                    result[result.count - 1].parameters[word.lowercased()] = value
                } else {
                    guard mark == bytes.count || position > mark || current == UInt8(ascii: ",") else { return result }
                    result.append(Challenge(scheme: word.lowercased(), parameters: [:]))
                }
            }
        }
    }
}
