import Archive
import ImageTestSupport
import LinuxKernel
import Testing

/// Layers made to break out, each against a directory beside the layer that must stay as it is.
@Suite struct HostileLayerTests {
    private func expectRefused(
        _ items: [Item], above lowers: [[Item]] = [], _ location: SourceLocation = #_sourceLocation
    ) throws {
        let site = try LayerSite()
        for (index, lower) in lowers.enumerated() { try site.apply(lower, to: "\(index)") }
        #expect(throws: ArchiveError.self, sourceLocation: location) {
            try site.apply(items, above: lowers.indices.map(String.init))
        }
        try site.expectNothingOutside(location)
    }

    @Test(arguments: [
        "../evil", "../../evil", "a/../../evil", "/../evil", "./../evil", "../outside/file", "a/b/../../../evil", "..",
    ])
    func namesThatLeadOut(_ name: String) throws {
        try expectRefused([.file(PathBytes(name), "evil")])
        try expectRefused([.directory(PathBytes(name))])
        try expectRefused([.link(PathBytes(name), to: "x")])
        try expectRefused([.file("a"), .hardLink(PathBytes(name), to: "a")])
        try expectRefused([.device(PathBytes(name), .fifo)])
    }

    @Test(arguments: ["/", ".", "./", "a/..", "//"])
    func theRootIsNotReplaced(_ name: String) throws {
        try expectRefused([.link(PathBytes(name), to: "../outside"), .file("evil")])
        try expectRefused([.file(PathBytes(name))])
    }

    // OUTSIDE stands for the directory's absolute path.
    @Test(arguments: [
        "../outside", "../../../../../../../../../../../../../../../../../../../..OUTSIDE", "OUTSIDE", "..",
        "/proc/self/rootOUTSIDE", "../layer/../outside", "OUTSIDE/../outside/.",
    ])
    func writingThroughALinkStaysInside(_ target: String) throws {
        let site = try LayerSite()
        let text = target.split(separator: "OUTSIDE", omittingEmptySubsequences: false).joined(separator: site.outside)
        // Every kind of entry through the link, and the link's own name as a directory.
        _ = try? site.apply([
            .link("l", to: PathBytes(text)), .file("l/evil", "evil"), .link("l/x", to: "."),
            .directory("l/evil2/", mode: 0o777), .device("l/passwd", .fifo),
            .file("l/.wh.file"), .file("l/.wh..wh..opq"), .hardLink("l/evil3", to: "l/evil"),
        ])
        try site.expectNothingOutside()
    }

    @Test func linksInPlaceOfDirectoriesAreReplacedNotFollowed() throws {
        let site = try LayerSite()
        try site.apply([
            .link("l", to: "../outside"), .directory("l/", mode: 0o777, uid: 5), .file("l/evil"),
            .link("f", to: "../outside/file"), .file("f", "evil", mode: 0o777, uid: 5),
        ])
        try site.expectNothingOutside()
        #expect(try tree(site.path) == ["f", "l/", "l/evil"])
        #expect(try Files.status("\(site.outside)/file").uid == 0)
    }

    @Test func chainsAndLoopsOfLinks() throws {
        try expectRefused([.link("a", to: "b"), .link("b", to: "a"), .file("a/x")])
        try expectRefused([.link("a", to: "a/a"), .file("a/x")])
        let site = try LayerSite()
        try site.apply([
            .directory("d/"), .link("1", to: "d"), .link("2", to: "/1/../1"), .link("3", to: "../../../2"),
            .file("3/f"),
        ])
        #expect(try tree(site.path) == ["1 -> d", "2 -> /1/../1", "3 -> ../../../2", "d/", "d/f"])
    }

    @Test func linksOfLowerLayersAreNotFollowed() throws {
        let site = try LayerSite()
        try site.apply([.link("l", to: "../outside"), .link("abs", to: PathBytes(site.outside))], to: "1")
        try site.apply([.file("l/evil"), .file("abs/evil")], above: ["1"])
        try site.expectNothingOutside()
        #expect(try tree(site.path) == ["abs/", "abs/evil", "l/", "l/evil"])
    }

    @Test func hardLinksThatLeadOut() throws {
        for target in ["../outside/file", "/../../outside/file", "a/../../outside/file", "..", "."] {
            try expectRefused([.hardLink("h", to: PathBytes(target)), .file("h", "evil")])
        }
        try expectRefused([.link("l", to: "../outside"), .hardLink("h", to: "l/file")])
        try expectRefused([.hardLink("h", to: "etc/passwd")])
        try expectRefused([.directory("d/"), .hardLink("h", to: "d")])
        let site = try LayerSite()
        for path in [site.outside, "/proc/self/root\(site.outside)"] {
            #expect(throws: ArchiveError.self) {
                try site.apply([.link("l", to: PathBytes(path)), .hardLink("h", to: "l/file")])
            }
            #expect(throws: ArchiveError.self) { try site.apply([.hardLink("h", to: PathBytes("\(path)/file"))]) }
        }
        try site.expectNothingOutside()
        // Through a link of a lower layer.
        try expectRefused([.hardLink("h", to: "l/file")], above: [[.link("l", to: "../outside")]])
    }

    @Test func aHardLinkToALinkDoesNotReachItsTarget() throws {
        let site = try LayerSite()
        try site.apply([
            .link("l", to: "../outside/file"), .hardLink("h", to: "l"), .file("h", "evil"),
            .file("l", "evil", mode: 0o777, uid: 7),
        ])
        try site.expectNothingOutside()
        #expect(try Files.status("\(site.outside)/file").permissions != 0o777)
    }

    @Test func hardLinkInsteadOfItsOwnParent() throws {
        try expectRefused([.directory("d/"), .file("d/f"), .hardLink("d", to: "d/f")])
    }

    @Test(arguments: [".wh.", ".wh..", ".wh...", "d/.wh...", "d/.wh..", "d/.wh."])
    func whiteoutsOfNoName(_ name: String) throws {
        try expectRefused([.directory("d/"), .file(PathBytes(name))])
    }

    @Test func directoriesNamedLikeWhiteouts() throws {
        try expectRefused([.file(".wh.x/file")])
        try expectRefused([.directory("d/"), .file("d/.wh.x/y/z")])
        try expectRefused([.hardLink("h", to: ".wh.x")])
    }

    @Test func whiteoutsInDisguise() throws {
        try expectRefused([.device("x", .characterDevice(major: 0, minor: 0))])
        try expectRefused([.file(".wh.x"), .hardLink("y", to: "x")])
        for name in [
            "trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.opaque", "trusted.overlay.metacopy",
            "user.overlay.x",
        ] as [PathBytes] {
            try expectRefused([.directory("d/", attributes: [(name, "y")])])
            try expectRefused([.file("f", attributes: [(name, "/etc")])])
            try expectRefused([.directory("./", attributes: [(name, "y")])])
        }
        // A block device 0:0 is no mark of anything.
        let site = try LayerSite()
        try site.apply([.device("b", .blockDevice(major: 0, minor: 0))])
    }

    @Test func filesUsedAsDirectories() throws {
        try expectRefused([.file("f"), .file("f/x")])
        try expectRefused([.device("p", .fifo), .file("p/x")])
        try expectRefused([.file("f"), .hardLink("h", to: "f/x")])
    }

    @Test func namesThatAreTooLong() throws {
        try expectRefused([.file(PathBytes(String(repeating: "n", count: 256)))])
        try expectRefused([.file(PathBytes(String(repeating: "d/", count: 2100)))])
        try expectRefused([.link("l", to: PathBytes(String(repeating: "t", count: 5000)))])
        // Links that make a real path longer than any name of it.
        let long = String(repeating: "d/", count: 1000)
        try expectRefused([
            .directory(PathBytes(long)), .link("a", to: PathBytes(long)), .directory(PathBytes("a/" + long)),
            .link("b", to: PathBytes("a/" + long)), .directory(PathBytes("b/" + long)),
        ])
    }

    @Test func attributesThatAreTooLarge() throws {
        let site = try LayerSite()
        do {
            try site.apply([.file("f", attributes: [("user.k", String(repeating: "v", count: 100_000))])])
            Issue.record("100 kB went into an attribute")
        } catch { #expect(error.description.contains("its attribute \"user.k\" cannot be set")) }
    }

    @Test func sparseBombsTakeNoSpace() throws {
        let site = try LayerSite()
        // 8 TiB of nothing; 8 EiB, which the file system refuses.
        let huge =
            pax(record("GNU.sparse.map", "0,3") + record("GNU.sparse.size", "8796093022208"))
            + rawHeader("huge", size: 3) + padded(Array("abc".utf8))
        let summary = try site.apply(bytes: huge + endBlocks)
        #expect(summary.bytes == 3)
        #expect(try site.status("huge").size == 8_796_093_022_208)
        #expect(try site.status("huge").allocatedSize < 1 << 20)
        let impossible =
            pax(record("GNU.sparse.map", "") + record("GNU.sparse.size", "9223372036854775807")) + rawHeader("huge")
        #expect(throws: ArchiveError.self) { try site.apply(bytes: impossible + endBlocks) }
    }

    @Test func manyDuplicatesOfOneName() throws {
        let site = try LayerSite()
        var items = [Item]()
        for round in 0..<500 {
            items.append(.file("x", "\(round)"))
            items.append(.directory("x/"))
            items.append(.file("x/y"))
            items.append(.link("x", to: "../outside"))
            items.append(.file(".wh.x"))
        }
        try site.apply(items)
        try site.expectNothingOutside()
    }

    @Test func setIdFilesKeepTheirBitsAndNothingElseDoes() throws {
        let site = try LayerSite()
        try site.apply([.file("s", "x", mode: 0o4755, uid: 0), .hardLink("t", to: "s"), .file("u", "x", mode: 0o755)])
        #expect(try site.status("t").permissions == 0o4755)
        #expect(try site.status("u").permissions == 0o755)
    }

    @Test func aFullDiskIsASentence() throws {
        let site = try LayerSite()
        guard try run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", site.path).status == 0 else {
            print("skipped: a tmpfs cannot be mounted here")
            return
        }
        defer { _ = try? run("umount", site.path) }
        do {
            try site.apply([.file("big", String(repeating: "x", count: 3 << 20))])
            Issue.record("3 MiB went into 1 MiB")
        } catch {
            #expect(error.errno == .noSpace)
            #expect(
                error.description
                    == "cannot unpack \"big\": it cannot be made: no space left on device; free some space and try again"
            )
        }
    }

    // Random sequences of entries that refer to each other never write outside.
    @Test func randomLayersStayInside() throws {
        var generator = TestRandom()
        let names = [
            "a", "b", "a/b", "b/a", "a/b/c", "l", "l/x", "l/a/b", ".wh.a", "a/.wh.b", "a/.wh..wh..opq", "/a", "./b/",
            "a/../b",
        ]
        let targets = [
            "a", "b", "..", "../outside", "OUTSIDE", "/a", "l", "a/b", "../../outside/file", "b/..", "OUTSIDE/file",
            ".",
        ]
        for _ in 0..<(100 * testScale) {
            let site = try LayerSite()
            for layer in 0..<2 {
                var items = [Item]()
                for _ in 0..<12 {
                    let name = PathBytes(names.randomElement(using: &generator) ?? "a")
                    let word = targets.randomElement(using: &generator) ?? "a"
                    let target = PathBytes(word.hasPrefix("OUTSIDE") ? site.outside + word.dropFirst(7) : word)
                    switch Int.random(in: 0..<6, using: &generator) {
                    case 0: items.append(.file(name, "evil", mode: 0o777, uid: 7))
                    case 1: items.append(.directory(name, mode: 0o777, uid: 7))
                    case 2, 3: items.append(.link(name, to: target))
                    case 4: items.append(.hardLink(name, to: target))
                    default: items.append(.device(name, .fifo))
                    }
                }
                // Apply one at a time too far: an error ends a layer, the rest goes into the next.
                _ = try? site.apply(items, above: layer == 0 ? [] : ["layer"], to: layer == 0 ? "layer" : "second")
            }
            try site.expectNothingOutside()
        }
    }
}
