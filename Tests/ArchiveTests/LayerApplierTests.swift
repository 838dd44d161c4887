import Archive
import ImageTestSupport
import LinuxKernel
import Testing

/// What a layer's entries become.
@Suite struct LayerApplierTests {
    @Test func ownersModesTimesAndContent() throws {
        let site = try LayerSite()
        let summary = try site.apply([
            .directory("./", mode: 0o711, time: 77), .directory("d/", mode: 0o2775, uid: 5, gid: 6, time: 123),
            .file("d/f", "hello", mode: 0o6751, uid: 1000, gid: 2000, time: 456),
            .file("d/g", "", mode: 0o000, time: 789),
            .link("d/l", to: "f"), .hardLink("d/h", to: "d/f"), .file("big", String(repeating: "x", count: 1_000_000)),
            .file("high", uid: 4_294_967_294, gid: 70_000),
        ])
        #expect(try text("\(site.path)/d/f") == "hello")
        let file = try site.status("d/f")
        #expect(file.permissions == 0o6751)
        #expect((file.uid, file.gid) == (1000, 2000))
        #expect(file.modified == FileTime(seconds: 456))
        #expect(file.linkCount == 2)
        #expect(try site.status("d/g").permissions == 0)
        // The directory's group would be passed on by its set-group-id bit.
        #expect(try site.status("d/g").gid == 0)
        #expect(try site.status("d").permissions == 0o2775)
        #expect(try site.status("d").modified == FileTime(seconds: 123))
        #expect(try site.status("").modified == FileTime(seconds: 77))
        #expect(try site.status("").permissions == 0o711)
        #expect(try site.status("d/l").modified == FileTime(seconds: 3000))
        #expect(try site.status("big").size == 1_000_000)
        #expect(summary.bytes == 1_000_005)
        #expect(summary.highestUID == 4_294_967_294)
        #expect(summary.highestGID == 70_000)
        #expect(!summary.dependsOnLower)
        #expect(!summary.hidesLower)
    }

    @Test func directoryTimesSurviveLaterEntriesInAnyOrder() throws {
        let site = try LayerSite()
        try site.apply([
            .directory("a/", time: 1), .directory("a/b/", time: 2), .file("a/b/1"), .directory("c/", time: 3),
            .file("a/b/2"),
            .file("c/x"), .file("a/3"), .directory("a/b/", time: 4), .hardLink("c/y", to: "a/3"), .file("c/.wh.z"),
        ])
        #expect(try site.status("a").modified.seconds == 1)
        #expect(try site.status("a/b").modified.seconds == 4)
        #expect(try site.status("c").modified.seconds == 3)
    }

    @Test func devicesAndFifos() throws {
        let site = try LayerSite()
        try site.apply([
            .device("null", .characterDevice(major: 1, minor: 3), mode: 0o666),
            .device("disk", .blockDevice(major: 259, minor: 70_000), mode: 0o660),
            .device("pipe", .fifo, mode: 0o622),
        ])
        #expect(try site.status("null").deviceNumber == (1, 3))
        #expect(try site.status("null").permissions == 0o666)
        #expect(try site.status("disk").kind == .blockDevice)
        #expect(try site.status("disk").deviceNumber == (259, 70_000))
        #expect(try site.status("pipe").kind == .fifo)
        #expect(try site.status("pipe").permissions == 0o622)
    }

    @Test func attributesAndCapabilities() throws {
        let site = try LayerSite()
        // VFS_CAP_REVISION_2, effective, CAP_NET_RAW: as in every image that has ping.
        let zeros = String(repeating: "\0", count: 12)
        let capability = "\u{1}\0\0\u{2}\0\u{20}\0\0" + zeros
        try site.apply([
            .file(
                "ping", "x", mode: 0o755, uid: 3,
                attributes: [(PathBytes("security.capability"), capability), ("user.a", "1")]),
            .directory("d/", attributes: [("user.b", "2")]),
            .file("policy", attributes: [("security.selinux", "system_u:object_r:bin_t:s0")]),
            Item(
                TarEntry(
                    path: "l", kind: .symbolicLink, linkTarget: "x",
                    attributes: [.init(name: "trusted.c", value: [51]), .init(name: "user.no", value: [])])),
        ])
        let file = try Files.open("\(site.path)/ping", .readOnly)
        #expect(try file.extendedAttribute("security.capability").count == 20)
        #expect(try file.extendedAttribute("user.a") == [49])
        #expect(try Files.open("\(site.path)/d", [.readOnly, .directory]).extendedAttribute("user.b") == [50])
        let layer = try Files.open(site.path, [.readOnly, .directory])
        #expect(try Files.extendedAttributeNames(at: layer.rawValue, "l").map(\.description) == ["trusted.c"])
        #expect(try Files.extendedAttributeNames(at: layer.rawValue, "policy") == [])
        // A second entry for the directory says all there is to say about it.
        try site.apply([.directory("d/", attributes: [("user.b", "2")]), .directory("d/")], to: "second")
        #expect(try Files.open("\(site.base)/second/d", [.readOnly, .directory]).extendedAttributeNames() == [])
    }

    @Test func laterEntriesReplaceEarlierOnes() throws {
        let site = try LayerSite()
        try site.apply([
            .file("f", "old"), .file("f", "new"), .directory("d/"), .file("d/x"), .file("d", "now a file"), .file("e"),
            .directory("e/"),
            .file("e/y"), .link("l", to: "e"), .file("l", "now a file"), .directory("m/", mode: 0o700), .file("m/z"),
            .directory("m/", mode: 0o711),
            .hardLink("f", to: "f"), .link("s", to: "a"), .link("s", to: "b"), .device("p", .fifo), .file("p", "file"),
            .file("h", "h"), .hardLink("f2", to: "f"),
            .hardLink("f2", to: "h"),
        ])
        #expect(try tree(site.path) == ["d", "e/", "e/y", "f", "f2", "h", "l", "m/", "m/z", "p", "s -> b"])
        #expect(try text("\(site.path)/f") == "new")
        #expect(try text("\(site.path)/l") == "now a file")
        #expect(try text("\(site.path)/f2") == "h")
        #expect(try site.status("m").permissions == 0o711)
        // The file hid whatever a lower layer has there, and so must the directory that took its place.
        #expect(try site.isOpaque("e"))
        #expect(try !site.isOpaque("m"))
    }

    @Test func absoluteAndUncleanNamesLandInside() throws {
        let site = try LayerSite()
        try site.apply([.file("/a/b"), .file("./a//./c"), .file("a/x/../d"), .directory("a/../e/"), .file("//f")])
        #expect(try tree(site.path) == ["a/", "a/b", "a/c", "a/d", "e/", "f"])
    }

    @Test func emptyLayer() throws {
        let site = try LayerSite()
        let summary = try site.apply([])
        #expect(summary.entries == 0 && summary.bytes == 0 && !summary.dependsOnLower)
        #expect(try tree(site.path) == [])
    }

    @Test func missingParentsAreRootsAndAsOldAsWhatNeedsThem() throws {
        let site = try LayerSite()
        let summary = try site.apply([.file("a/b/c", uid: 7, gid: 7, time: 55)])
        #expect(summary.dependsOnLower)
        for name in ["a", "a/b"] {
            let status = try site.status(name)
            #expect(status.permissions == 0o755)
            #expect((status.uid, status.gid) == (0, 0))
            #expect(status.modified.seconds == 55)
        }
    }

    @Test func missingParentsTakeOverWhatLowerLayersHave() throws {
        let site = try LayerSite()
        try site.apply(
            [
                .directory("tmp/", mode: 0o1777, uid: 9, gid: 8, time: 99, attributes: [("user.k", "v")]),
                .directory("tmp/gone/", mode: 0o700),
            ], to: "1")
        try site.apply([.file("tmp/.wh.gone")], above: ["1"], to: "2")
        let summary = try site.apply([.file("tmp/gone/x"), .file("tmp/y")], above: ["1", "2"])
        #expect(summary.dependsOnLower)
        #expect(try site.status("tmp").permissions == 0o1777)
        #expect(try site.status("tmp").uid == 9)
        #expect(try site.status("tmp").modified.seconds == 99)
        #expect(try Files.open("\(site.path)/tmp", [.readOnly, .directory]).extendedAttribute("user.k") == [118])
        #expect(summary.highestUID == 9)
        // What a layer between has taken away is not there to be taken over.
        #expect(try site.status("tmp/gone").permissions == 0o755)
    }

    @Test func deepTreesNeedFewDescriptors() throws {
        let site = try LayerSite()
        let depth = 1500
        var items = [Item]()
        for level in [10, 700, depth, 1400, 3] {
            items.append(
                .file(
                    PathBytes(Array(repeatElement(Array("d/".utf8), count: level).joined()) + Array("f\(level)".utf8))))
        }
        try site.apply(items)
        var current = try Files.open(site.path, [.readOnly, .directory])
        for level in 1...depth {
            let next = try Files.open(at: current.rawValue, "d", [.readOnly, .directory])
            current = next
            #expect(Files.exists(at: current.rawValue, "f\(level)") == [10, 700, depth, 1400, 3].contains(level))
        }
        // The site's own removal takes the tree away again.
        try Files.removeTree(site.path)
        #expect(!Files.exists(site.path))
    }
}

/// Deleted and hidden files of lower layers.
@Suite struct WhiteoutTests {
    @Test func whiteoutsBecomeOverlayfsOnes() throws {
        let site = try LayerSite()
        let summary = try site.apply([
            .directory("d/"), .file("d/.wh.gone"), .directory("o/"), .file("o/.wh..wh..opq"), .file("o/kept"),
        ])
        #expect(try site.isWhiteout("d/gone"))
        #expect(try site.isOpaque("o"))
        #expect(try tree(site.path) == ["d/", "d/gone", "o/", "o/kept"])
        #expect(!summary.hidesLower)
    }

    @Test func aWhiteoutIsAboutLowerLayersOnly() throws {
        let site = try LayerSite()
        try site.apply([
            .file("before", "x"), .file(".wh.before"), .file(".wh.after"), .file("after", "y"),
            .directory("dirbefore/"), .file("dirbefore/x"),
            .file(".wh.dirbefore"), .file(".wh.dirafter"), .directory("dirafter/"), .file(".wh.implied"),
            .file("implied/x"), .file(".wh.twice"), .file(".wh.twice"),
        ])
        #expect(try text("\(site.path)/before") == "x")
        #expect(try text("\(site.path)/after") == "y")
        for name in ["dirbefore", "dirafter", "implied"] { #expect(try site.isOpaque(name), "\(name)") }
        #expect(try site.isWhiteout("twice"))
        #expect(Files.exists("\(site.path)/dirbefore/x"))
    }

    @Test func opaqueDirectoriesHoldNoWhiteouts() throws {
        let site = try LayerSite()
        try site.apply([
            .directory("o/"), .file("o/.wh.a"), .file("o/.wh..wh..opq"), .file("o/.wh.b"), .file("o/c"),
            .directory("o/d/"), .file("o/d/.wh.e"),
        ])
        #expect(try tree(site.path) == ["o/", "o/c", "o/d/"])
    }

    @Test func anOpaqueRootIsReported() throws {
        let site = try LayerSite()
        let summary = try site.apply([.file(".wh..wh..opq"), .file("a"), .file(".wh.b")])
        #expect(summary.hidesLower)
        #expect(try tree(site.path) == ["a"])
    }

    @Test func bookKeepingOfAUFSIsPassedOver() throws {
        let site = try LayerSite()
        try site.apply([
            .file(".wh..wh.aufs"), .directory(".wh..wh.plnk/"), .file(".wh..wh.plnk/1.2"), .directory(".wh..wh.orph/"),
            .file("a"),
        ])
        #expect(try tree(site.path) == ["a"])
    }

    @Test func theRealOverlayfsAgrees() throws {
        let site = try LayerSite()
        try site.apply(
            [
                .directory("d/"), .file("d/gone"), .file("d/kept", "1"), .directory("o/"), .file("o/hidden"),
                .directory("r/"), .file("r/hidden"), .directory("m/"), .file("m/one"),
            ], to: "1")
        try site.apply(
            [
                .directory("d/"), .file("d/.wh.gone"), .directory("o/"), .file("o/.wh..wh..opq"), .file("o/new"),
                .file(".wh.r"), .directory("r/"), .file("r/new"), .file("m/two"),
            ], above: ["1"], to: "2")
        for name in ["up", "work", "view"] { try Files.makeDirectory("\(site.base)/\(name)") }
        let base = site.base
        let seen = try run(
            "unshare", "-m", "sh", "-c",
            "mount -t overlay overlay -o lowerdir=\(base)/2:\(base)/1,upperdir=\(base)/up,workdir=\(base)/work \(base)/view && cd \(base)/view && find . | sort"
        )
        #expect(seen.status == 0, "\(seen.output)")
        #expect(seen.output == ".\n./d\n./d/kept\n./m\n./m/one\n./m/two\n./o\n./o/new\n./r\n./r/new\n")
    }
}

/// Hard links to files of lower layers.
@Suite struct LowerHardLinkTests {
    @Test func theFileIsCopiedUpUnderItsOwnName() throws {
        let site = try LayerSite()
        try site.apply(
            [
                .directory("usr/", mode: 0o711, uid: 4),
                .file("usr/a", "from below", mode: 0o4711, uid: 11, gid: 12, time: 13, attributes: [("user.k", "v")]),
                .link("usr/l", to: "a"), .device("usr/p", .fifo),
            ], to: "1")
        let summary = try site.apply(
            [
                .directory("bin/", time: 50), .hardLink("bin/b", to: "usr/a"), .hardLink("bin/m", to: "./usr/l"),
                .hardLink("bin/p", to: "usr/p"), .file("bin/z"),
            ], above: ["1"])
        #expect(summary.dependsOnLower)
        #expect(
            try tree(site.path) == [
                "bin/", "bin/b", "bin/m -> a", "bin/p", "bin/z", "usr/", "usr/a", "usr/l -> a", "usr/p",
            ])
        let status = try site.status("bin/b")
        #expect(try status.inode == site.status("usr/a").inode)
        #expect(try text("\(site.path)/bin/b") == "from below")
        #expect(status.permissions == 0o4711)
        #expect((status.uid, status.gid) == (11, 12))
        #expect(status.modified.seconds == 13)
        #expect(try Files.open("\(site.path)/bin/b", .readOnly).extendedAttribute("user.k") == [118])
        #expect(try site.status("usr").permissions == 0o711)
        #expect(try site.status("bin").modified.seconds == 50)
        // The lower layer itself is as it was.
        #expect(try Files.status("\(site.base)/1/usr/a").linkCount == 1)
    }

    @Test func theUppermostFileCounts() throws {
        let site = try LayerSite()
        try site.apply([.file("a", "1"), .file("b", "1"), .directory("d/"), .file("d/x", "1")], to: "1")
        try site.apply([.file("a", "2"), .file(".wh.b"), .directory("d/"), .file("d/.wh..wh..opq")], to: "2")
        try site.apply([.hardLink("n", to: "a")], above: ["1", "2"])
        #expect(try text("\(site.path)/n") == "2")
        #expect(throws: ArchiveError.self) { try site.apply([.hardLink("n", to: "b")], above: ["1", "2"], to: "3") }
        #expect(throws: ArchiveError.self) { try site.apply([.hardLink("n", to: "d/x")], above: ["1", "2"], to: "3") }
    }
}
