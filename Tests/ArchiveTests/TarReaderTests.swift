import Archive
import ImageTestSupport
import LinuxKernel
import Testing

struct ReadItem: Equatable {
    var path: String
    var entry: TarEntry
    var content: [UInt8]
    static func == (a: ReadItem, b: ReadItem) -> Bool { a.path == b.path && a.content == b.content }
}

func read(_ bytes: [UInt8], step: Int = .max, endMarker: TarReader.EndMarker = .required) throws(ArchiveError)
    -> [ReadItem]
{
    let reader = TarReader(MemorySource(bytes, step: step), endMarker: endMarker)
    var result = [ReadItem]()
    while let entry = try reader.next() {
        result.append(ReadItem(path: entry.path.description, entry: entry, content: try reader.content(limit: 1 << 30)))
    }
    return result
}

/// A header block with a right checksum, for what the writer would never write.
func rawHeader(
    _ path: String, type: Character = "0", size: Int = 0, magic: String = "ustar\u{0}00",
    change: (inout [UInt8]) -> Void = { _ in }
) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ offset: Int) { for (i, byte) in text.utf8.enumerated() { block[offset + i] = byte } }
    func octal(_ number: Int, _ width: Int) -> String {
        let digits = String(number, radix: 8)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    put(path, 0)
    put("0000644", 100)
    put("0000000", 108)
    put("0000000", 116)
    put(octal(size, 11), 124)
    put("00000000000", 136)
    block[156] = type.asciiValue ?? 0
    put(magic, 257)
    change(&block)
    put("        ", 148)
    put(octal(block.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148)
    return block
}

func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512) }
func pax(_ records: String, type: Character = "x") -> [UInt8] {
    rawHeader("PaxHeaders/x", type: type, size: records.utf8.count) + padded(Array(records.utf8))
}
func record(_ key: String, _ value: String) -> String {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count + 1
    while String(length).count + rest.utf8.count != length { length = String(length).count + rest.utf8.count }
    return "\(length)\(rest)"
}
let endBlocks = [UInt8](repeating: 0, count: 1024)

@Suite struct TarReaderTests {
    static let items: [Item] = [
        .directory("etc/", mode: 0o1777, uid: 3, gid: 4),
        .file("etc/passwd", "root:x:0:0\n", mode: 0o4755, uid: 1000, gid: 4_000_000_000, time: 1_700_000_000),
        .link("etc/link", to: "../../out"), .hardLink("etc/hard", to: "etc/passwd"),
        .device("dev/null", .characterDevice(major: 1, minor: 3)), .device("dev/sda", .blockDevice(major: 8, minor: 0)),
        .device("dev/fifo", .fifo), .file(PathBytes(Array("ünï/".utf8) + [0xFF, 0xFE]), "bytes"),
        .file(PathBytes(String(repeating: "long/", count: 40) + "name"), "x"),
        .file(
            PathBytes(String(repeating: "n", count: 250)), "y",
            attributes: [("security.capability", "\u{1}\u{0}x"), ("user.k", "")]),
        .link("l", to: PathBytes(String(repeating: "t", count: 300))), .file("empty"),
        .file("big", String(repeating: "0123456789abcdef", count: 20_000)),
    ]

    @Test(arguments: [1, 100, 513, Int.max])
    func readsWhatTheWriterWrites(_ step: Int) throws {
        let back = try read(try tar(Self.items), step: step)
        #expect(back.count == Self.items.count)
        for (item, expected) in zip(back, Self.items) {
            #expect(item.entry.path == expected.entry.path)
            #expect(item.entry.kind == expected.entry.kind)
            #expect(item.entry.mode == expected.entry.mode)
            #expect(item.entry.uid == expected.entry.uid)
            #expect(item.entry.gid == expected.entry.gid)
            #expect(item.entry.linkTarget == expected.entry.linkTarget)
            #expect(item.entry.modificationTime == expected.entry.modificationTime)
            #expect(item.entry.attributes == expected.entry.attributes)
            #expect(item.content == expected.content)
        }
    }

    @Test func timesHaveFractionsAndMayBeNegative() throws {
        for time in [
            FileTime(seconds: 5, nanoseconds: 250_000_000), FileTime(seconds: -2, nanoseconds: 500_000_000),
            FileTime(seconds: -7),
            FileTime(seconds: 1 << 40), FileTime(seconds: -1, nanoseconds: 999_999_999), FileTime(seconds: .min),
        ] {
            var item = Item.file("a")
            item.entry.modificationTime = time
            guard time.seconds != .min else {
                // Writing must not trap; no reader takes a number of that size.
                _ = try tar([item])
                continue
            }
            #expect(try read(try tar([item])).first?.entry.modificationTime == time)
        }
    }

    @Test func skippedContentIsSkippedExactly() throws {
        let reader = TarReader(MemorySource(try tar(Self.items), step: 77), endMarker: .required)
        var paths = [PathBytes]()
        while let entry = try reader.next() {
            paths.append(entry.path)
            _ = try reader.nextContent(limit: 3)
        }
        #expect(paths == Self.items.map(\.entry.path))
    }

    @Test func everyTruncationIsAnError() throws {
        let whole = try tar([
            .file("a", "some content"), .file(PathBytes(String(repeating: "n", count: 200)), "b"), .directory("d/"),
        ])
        for count in 0..<(whole.count - 512) {
            #expect(throws: ArchiveError.self, "cut to \(count)") { try read(Array(whole[..<count])) }
        }
        #expect(try read(whole).count == 3)
        // Where a digest vouches for completeness, an end between entries is an end.
        #expect(try read(Array(whole[..<1024]), endMarker: .optional).count == 1)
        #expect(throws: ArchiveError.self) { try read(Array(whole[..<520]), endMarker: .optional) }
        #expect(throws: ArchiveError.self) { try read(Array(whole[..<1536]), endMarker: .optional) }
    }

    @Test func damagedHeaderIsAnError() throws {
        var bytes = try tar([.file("a", "x"), .file("b", "y")])
        bytes[1024 + 10] ^= 1
        #expect(throws: ArchiveError.self) { try read(bytes) }
        #expect(throws: ArchiveError.self) {
            try read(Array("<html>not found</html>".utf8) + [UInt8](repeating: 32, count: 2000))
        }
        #expect(throws: ArchiveError.self) {
            try read(rawHeader("a") + [UInt8](repeating: 0, count: 512) + rawHeader("b") + endBlocks)
        }
    }

    @Test func numbersInBase256() throws {
        let bytes = rawHeader("a", type: "0") { block in
            for i in 108..<116 { block[i] = 0 }
            block[108] = 0x80
            block[112] = 0x10
            block[136] = 0xFF
            for i in 137..<148 { block[i] = 0xFF }
        }
        let entry = try read(bytes + endBlocks).first?.entry
        #expect(entry?.uid == 0x1000_0000)
        #expect(entry?.modificationTime.seconds == -1)
    }

    @Test func oldestFormMarksDirectoriesByTheSlash() throws {
        let back = try read(rawHeader("d/", type: "\0", magic: "") + rawHeader("f", type: "\0", magic: "") + endBlocks)
        #expect(back.map(\.entry.kind) == [.directory, .regular])
    }

    @Test func prefixAndStarFields() throws {
        let ustar = rawHeader("name") { $0.replaceSubrange(345..<348, with: Array("pre".utf8)) }
        let star = rawHeader("name") {
            $0.replaceSubrange(345..<348, with: Array("pre".utf8))
            $0.replaceSubrange(476..<488, with: Array("00000000001\0".utf8))
            $0.replaceSubrange(508..<512, with: Array("tar\0".utf8))
        }
        let gnu = rawHeader("name", magic: "ustar  \u{0}") { $0.replaceSubrange(345..<348, with: Array("123".utf8)) }
        #expect(try read(ustar + star + gnu + endBlocks).map(\.path) == ["pre/name", "pre/name", "name"])
    }

    @Test func paxRecordsOverrideAndGlobalsApplyUntilTakenAway() throws {
        let bytes =
            pax(record("uid", "7") + record("comment", "x") + record("mtime", "99.5"), type: "g")
            + rawHeader("a") + pax(record("path", "b/ü") + record("uid", "8") + record("size", "3"))
            + rawHeader("ignored", size: 0) + padded(Array("abc".utf8)) + pax(record("uid", "")) + rawHeader("c")
            + endBlocks
        let back = try read(bytes)
        #expect(back.map(\.path) == ["a", "b/ü", "c"])
        #expect(back.map(\.entry.uid) == [7, 8, 0])
        #expect(back[1].content == Array("abc".utf8))
        #expect(back[0].entry.modificationTime == FileTime(seconds: 99, nanoseconds: 500_000_000))
    }

    @Test func gnuLongNames() throws {
        let long = String(repeating: "d/", count: 200)
        let bytes =
            rawHeader("././@LongLink", type: "L", size: long.utf8.count + 1) + padded(Array(long.utf8) + [0])
            + rawHeader("././@LongLink", type: "K", size: 151) + padded([UInt8](repeating: 0x74, count: 150) + [0])
            + rawHeader("short", type: "2") + rawHeader("next") + endBlocks
        let back = try read(bytes)
        #expect(back[0].path == long)
        #expect(back[0].entry.linkTarget.bytes.count == 150)
        #expect(back[1].path == "next")
    }

    @Test(arguments: [
        ("record longer than its header", pax("99 path=a\n")), ("record without a length", pax(" path=a\n")),
        ("record length 0", pax("0 path=a\n")), ("record length too short", pax("3 path=a\n")),
        ("record without newline", pax("9 path=ab")),
        ("record without =", pax("7 path\n")), ("record without key", pax("5 =a\n")),
        ("zero in a key", pax("9 pa\0h=a\n")),
        ("zero in a name", pax(record("path", "a\0b"))), ("zero in a link", pax(record("linkpath", "a\0b"))),
        ("huge record length", pax("99999999999999999999999999 path=a\n")),
        ("negative size", pax(record("size", "-1"))),
        ("size beyond 64 bits", pax(record("size", "99999999999999999999"))),
        ("size that is text", pax(record("size", "1e3"))),
        ("uid 2^32 - 1", pax(record("uid", "4294967295"))), ("uid 2^32", pax(record("uid", "4294967296"))),
        ("negative gid", pax(record("gid", "-1"))), ("time that is text", pax(record("mtime", "now"))),
        ("time with two signs", pax(record("mtime", "--1"))), ("global name", pax(record("path", "a"), type: "g")),
        ("global size", pax(record("size", "1"), type: "g")),
        ("global sparse", pax(record("GNU.sparse.size", "1"), type: "g")),
        ("trailing zeros in header data", pax(record("a", "b") + "\0")),
        ("sparse out of order", pax(record("GNU.sparse.map", "5,1,0,1") + record("GNU.sparse.size", "9"))),
        ("sparse overlap", pax(record("GNU.sparse.map", "0,5,3,1") + record("GNU.sparse.size", "9"))),
        ("sparse behind the end", pax(record("GNU.sparse.map", "8,2") + record("GNU.sparse.size", "9"))),
        (
            "sparse overflow",
            pax(record("GNU.sparse.map", "9223372036854775807,1") + record("GNU.sparse.size", "9223372036854775807"))
        ),
        ("sparse negative", pax(record("GNU.sparse.map", "-1,1") + record("GNU.sparse.size", "9"))),
        ("sparse odd", pax(record("GNU.sparse.map", "1") + record("GNU.sparse.size", "9"))),
        ("sparse that stores another amount", pax(record("GNU.sparse.map", "0,4") + record("GNU.sparse.size", "9"))),
        ("sparse length before offset", pax(record("GNU.sparse.numbytes", "4"))),
        ("sparse 1.0 without a map", pax(record("GNU.sparse.major", "1") + record("GNU.sparse.realsize", "9"))),
        ("many attributes", pax((0...1000).map { record("SCHILY.xattr.user.\($0)", "") }.joined())),
    ])
    func refusesLyingExtendedHeaders(_ what: String, _ bytes: [UInt8]) {
        #expect(throws: ArchiveError.self, "\(what)") { try read(bytes + rawHeader("a") + endBlocks) }
    }

    @Test(arguments: [
        ("negative size", rawHeader("a") { for i in 124..<136 { $0[i] = 0xFF } }),
        ("size of 95 bits", rawHeader("a") { for i in 124..<136 { $0[i] = i == 124 ? 0x80 : 0x7F } }),
        ("size that is text", rawHeader("a") { $0.replaceSubrange(124..<128, with: Array("9z99".utf8)) }),
        ("no name", rawHeader("")), ("unknown type", rawHeader("a", type: "Z")),
        ("multi-volume", rawHeader("a", type: "M")),
        ("link to nothing", rawHeader("a", type: "2")), ("hard link to nothing", rawHeader("a", type: "1")),
        (
            "major number beyond 12 bits",
            rawHeader("a", type: "3") { $0.replaceSubrange(329..<336, with: Array("0010000".utf8)) }
        ),
        (
            "minor number beyond 20 bits",
            rawHeader("a", type: "4") { $0.replaceSubrange(337..<344, with: Array("4000000".utf8)) }
        ),
        ("extended header of 2 GiB", rawHeader("x", type: "x", size: 1 << 31)),
        ("long name of 2 MiB", rawHeader("x", type: "L", size: 2 << 20)),
        (
            "old sparse map that never ends",
            rawHeader("a", type: "S", magic: "ustar  \u{0}") { $0[482] = 1 } + [UInt8](repeating: 1, count: 3 << 20)
        ),
        (
            "old sparse map that lies",
            rawHeader("a", type: "S", size: 4, magic: "ustar  \u{0}") {
                $0.replaceSubrange(386..<410, with: Array("00000000000\u{0}00000000005\u{0}".utf8))
                $0.replaceSubrange(483..<494, with: Array("00000000100".utf8))
            }
        ),
    ])
    func refusesLyingHeaders(_ what: String, _ bytes: [UInt8]) {
        #expect(throws: ArchiveError.self, "\(what)") { try read(bytes + endBlocks) }
    }

    @Test func contentOfLinksAndDirectoriesDoesNotCount() throws {
        // Go's reader, and so every container tool, ignores a size on these: reading it as content would let two
        // programs see two different archives.
        let bytes = rawHeader("d/", type: "5", size: 512) + rawHeader("f") + endBlocks
        #expect(try read(bytes).map(\.path) == ["d/", "f"])
    }

    @Test func namesInMessagesAreHarmless() {
        do {
            _ = try read(rawHeader("a\u{1B}[2J", type: "Z") + endBlocks)
            Issue.record("was read")
        } catch {
            #expect(!error.description.contains("\u{1B}"))
            #expect(error.description.contains("a\\u{1b}[2J"))
        }
    }

    // Random damage ends in an error or in entries, never in a crash or in more memory.
    @Test func randomDamage() throws {
        let whole = try tar(Self.items.dropLast() + [.file("end", "z")])
        var generator = TestRandom()
        for _ in 0..<(1500 * testScale) {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = UInt8.random(in: 0...255, using: &generator)
                // Repair the checksum of the block, so that the damage gets past it.
                let block = place / 512 * 512
                if Bool.random(using: &generator), block + 512 <= bytes.count {
                    for i in 148..<156 { bytes[block + i] = 32 }
                    let sum = String(bytes[block..<(block + 512)].reduce(0) { $0 + Int($1) }, radix: 8)
                    for (i, byte) in (String(repeating: "0", count: 6 - sum.count) + sum + "\0").utf8.enumerated() {
                        bytes[block + 148 + i] = byte
                    }
                }
            }
            _ = try? read(bytes, step: 1000)
        }
    }
}
