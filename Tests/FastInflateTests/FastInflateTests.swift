import Archive
import Glibc
import ImageTestSupport
import LinuxKernel
import Testing

@testable import FastInflate

/// ISA-L against what gzip(1) writes.
@Suite(.enabled(if: IsalSource(InputBuffer(MemorySource([]))) != nil, "ISA-L (libisal2) is not installed"))
struct FastInflateTests {
    private static let plain: [UInt8] = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

    private func compressed(_ bytes: [UInt8], _ options: String = "") throws -> [UInt8] {
        let directory = try TemporaryDirectory()
        try Files.replace("\(directory.path)/x", with: bytes)
        _ = try run("sh", "-c", "gzip -nc \(options) '\(directory.path)/x' > '\(directory.path)/y'")
        return try Files.read("\(directory.path)/y")
    }

    private func read(_ bytes: [UInt8], step: Int = .max, room: Int = 70_000) throws -> [UInt8] {
        let source = try #require(IsalSource(InputBuffer(MemorySource(bytes, step: step))))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)
        defer { buffer.deallocate() }
        var result = [UInt8]()
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { return result }
            result.append(contentsOf: buffer[..<count])
        }
    }

    @Test(arguments: [(Int.max, 70_000), (1, 4096), (7, 1), (1000, 333)])
    func everyStep(_ step: Int, _ room: Int) throws {
        let bytes = Array(Self.plain.prefix(room == 1 ? 5000 : 400_000))
        #expect(try read(try compressed(bytes), step: step, room: room) == bytes)
        #expect(try read(try compressed([]), step: step, room: room) == [])
    }

    @Test func membersAndPadding() throws {
        let one = try compressed(Self.plain), two = try compressed(Array("second".utf8), "-1")
        #expect(try read(one + two) == Self.plain + Array("second".utf8))
        #expect(try read(one + two, step: 3) == Self.plain + Array("second".utf8))
        #expect(try read(one + [UInt8](repeating: 0, count: 1000)) == Self.plain)
        #expect(throws: ArchiveError.self) { try read(one + [1, 2, 3]) }
    }

    @Test func damageIsAnError() throws {
        let bytes = try compressed(Array(Self.plain.prefix(3000)))
        for length in 0..<bytes.count where length > 1 {
            #expect(throws: ArchiveError.self, "cut at \(length)") { try read(Array(bytes[..<length])) }
        }
        // A changed bit gives an error or, in the header's free fields and behind the last code, the same content.
        for place in 0..<bytes.count {
            var wrong = bytes
            wrong[place] ^= 4
            if let result = try? read(wrong) { #expect(result == Array(Self.plain.prefix(3000)), "at \(place)") }
        }
    }
}
