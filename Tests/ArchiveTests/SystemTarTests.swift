import Archive
import Glibc
import ImageTestSupport
import LinuxKernel
import Testing

/// What other programs write and read.
@Suite(.enabled(if: isInstalled("tar"), "tar is not installed")) struct SystemTarTests {
    /// A tree with a bit of everything.
    static func makeTree(_ path: String, length: Int) throws {
        let deep = "\(path)/sub/\(String(repeating: "d", count: length))/\(String(repeating: "e", count: length))"
        try Files.makeDirectories(deep)
        try write("content", to: "\(path)/file")
        try write("deep", to: "\(deep)/f")
        try Files.symbolicLink("\(path)/link", target: "file")
        try Files.symbolicLink("\(path)/longlink", target: PathBytes(String(repeating: "x/", count: length)))
        try Files.link("\(path)/file", to: WorkingDirectory.rawValue, "\(path)/hard")
        try write("ü", to: "\(path)/ünï")
        try Files.makeNode(at: WorkingDirectory.rawValue, "\(path)/fifo", mode: UInt32(S_IFIFO) | 0o600)
    }

    @Test(arguments: ["gnu", "pax", "ustar", "oldgnu", "posix"])
    func readsItsFormats(_ format: String) throws {
        let directory = try TemporaryDirectory()
        // ustar has room for 155 + 100 bytes of a name and 100 of a link; the others for any length.
        try Self.makeTree("\(directory.path)/t", length: format == "ustar" ? 48 : 120)
        let made = try run(
            "tar", "--format=\(format)", "--sort=name", "-cf", "\(directory.path)/a.tar", "-C", "\(directory.path)/t",
            ".")
        #expect(made.status == 0, "\(made.output)")
        let target = "\(directory.path)/out"
        try Files.makeDirectory(target)
        let reader = TarReader(FileSource(try Files.open("\(directory.path)/a.tar", .readOnly)), endMarker: .required)
        let summary = try LayerApplier.apply(reader, to: try Files.open(target, [.readOnly, .directory]))
        #expect(try tree(target) == tree("\(directory.path)/t"))
        #expect(try text("\(target)/hard") == "content")
        #expect(try Files.status("\(target)/hard").inode == Files.status("\(target)/file").inode)
        #expect(
            try Files.status("\(target)/file").modified.seconds
                == Files.status("\(directory.path)/t/file").modified.seconds)
        #expect(
            try Files.status("\(target)/sub").modified.seconds
                == Files.status("\(directory.path)/t/sub").modified.seconds)
        #expect(summary.entries == 11)
    }

    @Test(arguments: [
        ["--format=gnu"], ["--format=pax", "--sparse-version=0.0"], ["--format=pax", "--sparse-version=0.1"],
        ["--format=pax", "--sparse-version=1.0"],
    ])
    func readsEverySparseForm(_ options: [String]) throws {
        let directory = try TemporaryDirectory()
        let source = "\(directory.path)/s"
        let file = try Files.open(source, [.writeOnly, .create])
        // Enough parts that the old form needs extension blocks (4 in the header, 21 in each).
        for part in 0..<40 {
            try "part \(part)".utf8CString.withUnsafeBytes { try file.writeAll($0, at: Int64(part) << 20) }
        }
        try file.setSize(Int64(100) << 20)
        try write("after", to: "\(directory.path)/z")
        let archive = "\(directory.path)/a.tar"
        let made = try run(
            "tar", "-S", options[0], options.count > 1 ? options[1] : "-p", "-cf", archive, "-C", directory.path, "s",
            "z")
        #expect(made.status == 0, "\(made.output)")
        #expect(try Files.status(archive).size < 1 << 20)
        let target = "\(directory.path)/out"
        try Files.makeDirectory(target)
        let summary = try LayerApplier.apply(
            TarReader(FileSource(try Files.open(archive, .readOnly)), endMarker: .required),
            to: try Files.open(target, [.readOnly, .directory]))
        #expect(try run("cmp", source, "\(target)/s").status == 0)
        #expect(try text("\(target)/z") == "after")
        #expect(try Files.status("\(target)/s").allocatedSize < 1 << 20)
        #expect(summary.bytes < 1 << 20)
    }

    @Test func readsLargeIdentifiersInBase256() throws {
        let directory = try TemporaryDirectory()
        try write("x", to: "\(directory.path)/f")
        let made = try run(
            "tar", "--format=gnu", "--owner=:3000000000", "--group=:2500000", "--mtime=@68719476736", "-cf",
            "\(directory.path)/a.tar",
            "-C", directory.path, "f")
        #expect(made.status == 0, "\(made.output)")
        let entry = try TarReader(FileSource(try Files.open("\(directory.path)/a.tar", .readOnly))).next()
        #expect(entry?.uid == 3_000_000_000)
        #expect(entry?.gid == 2_500_000)
        #expect(entry?.modificationTime.seconds == 68_719_476_736)
    }

    @Test func itReadsWhatTheWriterWrites() throws {
        let directory = try TemporaryDirectory()
        let bytes = try tar(TarReaderTests.items)
        try Files.replace("\(directory.path)/a.tar", with: bytes)
        let listed = try run("tar", "--quoting-style=escape", "-tf", "\(directory.path)/a.tar")
        #expect(listed.status == 0, "\(listed.output)")
        #expect(listed.output.split(separator: "\n").count == TarReaderTests.items.count)
        try Files.makeDirectory("\(directory.path)/out")
        let extracted = try run(
            "tar", "--xattrs", "--xattrs-include=*", "-xpf", "\(directory.path)/a.tar", "-C", "\(directory.path)/out",
            "etc", "big")
        #expect(extracted.status == 0, "\(extracted.output)")
        let status = try Files.status("\(directory.path)/out/etc/passwd")
        #expect(status.uid == 1000)
        #expect(status.gid == 4_000_000_000)
        #expect(status.permissions == 0o4755)
        #expect(try Files.status("\(directory.path)/out/big").size == 320_000)
    }
}
