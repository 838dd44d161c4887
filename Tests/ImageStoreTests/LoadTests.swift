import Archive
import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

@Suite struct LoadTests {
    static func image(_ names: [String] = ["test/app:1"]) throws -> TestImage {
        try TestImage([TestImage.base, TestImage.second], names: names)
    }

    @Test func bothFormsGiveTheSameImage() throws {
        let image = try Self.image()
        for archive in [try image.layout(), try image.dockerArchive()] {
            let site = try StoreSite()
            let loaded = try site.load(archive)
            #expect(loaded.count == 1)
            #expect(loaded.first?.references.map(\.familiar) == ["test/app:1"])
            let found = try site.store.resolve("test/app:1")
            #expect(found.id == image.id)
            #expect(found.configuration.config.command == ["/bin/sh"])
            #expect(found.references.map(\.description) == ["docker.io/test/app:1"])
            #expect(found.size == 4)
            #expect(found.highestID == 70_000)
            #expect(found.created == Timestamp(parsing: "2024-01-01T00:00:00Z"))
            let layers = site.store.layerDirectories(of: found)
            #expect(layers.map(\.diffID) == image.layers.map { Digest(of: $0) })
            #expect(try tree(layers[0].path) == ["bin/", "bin/sh", "etc/", "etc/gone"])
            #expect(try tree(layers[1].path) == ["etc/", "etc/gone", "etc/new"])
            #expect(try Files.status("\(layers[1].path)/etc/gone").kind == .characterDevice)
            #expect(try site.store.blob(found.id) == image.configurationBytes)
            try site.expectConsistent()
        }
    }

    @Test func everyOrderOfAnArchiveWorks() throws {
        let image = try Self.image()
        var generator = TestRandom()
        for items in [image.layoutItems(), image.dockerItems] {
            for _ in 0..<6 {
                let site = try StoreSite()
                #expect(try site.load(try tar(items.shuffled(using: &generator))).first?.image.id == image.id)
            }
            let site = try StoreSite()
            let dotted = items.map { item in
                var item = item
                item.entry.path = PathBytes("./" + item.entry.path.description)
                return item
            }
            #expect(try site.load(try tar(dotted)).first?.image.id == image.id)
        }
    }

    @Test(.enabled(if: isInstalled("gzip") && isInstalled("zstd"), "gzip or zstd is not installed"))
    func compressedArchivesAndLayers() throws {
        let directory = try TemporaryDirectory()
        func compressed(_ bytes: [UInt8], _ program: String) throws -> [UInt8] {
            try Files.replace("\(directory.path)/x", with: bytes)
            let result = try run(program, "-q", "-f", "-k", "\(directory.path)/x")
            #expect(result.status == 0, "\(result.output)")
            return try Files.read("\(directory.path)/x.\(program == "gzip" ? "gz" : "zst")")
        }
        for program in ["gzip", "zstd"] {
            var image = try Self.image()
            image.stored = try image.layers.map { try compressed($0, program) }
            for archive in [try image.layout(), try image.dockerArchive(), try compressed(try image.layout(), program)]
            {
                let site = try StoreSite()
                let loaded = try site.load(archive)
                #expect(loaded.first?.image.id == image.id)
                #expect(try site.names("layers") == image.layers.map { Digest(of: $0).hex }.sorted())
                try site.expectConsistent()
            }
        }
    }

    @Test func loadingAgainChangesNothing() throws {
        let site = try StoreSite()
        let archive = try Self.image().layout()
        let first = try site.load(archive)
        let again = try site.load(archive)
        #expect(first.first?.image.id == again.first?.image.id)
        #expect(again.first?.replaced.isEmpty == true)
        #expect(try site.store.images().count == 1)
        #expect(try site.store.resolve("test/app:1").references.count == 1)
        try site.expectConsistent()
    }

    @Test func severalNamesSeveralImagesSharedLayers() throws {
        let one = try TestImage([TestImage.base, TestImage.second], names: ["a:1", "b:1"])
        let two = try TestImage([TestImage.base, [.file("other")]], names: ["c:1"])
        let site = try StoreSite()
        _ = try site.load(try one.dockerArchive())
        _ = try site.load(try two.dockerArchive())
        #expect(try site.names("layers").count == 3)
        #expect(try Set(site.store.resolve("b:1").references.map(\.familiar)) == ["a:1", "b:1"])
        #expect(try site.store.images().count == 2)
        try site.expectConsistent()
        // Both in one archive, the shared layer once.
        let both = try StoreSite()
        var items =
            one.dockerItems.dropLast()
            + two.dockerItems.dropLast().map { item in
                var item = item
                item.entry.path = PathBytes("two/" + item.entry.path.description)
                return item
            }
        let manifest: JSONValue = [
            ["Config": "config.json", "RepoTags": ["a:1"], "Layers": ["layer0/layer.tar", "layer1/layer.tar"]],
            ["Config": "two/config.json", "RepoTags": ["c:1"], "Layers": ["link", "two/layer1/layer.tar"]],
        ]
        items.append(.link("link", to: "./two/../layer0/layer.tar"))
        items.append(TestImage.file("manifest.json", manifest.serialized()))
        #expect(try both.load(try tar(Array(items))).map(\.image.id) == [one.id, two.id])
        try both.expectConsistent()
    }

    @Test func dockerArchivesOfToday() throws {
        // `docker save` of 25 and later writes a layout whose index has bare tags, full names beside them, and manifest.json.
        let image = try TestImage([TestImage.base], names: ["latest"])
        var items = image.layoutItems()
        let manifest: JSONValue = [
            [
                "Config": .string("blobs/sha256/\(image.id.hex)"), "RepoTags": ["busybox:latest"],
                "Layers": [.string("blobs/sha256/\(Digest(of: image.layers[0]).hex)")],
            ]
        ]
        let bare = try StoreSite()
        #expect(try bare.load(try tar(items)).first?.references.isEmpty == true)
        #expect(try bare.store.images().first?.references.isEmpty == true)
        items.append(TestImage.file("manifest.json", manifest.serialized()))
        let site = try StoreSite()
        #expect(try site.load(try tar(items)).first?.references.map(\.familiar) == ["busybox:latest"])
    }

    @Test func theImageOfThisMachineIsChosenFromAnIndex() throws {
        let other = Platform.host.architecture == "amd64" ? "arm64" : "amd64"
        let mine = try TestImage([TestImage.base], extra: "mine")
        let theirs = try TestImage([TestImage.second], platform: Platform(os: "linux", architecture: other))
        var items = Array(mine.layoutItems().dropFirst(2)) + theirs.layoutItems().dropFirst(2)
        func entry(_ image: TestImage, _ platform: Platform) -> Descriptor {
            let bytes = image.manifest.json.serialized()
            return Descriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: bytes), size: Int64(bytes.count),
                platform: platform)
        }
        let unknown = Platform(os: "unknown", architecture: "unknown")
        let inner = ImageIndex(manifests: [
            entry(theirs, unknown), entry(theirs, Platform(os: "linux", architecture: other)), entry(mine, .host),
        ]).json.serialized()
        var outer = Descriptor(mediaType: MediaType.ociIndex, digest: Digest(of: inner), size: Int64(inner.count))
        outer.annotations[AnnotationKey.containerdImageName] = "multi:1"
        items += [
            TestImage.file(TestImage.path(outer.digest), inner),
            TestImage.file("index.json", ImageIndex(manifests: [outer]).json.serialized()),
            TestImage.file("oci-layout", Array("{}".utf8)),
        ]
        let site = try StoreSite()
        #expect(try site.load(try tar(items)).first?.image.id == mine.id)
        #expect(try site.store.resolve("multi:1").id == mine.id)
        try site.expectConsistent()
    }

    @Test func anotherManifestOfTheSameImageReplacesTheFirst() throws {
        let site = try StoreSite()
        var image = try Self.image(["app:1"])
        let first = try #require(try site.load(try image.layout()).first).image
        // The same layers, stored with something behind the archive's end: other blobs, other digests.
        image.stored = image.layers
        var manifest = image.manifest
        manifest.annotations = ["another": "manifest"]
        let items = image.layoutItems { $0 = manifest }
        let second = try #require(try site.load(try tar(items)).first)
        #expect(second.image.id == first.id)
        #expect(second.image.manifestDigest != first.manifestDigest)
        #expect(second.replaced.isEmpty)
        #expect(try site.store.images().count == 1)
        try site.expectConsistent()
    }

    @Test func aNameMovesToTheNewImage() throws {
        let site = try StoreSite()
        let old = try TestImage([TestImage.base], names: ["app:1"])
        let new = try TestImage([TestImage.second], names: ["app:1"])
        _ = try site.load(try old.layout())
        let loaded = try site.load(try new.layout())
        #expect(loaded.first?.replaced.map { $0.reference.familiar } == ["app:1"])
        #expect(loaded.first?.replaced.first?.image == old.id)
        #expect(try site.store.resolve("app:1").id == new.id)
        #expect(try site.store.resolve(old.id.description).references.isEmpty)
        #expect(try site.store.images().count == 2)
        // Back again: the image without a name gets one.
        _ = try site.load(try old.layout())
        #expect(try site.store.resolve("app:1").id == old.id)
        #expect(try site.store.images().count == 2)
        try site.expectConsistent()
    }

    @Test func progressNamesWhatTakesTime() throws {
        let site = try StoreSite()
        var lines = [String]()
        let archive = try descriptor(of: try Self.image().layout())
        _ = try site.store.load(archive: archive) { lines.append($0) }
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("Unpacking layer 1 of 2: ") == true)
    }

    @Test func blobsOfTheStoreNeedNotBeInTheArchive() throws {
        let site = try StoreSite()
        let image = try Self.image()
        _ = try site.load(try image.layout())
        let withoutLayers = image.layoutItems().dropLast(2)
        #expect(try site.load(try tar(Array(withoutLayers))).first?.image.id == image.id)
        let empty = try StoreSite()
        #expect(throws: ImageStoreError.self) { try empty.load(try tar(Array(withoutLayers))) }
        try empty.expectEmpty()
    }
}
