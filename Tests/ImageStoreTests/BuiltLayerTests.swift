import Archive
import Glibc
import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

/// Layers made here out of directories.
@Suite struct BuiltLayerTests {
    /// A directory as overlayfs leaves it: new and changed files, a whiteout, an opaque directory, links, attributes.
    private func makeUpper(_ path: String, idBase: UInt32 = 0) throws {
        try Files.makeDirectories("\(path)/etc/deep/er")
        try Files.makeDirectories("\(path)/opaque")
        try write("new", to: "\(path)/etc/new")
        try write(String(repeating: "x", count: 5000), to: "\(path)/etc/deep/er/long")
        try write("", to: "\(path)/empty")
        try Files.link(at: WorkingDirectory.rawValue, "\(path)/etc/new", to: WorkingDirectory.rawValue, "\(path)/hard")
        try Files.symbolicLink("\(path)/soft", target: "/etc/new")
        try Files.makeNode(at: WorkingDirectory.rawValue, "\(path)/etc/gone", mode: UInt32(S_IFCHR))
        try Files.makeNode(at: WorkingDirectory.rawValue, "\(path)/pipe", mode: UInt32(S_IFIFO) | 0o640)
        let opaque = try Files.open("\(path)/opaque", [.readOnly, .directory])
        try opaque.setExtendedAttribute("trusted.overlay.opaque" as PathBytes, Array("y".utf8))
        try opaque.setExtendedAttribute("trusted.overlay.origin" as PathBytes, [1, 2, 3])
        let file = try Files.open("\(path)/etc/new", .readWrite)
        try file.setExtendedAttribute("user.note" as PathBytes, Array("kept".utf8))
        for name in [
            "etc", "etc/new", "etc/deep", "etc/deep/er", "etc/deep/er/long", "opaque", "pipe", "soft", "empty",
        ] {
            try Files.changeOwner(
                at: WorkingDirectory.rawValue, "\(path)/\(name)", uid: idBase + 7, gid: idBase + 70_000)
        }
        try file.setModificationTime(FileTime(seconds: 1_000_000, nanoseconds: 5))
    }

    private func base(_ site: borrowing StoreSite) throws -> StoredImage {
        let image = try TestImage([TestImage.base], names: ["base:1"])
        return try #require(try site.load(try image.layout()).first).image
    }

    private func commit(
        _ site: borrowing StoreSite, _ base: StoredImage, _ upper: String, idBase: UInt32, _ source: StoreWork.Source,
        name: String = "built:1"
    ) throws -> StoredImage {
        let work = try StoreWork(site.store)
        let below = try work.layers(of: base)
        let layer = try work.commitLayer(upperDirectory: upper, idBase: idBase, above: below, source)
        return try work.registerImage(
            base.configuration, layers: below + [layer], names: [try Reference(parsing: name)])
    }

    @Test(arguments: [0, 0x2000_0000 as UInt32])
    func copiedAndMovedGiveTheSameLayer(_ idBase: UInt32) throws {
        let one = try StoreSite(), two = try StoreSite()
        for (path, source) in [(one.path, StoreWork.Source.copying), (two.path, .moving)] {
            try makeUpper("\(path)/upper", idBase: idBase)
            _ = source
        }
        let copied = try commit(one, try base(one), "\(one.path)/upper", idBase: idBase, .copying)
        let moved = try commit(two, try base(two), "\(two.path)/upper", idBase: idBase, .moving)
        #expect(copied.configuration.diffIDs == moved.configuration.diffIDs)
        #expect(copied.id == moved.id)
        #expect(Files.exists("\(one.path)/upper/etc/new"))
        #expect(!Files.exists("\(two.path)/upper"))
        #expect(copied.highestID == 70_000 && moved.highestID == 70_000)
        let layers = two.store.layerDirectories(of: moved)
        #expect(layers.last?.idBase == idBase)
        #expect(try Files.status("\(layers.last?.path ?? "")/etc/gone").kind == .characterDevice)
        try Files.removeTree("\(one.path)/upper")
        for store in [one.store, two.store] {
            #expect(try store.check(repair: false).findings == [])
            // Nobody else is told of an image that lacks a blob.
            #expect(try !String(decoding: Files.read("\(store.path)/index.json"), as: UTF8.self).contains("built"))
            #expect(try store.resolve("built:1").id == copied.id)
        }
    }

    @Test func savedAndLoadedItIsTheSame() throws {
        let site = try StoreSite()
        try makeUpper("\(site.directory.path)/upper", idBase: 1000)
        let image = try commit(site, try base(site), "\(site.directory.path)/upper", idBase: 1000, .copying)
        let first = MemorySink(), second = MemorySink()
        try site.store.save(["built:1"], to: first)
        try site.store.save(["built:1"], to: second)
        #expect(first.bytes == second.bytes)
        let other = try StoreSite()
        let loaded = try #require(try other.load(first.bytes).first).image
        #expect(loaded.id == image.id && loaded.manifestDigest == image.manifestDigest)
        #expect(loaded.references.map(\.familiar) == ["built:1"])
        let layers = zip(site.store.layerDirectories(of: image), other.store.layerDirectories(of: loaded))
        for (one, two) in layers { #expect(try tree(one.path) == tree(two.path)) }
        let made = try #require(other.store.layerDirectories(of: loaded).last?.path)
        #expect(try Files.status("\(made)/etc/new").uid == 7)
        #expect(try Files.status("\(made)/etc/new").linkCount == 2)
        #expect(
            try Files.open("\(made)/opaque", [.readOnly, .directory]).extendedAttribute(
                "trusted.overlay.opaque" as PathBytes)
                == Array("y".utf8))
        #expect(
            try !Files.open("\(made)/opaque", [.readOnly, .directory]).extendedAttributeNames().contains(
                "trusted.overlay.origin"))
        try other.expectConsistent()
        // Loaded here again, the image has all its blobs and is everybody's.
        _ = try site.load(first.bytes)
        #expect(try String(decoding: Files.read("\(site.path)/index.json"), as: UTF8.self).contains("built"))
        #expect(try site.store.images().count == 2)
        try site.store.remove("built:1")
        try site.store.remove("base:1")
        try site.expectEmpty()
    }

    @Test func whatNobodyRegistersIsFreed() throws {
        let site = try StoreSite()
        let image = try base(site)
        try makeUpper("\(site.directory.path)/upper")
        do {
            let work = try StoreWork(site.store)
            let layer = try work.commitLayer(
                upperDirectory: "\(site.directory.path)/upper", idBase: 0, above: try work.layers(of: image), .copying)
            try site.store.collect()
            #expect(Files.exists(layer.directory.path))
            work.abandon()
            #expect(!Files.exists(layer.directory.path))
        }
        try site.expectConsistent()
    }

    @Test func aLeaseKeepsALayerForABuild() throws {
        let site = try StoreSite()
        try makeUpper("\(site.directory.path)/upper")
        var path = ""
        do {
            let work = try StoreWork(site.store)
            let layer = try work.commitLayer(
                upperDirectory: "\(site.directory.path)/upper", idBase: 0, above: [], .copying)
            try work.lease([layer], holder: "build-1")
            path = layer.directory.path
        }
        try site.store.collect()
        #expect(Files.exists(path))
        try site.store.release(holder: "build-1")
        try site.store.collect()
        #expect(!Files.exists(path))
    }

    @Test func theRootsOwnerIsKept() throws {
        let site = try StoreSite()
        let upper = "\(site.directory.path)/upper"
        try Files.makeDirectories(upper)
        try Files.changeMode(at: WorkingDirectory.rawValue, upper, mode: 0o711)
        let image = try commit(site, try base(site), upper, idBase: 0, .copying)
        let layer = try #require(site.store.layerDirectories(of: image).last)
        #expect(layer.definesRoot)
        #expect(try Files.status(layer.path).permissions == 0o711)
    }

    @Test func namesThatWouldDeleteAreRefused() throws {
        let site = try StoreSite()
        let upper = "\(site.directory.path)/upper"
        try Files.makeDirectories(upper)
        try write("", to: "\(upper)/.wh.etc")
        let image = try base(site)
        do {
            _ = try commit(site, image, upper, idBase: 0, .copying)
            Issue.record("a name .wh.etc was taken")
        } catch let error as ImageStoreError {
            #expect(error.description.contains(".wh."), "\(error)")
        }
        try site.expectConsistent()
    }

    @Test func aDamagedBuiltLayerIsFound() throws {
        let site = try StoreSite()
        try makeUpper("\(site.directory.path)/upper")
        let image = try commit(site, try base(site), "\(site.directory.path)/upper", idBase: 0, .copying)
        let layer = try #require(site.store.layerDirectories(of: image).last)
        try write("old", to: "\(layer.path)/etc/new")
        #expect(try site.store.check(repair: false).findings.contains { $0.problem.contains("digest") })
        #expect(throws: ImageStoreError.self) { try site.store.save(["built:1"], to: MemorySink()) }
        try write("x", to: "\(layer.path)/etc/deep/er/long")
        #expect(try site.store.check(repair: false).isFaulty)
        _ = try site.store.check(repair: true)
        #expect(throws: ImageStoreError.self) { try site.store.resolve("built:1") }
        #expect(try site.store.resolve("base:1").references.count == 1)
        _ = try site.store.check(repair: true)
        try site.expectConsistent()
    }
}
