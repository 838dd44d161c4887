import OCI
import Testing

@Suite struct DigestTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test func readsBothAlgorithms() throws {
        let digest = try Digest(parsing: "sha256:\(Self.hex)")
        #expect(digest.algorithm == .sha256)
        #expect(digest.hex == Self.hex)
        #expect(digest.description == "sha256:\(Self.hex)")
        #expect(digest.short == "0123456789ab")
        #expect(try Digest(parsing: "sha512:\(Self.hex)\(Self.hex)").algorithm == .sha512)
    }

    @Test(arguments: [
        "", ":", "sha256", "sha256:", hex, "sha256:\(hex.uppercased())", "sha256:\(hex)0", "sha256:\(hex.dropLast())",
        "SHA256:\(hex)", "md5:\(hex)", "sha256:\(hex) ", " sha256:\(hex)", "sha256:\(hex.dropLast())\n",
        "sha256:../../\(hex.dropLast(6))", "sha512:\(hex)", "sha256:\(hex.dropLast())é", "sha256:sha256:\(hex)",
    ])
    func refuses(_ text: String) {
        #expect(throws: OCIError.self) { try Digest(parsing: text) }
    }

    @Test func finishedHashesAreHexadecimal() {
        #expect(Digest(sha256: .init(repeating: 0xAB)).description == "sha256:" + String(repeating: "ab", count: 32))
        let long = Digest(sha512: InlineArray { UInt8($0) })
        #expect(long.hex.hasPrefix("000102030405") && long.hex.hasSuffix("3d3e3f") && long.hex.utf8.count == 128)
    }

    @Test func messagesEscapeControlCharacters() {
        do {
            _ = try Digest(parsing: "sha256:\u{1B}[2J\u{202E}")
            Issue.record("was accepted")
        } catch {
            #expect(!error.description.contains("\u{1B}"))
            #expect(!error.description.contains("\u{202E}"))
            #expect(error.description.contains("\\u{1b}[2J"))
        }
    }
}
