import Archive
import CZlib
import CZstd
import ImageTestSupport
import OCI
import Testing

@Suite struct DecompressionTests {
    static let plain = Array(String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 9000).utf8)

    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 64)
        var input = bytes
        let room = output.count
        let written = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(room)
                deflate(&stream, Z_FINISH)
                return room - Int(stream.avail_out)
            }
        }
        deflateEnd(&stream)
        return Array(output[..<written])
    }

    static func zstd(_ bytes: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        let room = output.count
        let context = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        let written = output.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { ZSTD_compress2(context, target.baseAddress, room, $0.baseAddress, $0.count) }
        }
        return Array(output[..<written])
    }

    static func decompress(_ bytes: [UInt8], step: Int = .max) throws(ArchiveError) -> [UInt8] {
        let source = try InputBuffer(MemorySource(bytes, step: step)).decompressed()
        let sink = MemorySink()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 10_007, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { break }
            try sink.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        #expect(try source.read(into: buffer) == 0)
        return sink.bytes
    }

    @Test(arguments: [1, 3, 511, 65_536, Int.max])
    func readsEveryFormInAnySteps(_ step: Int) throws {
        #expect(try Self.decompress(Self.gzip(Self.plain), step: step) == Self.plain)
        #expect(try Self.decompress(Self.zstd(Self.plain), step: step) == Self.plain)
        #expect(try Self.decompress(Self.plain, step: step) == Self.plain)
        #expect(try Self.decompress(Self.gzip([]), step: step) == [])
        #expect(try Self.decompress(Self.zstd([]), step: step) == [])
    }

    @Test func readsSeveralMembersAndFrames() throws {
        let parts = [Self.plain, [], Array("x".utf8)]
        #expect(try Self.decompress(parts.flatMap(Self.gzip), step: 7) == parts.flatMap { $0 })
        #expect(try Self.decompress(parts.flatMap(Self.zstd), step: 7) == parts.flatMap { $0 })
        // A skippable frame, as zstd:chunked appends for its index, in front and behind.
        let skippable: [UInt8] = [0x51, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
        #expect(try Self.decompress(skippable + Self.zstd(Self.plain) + skippable, step: 5) == Self.plain)
        // Zero bytes behind gzip data come from tapes and block devices.
        #expect(try Self.decompress(Self.gzip(Self.plain) + [UInt8](repeating: 0, count: 700)) == Self.plain)
    }

    @Test func everyTruncationIsAnError() throws {
        let small = Array(Self.plain.prefix(3000))
        for whole in [Self.gzip(small), Self.zstd(small)] {
            // Below six bytes the form cannot be told.
            for count in 6..<whole.count {
                #expect(throws: ArchiveError.self, "cut to \(count)") { try Self.decompress(Array(whole[..<count])) }
            }
        }
    }

    @Test func damageIsAnError() throws {
        let bytes = Self.gzip(Self.plain)
        var badChecksum = bytes
        badChecksum[bytes.count - 6] ^= 1
        #expect(throws: ArchiveError.self) { try Self.decompress(badChecksum) }
        #expect(throws: ArchiveError.self) { try Self.decompress(bytes + Array("garbage".utf8)) }
        #expect(throws: ArchiveError.self) { try Self.decompress(Self.zstd(Self.plain) + Array("garbage".utf8)) }
        var badFrame = Self.zstd(Self.plain)
        badFrame[badFrame.count / 2] ^= 0xFF
        badFrame[badFrame.count / 2 + 1] ^= 0xFF
        #expect(throws: ArchiveError.self) { try Self.decompress(badFrame) }
    }

    @Test func aWindowBeyondTheLimitIsRefusedBeforeMemoryIsTaken() throws {
        // A frame header that asks for a window of 2^41 bytes: descriptor without single segment, exponent 31.
        #expect(throws: ArchiveError.self) {
            try Self.decompress([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xF8, 0x01, 0, 0, 0, 0])
        }
    }

    @Test func otherCompressionsAreNamed() {
        for (name, bytes) in [
            ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0]), ("bzip2", [0x42, 0x5A, 0x68, 0x39, 0x31, 0x41, 0x59]),
        ] as [(String, [UInt8])] {
            do {
                _ = try Self.decompress(bytes)
                Issue.record("\(name) was read")
            } catch { #expect(error.description.contains("compressed with \(name)")) }
        }
    }

    @Test func digestsAreThoseOfTheStandard() {
        #expect(StreamHasher().digest().hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var hasher = StreamHasher(.sha512)
        hasher.update(Array("abc".utf8))
        #expect(hasher.digest().hex.hasPrefix("ddaf35a193617abacc417349ae204131"))
        var pieces = StreamHasher()
        for byte in Array("abc".utf8) { pieces.update([byte]) }
        #expect(
            pieces.digest().description == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
