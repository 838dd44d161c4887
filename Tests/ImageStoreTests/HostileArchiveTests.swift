import Archive
import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

/// Archives that are wrong: an error with a sentence, and nothing left.
@Suite struct HostileArchiveTests {
    private func expectRefused(_ archive: [UInt8], _ words: String = "", _ location: SourceLocation = #_sourceLocation)
        throws
    {
        let site = try StoreSite()
        // An image that is there already stays as it is.
        let before = try TestImage([[.file("before")]], names: ["before:1"])
        _ = try site.load(try before.layout())
        let names = try ["blobs/sha256", "layers", "images"].map { try site.names($0) }
        do {
            _ = try site.load(archive)
            Issue.record("was loaded", sourceLocation: location)
        } catch let error as ImageStoreError {
            #expect(error.description.contains(words), sourceLocation: location)
            #expect(!error.description.contains("\u{1B}"), sourceLocation: location)
        }
        #expect(try ["blobs/sha256", "layers", "images"].map { try site.names($0) } == names, sourceLocation: location)
        #expect(try site.store.resolve("before:1").id == before.id, sourceLocation: location)
        try site.expectConsistent(location)
    }

    @Test func notAnImage() throws {
        try expectRefused([], "it is empty")
        try expectRefused(try tar([]), "neither an index.json nor a manifest.json")
        try expectRefused(try tar(TestImage.base), "use import")
        try expectRefused(Array("<html>404</html>".utf8), "cut short")
        try expectRefused([UInt8](repeating: 65, count: 5000), "no tar archive")
        try expectRefused([0x1F, 0x8B, 8, 0])
    }

    @Test func cutShort() throws {
        let whole = try LoadTests.image().layout()
        var generator = TestRandom()
        for _ in 0..<(25 * testScale) {
            try expectRefused(Array(whole[..<Int.random(in: 1..<(whole.count - 1024), using: &generator)]))
        }
    }

    @Test func wrongDigests() throws {
        let image = try LoadTests.image()
        var items = image.layoutItems()
        let layer = try #require(items.last)
        // A blob under another's name.
        items[items.count - 1].content[0] ^= 1
        try expectRefused(
            try tar(items), "the digest of a blob should be sha256:\(Digest(of: layer.content).hex) but is sha256:")
        // A size that lies.
        try expectRefused(try tar(image.layoutItems { $0.layers[0].size += 1 }), "bytes but has")
        try expectRefused(try tar(image.layoutItems { $0.config.size -= 1 }), "bytes but has")
        // A configuration that lies about its layers.
        var lying = image
        var config = try ImageConfiguration(parsing: image.configurationBytes)
        config.diffIDs.swapAt(0, 1)
        lying.configuration = config.json
        try expectRefused(
            try lying.layout(),
            "the digest of its uncompressed content should be \(config.diffIDs[0]) but is \(config.diffIDs[1])")
        try expectRefused(try lying.dockerArchive(), "should be")
        config.diffIDs.removeLast()
        lying.configuration = config.json
        try expectRefused(try lying.layout(), "its manifest has 2 layers, its configuration 1")
        // A name of a blob that is none.
        try expectRefused(try tar(image.layoutItems() + [.file("blobs/sha256/xyz")]), "no sha256 digest")
    }

    @Test func aLinkOfABlobsNameToSomethingElse() throws {
        // Also when the layer is there already, so that nothing is unpacked and nothing checked on the way.
        let image = try TestImage([[.file("before")]], names: ["evil:1"])
        var manifest = image.manifest
        let layer = try #require(image.stored.first)
        let claimed = Digest(of: Array("never there".utf8))
        manifest.layers[0] = Descriptor(mediaType: MediaType.ociLayer, digest: claimed, size: Int64(layer.count))
        let bytes = manifest.json.serialized()
        let entry = Descriptor(mediaType: MediaType.ociManifest, digest: Digest(of: bytes), size: Int64(bytes.count))
        let items = [
            TestImage.file("oci-layout", Array("{}".utf8)),
            TestImage.file("index.json", ImageIndex(manifests: [entry]).json.serialized()),
            TestImage.file(TestImage.path(entry.digest), bytes),
            TestImage.file(TestImage.path(image.id), image.configurationBytes),
            TestImage.file("other", layer), .link(TestImage.path(claimed), to: "../../other"),
        ]
        try expectRefused(try tar(items), "lacks the blob \(claimed)")
    }

    @Test func aManifestOfAnotherTypeThanTheIndexSays() throws {
        try expectRefused(
            try tar(try LoadTests.image().layoutItems { $0.mediaType = MediaType.dockerManifest }), "another type")
    }

    @Test func layersThatBreakOut() throws {
        for items in [
            [.file("../evil")], [.device("x", .characterDevice(major: 0, minor: 0))],
            [.hardLink("h", to: "etc/passwd")], [.directory("d/", attributes: [("trusted.overlay.opaque", "y")])],
        ] as [[Item]] {
            let image = try TestImage([TestImage.base, items], names: ["evil:1"])
            try expectRefused(try image.layout(), "cannot unpack")
            try expectRefused(try image.dockerArchive(), "cannot unpack")
        }
    }

    @Test func namesThatAreNone() throws {
        for name in ["../x:1", "a:\u{1B}[2J", "/", "UPPER/../x:y", "x:" + String(repeating: "t", count: 2000)] {
            try expectRefused(try TestImage([TestImage.base], names: [name]).dockerArchive(), "image reference")
        }
    }

    @Test func manifestsThatAreWrong() throws {
        let image = try LoadTests.image()
        func docker(_ manifest: String) throws -> [UInt8] {
            try tar(image.dockerItems.dropLast() + [TestImage.file("manifest.json", Array(manifest.utf8))])
        }
        try expectRefused(try docker("{}"), "manifest.json is wrong")
        try expectRefused(try docker("[7]"), "manifest.json is wrong")
        try expectRefused(try docker(#"[{"Layers":[]}]"#), "Config")
        try expectRefused(try docker(#"[{"Config":"../../../etc/passwd","Layers":[]}]"#), "does not hold")
        try expectRefused(try docker(#"[{"Config":"/etc/passwd","Layers":[]}]"#), "does not hold")
        try expectRefused(
            try docker(#"[{"Config":"config.json","Layers":["layer0/layer.tar","nothing"]}]"#), "does not hold")
        try expectRefused(try docker(String(repeating: "[", count: 100_000)), "manifest.json is wrong")
        try expectRefused(try docker(String(repeating: " ", count: 5 << 20)), "more than the")
        let layout = image.layoutItems()
        func index(_ text: String) throws -> [UInt8] {
            try tar([layout[0], TestImage.file("index.json", Array(text.utf8))] + layout.dropFirst(2))
        }
        try expectRefused(try index("[]"), "index.json is wrong")
        try expectRefused(try index(#"{"schemaVersion":2,"manifests":[]}"#), "neither")
        try expectRefused(
            try index(
                #"{"schemaVersion":2,"manifests":[{"mediaType":"\#(MediaType.dockerManifest1Signed)","digest":"\#(image.id)","size":1}]}"#
            ), "schema 1")
    }

    @Test func indexesThatPointAtEachOther() throws {
        // A true cycle of digests cannot be made, but the same index again and again can.
        var items = try LoadTests.image().layoutItems()
        var inner = ImageIndex(manifests: []).json.serialized()
        for _ in 0..<10 {
            let descriptor = Descriptor(
                mediaType: MediaType.ociIndex, digest: Digest(of: inner), size: Int64(inner.count), platform: .host)
            items.append(TestImage.file(TestImage.path(descriptor.digest), inner))
            inner = ImageIndex(manifests: [descriptor]).json.serialized()
        }
        items[1] = TestImage.file("index.json", inner)
        try expectRefused(try tar(items), "indexes point at each other")
    }

    @Test func noImageForThisMachine() throws {
        let image = try LoadTests.image()
        let bytes = image.manifest.json.serialized()
        let inner = ImageIndex(manifests: [
            Descriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: bytes), size: Int64(bytes.count),
                platform: Platform(os: "plan9", architecture: "mips"))
        ]).json.serialized()
        var items = image.layoutItems()
        items.append(TestImage.file(TestImage.path(Digest(of: inner)), inner))
        items[1] = TestImage.file(
            "index.json",
            ImageIndex(manifests: [
                Descriptor(mediaType: MediaType.ociIndex, digest: Digest(of: inner), size: Int64(inner.count))
            ]).json.serialized())
        try expectRefused(try tar(items), "only for plan9/mips")
    }

    @Test func tooManyLayers() throws {
        var image = try TestImage([[.file("a")]], names: ["many:1"])
        var config = try ImageConfiguration(parsing: image.configurationBytes)
        for _ in 0..<10_000 { config.diffIDs.append(config.diffIDs[0]) }
        image.configuration = config.json
        image.stored = Array(repeating: image.stored[0], count: 10_001)
        try expectRefused(try tar(Array(image.layoutItems().prefix(5))), "more than the 500")
    }

    @Test func oddThingsInTheArchive() throws {
        let items = try LoadTests.image().layoutItems()
        try expectRefused(try tar(items + [.device("fifo", .fifo)]), "neither a file nor a directory")
        try expectRefused(try tar(items + [.file("../evil")]), "leads out")
        try expectRefused(try tar(items + [.link("l", to: "../../x")]), "links out")
        let docker = try LoadTests.image().dockerItems
        try expectRefused(
            try tar(
                Array(docker.dropLast()) + [
                    .link("a", to: "b"), .link("b", to: "a"),
                    TestImage.file("manifest.json", Array(#"[{"Config":"a","Layers":[]}]"#.utf8)),
                ]), "does not hold")
    }

    @Test func otherLayerTypes() throws {
        try expectRefused(
            try tar(
                try LoadTests.image().layoutItems {
                    $0.layers[0].mediaType = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"
                }), "no file system layer")
    }

    @Test func aFullDiskLeavesTheStoreAsItWas() throws {
        let directory = try TemporaryDirectory()
        guard try run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", directory.path).status == 0 else {
            print("skipped: a tmpfs cannot be mounted here")
            return
        }
        defer { _ = try? run("umount", directory.path) }
        let store = try ImageStore(root: "\(directory.path)/store")
        let small = try TestImage([TestImage.base], names: ["small:1"])
        _ = try store.load(archive: try descriptor(of: try small.layout()))
        // The blob fits, blob and unpacked layer do not; then not even the blob does.
        for size in [1_700_000, 6_000_000] {
            let big = try TestImage([[.file("big", String(repeating: "x", count: size))]], names: ["big:1"])
            #expect(throws: ImageStoreError.self) { try store.load(archive: try descriptor(of: try big.layout())) }
            #expect(throws: ImageStoreError.self) {
                try store.importRootfs(archive: try descriptor(of: big.layers[0]), reference: nil)
            }
        }
        #expect(try store.resolve("small:1").id == small.id)
        let used = try Files.open(directory.path, [.readOnly, .directory]).availableBytes()
        #expect(used > 2_900_000)
    }
}
