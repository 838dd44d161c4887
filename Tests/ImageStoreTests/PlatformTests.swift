import Archive
import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

/// Images for several platforms, artifacts about images, and sha512.
@Suite struct PlatformTests {
    static let other = Platform(os: "linux", architecture: Platform.host.architecture == "amd64" ? "arm64" : "amd64")

    /// An archive of one name for this machine and another, and a signature of the first; parts may be left out.
    struct Archive {
        var mine: TestImage
        var theirs: TestImage
        var index: [UInt8]
        var signature: [UInt8]
        var items: [Item]

        init(withTheirs: Bool = true) throws {
            mine = try TestImage([TestImage.base], extra: "mine")
            theirs = try TestImage([TestImage.base, TestImage.second], platform: PlatformTests.other)
            func entry(_ image: TestImage, _ platform: Platform) -> Descriptor {
                let bytes = image.manifest.json.serialized()
                return Descriptor(
                    mediaType: MediaType.ociManifest, digest: Digest(of: bytes), size: Int64(bytes.count),
                    platform: platform)
            }
            index = ImageIndex(manifests: [entry(theirs, PlatformTests.other), entry(mine, .host)]).json.serialized()
            var outer = Descriptor(mediaType: MediaType.ociIndex, digest: Digest(of: index), size: Int64(index.count))
            outer.annotations[AnnotationKey.referenceName] = "docker.io/library/multi:1"
            let empty = Array("{}".utf8), proof = Array("signed".utf8)
            var manifest = ImageManifest(
                config: Descriptor(mediaType: "application/vnd.oci.empty.v1+json", digest: Digest(of: empty), size: 2),
                layers: [
                    Descriptor(mediaType: "application/x-proof", digest: Digest(of: proof), size: Int64(proof.count))
                ])
            manifest.artifactType = "application/x-signature"
            manifest.subject = entry(mine, .host)
            signature = manifest.json.serialized()
            let about = Descriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: signature), size: Int64(signature.count))
            items = Array(mine.layoutItems().dropFirst(2))
            if withTheirs { items += theirs.layoutItems().dropFirst(2) }
            for bytes in [index, signature, empty, proof] {
                items.append(TestImage.file(TestImage.path(Digest(of: bytes)), bytes))
            }
            items.append(TestImage.file("index.json", ImageIndex(manifests: [outer, about]).json.serialized()))
            items.append(TestImage.file("oci-layout", Array("{}".utf8)))
        }
    }

    @Test func allPlatformsAreKeptAndFoundAndSaved() throws {
        let archive = try Archive()
        let site = try StoreSite()
        let loaded = try #require(try site.load(try tar(archive.items)).first).image
        #expect(loaded.id == archive.mine.id)
        #expect(try site.store.index(of: loaded)?.digest == Digest(of: archive.index))
        #expect(try site.store.resolve("multi:1", platform: .host).id == archive.mine.id)
        // Not unpacked before somebody wants it.
        #expect(try site.names("layers").count == 1)
        let theirs = try site.store.resolve("multi:1", platform: Self.other)
        #expect(theirs.id == archive.theirs.id)
        #expect(try site.names("layers").count == 2)
        #expect(
            try Set(site.store.platforms(of: loaded).map(\.description)) == [
                Platform.host.description, Self.other.description,
            ])
        #expect(try site.store.resolve("multi@\(Digest(of: archive.index))").id == archive.mine.id)
        try site.store.collect()
        #expect(try site.store.resolve("multi:1", platform: Self.other).id == archive.theirs.id)
        #expect(try site.store.check(repair: false).findings == [])
        // Out and in again: the same index, the same images, the same signature.
        let sink = MemorySink()
        try site.store.save(["multi:1"], to: sink)
        let other = try StoreSite()
        let again = try #require(try other.load(sink.bytes).first).image
        #expect(try other.store.index(of: again)?.digest == Digest(of: archive.index))
        #expect(try other.store.resolve("multi:1", platform: Self.other).id == archive.theirs.id)
        try site.store.remove("multi:1")
        try site.expectEmpty()
    }

    @Test func onePlatformIsRemoved() throws {
        let archive = try Archive()
        let site = try StoreSite()
        _ = try site.load(try tar(archive.items))
        // Not while a container uses it, by force while that one stands still.
        for (isRunning, force) in [(true, true), (false, false)] {
            #expect(throws: ImageStoreError.self) {
                try site.store.remove("multi:1", platform: Self.other, force: force) { _ in
                    [ImageUse(container: "c", isRunning: isRunning)]
                }
            }
        }
        // The one that the name does not stand for, which was never unpacked.
        #expect(try site.store.remove("multi:1", platform: Self.other) == [.deleted(archive.theirs.id)])
        #expect(try site.store.resolve("multi:1").id == archive.mine.id)
        #expect(throws: ImageStoreError.self) { try site.store.resolve("multi:1", platform: Self.other) }
        #expect(throws: ImageStoreError.self) { try site.store.remove("multi:1", platform: Self.other) }
        try site.expectConsistent()
        // The one that it stands for: it stands for the other one then, and the signature of the first is gone.
        _ = try site.load(try tar(archive.items))
        _ = try site.store.resolve("multi:1", platform: Self.other)
        let events = try site.store.remove("multi:1", platform: .host)
        #expect(events == [.deleted(archive.mine.id)], "the base is shared: \(events)")
        #expect(try site.store.resolve("multi:1").id == archive.theirs.id)
        #expect(throws: ImageStoreError.self) { try site.store.resolve("multi:1", platform: .host) }
        #expect(try site.store.images().count == 1)
        try site.expectConsistent()
        // The last one goes with the name.
        #expect(try site.store.remove("multi:1", platform: Self.other).contains(.deleted(archive.theirs.id)))
        try site.expectEmpty()
    }

    @Test func anotherNameKeepsAPlatform() throws {
        let archive = try Archive()
        let site = try StoreSite()
        _ = try site.load(try tar(archive.items))
        try site.store.tag("multi:1", as: try Reference(parsing: "second:2"))
        #expect(throws: ImageStoreError.self) { try site.store.remove("multi:1", platform: .host) }
        #expect(try site.store.resolve("second:2").id == archive.mine.id)
        #expect(try site.store.remove("multi:1", platform: .host, force: true) == [.deleted(archive.mine.id)])
        for name in ["multi:1", "second:2"] { #expect(try site.store.resolve(name).id == archive.theirs.id) }
        try site.expectConsistent()
    }

    @Test func oneOfThemAlone() throws {
        let archive = try Archive()
        let site = try StoreSite()
        let loaded = try site.store.load(archive: try descriptor(of: try tar(archive.items)), platform: Self.other)
        #expect(loaded.first?.image.id == archive.theirs.id)
        #expect(throws: ImageStoreError.self) { try site.store.resolve("multi:1", platform: .host) }
        let sink = MemorySink()
        try site.store.save(["multi:1"], platform: Self.other, to: sink)
        // Saved on a machine of another kind: it is the only one there is.
        let there = try StoreSite()
        #expect(try there.load(sink.bytes).first?.image.id == archive.theirs.id)
        #expect(throws: ImageStoreError.self) {
            try there.store.load(archive: try descriptor(of: sink.bytes), platform: .host)
        }
    }

    @Test func aPlatformThatWasLeftOutIsNoError() throws {
        let archive = try Archive(withTheirs: false)
        let site = try StoreSite()
        #expect(try site.load(try tar(archive.items)).first?.image.id == archive.mine.id)
        do {
            _ = try site.store.resolve("multi:1", platform: Self.other)
            Issue.record("found what is not there")
        } catch { #expect("\(error)".contains("does not match the specified platform: wanted \(Self.other)")) }
        try site.expectConsistent()
    }

    @Test func artifactsStayWithWhatTheyAreAbout() throws {
        let archive = try Archive()
        let site = try StoreSite()
        let image = try #require(try site.load(try tar(archive.items)).first).image
        let referrers = try site.store.referrers(of: image.manifestDigest)
        #expect(referrers.map(\.digest) == [Digest(of: archive.signature)])
        #expect(referrers.first?.artifactType == "application/x-signature")
        try site.store.collect()
        #expect(site.store.hasBlob(Digest(of: archive.signature)))
        #expect(try site.store.images().count == 1)
        try site.store.remove("multi:1")
        try site.expectEmpty()
    }

    @Test func anIndexThatCallsALayerAManifestDoesNoHarm() throws {
        let image = try TestImage([TestImage.base], names: [])
        let layer = image.layers[0]
        let bytes = image.manifest.json.serialized()
        let index = ImageIndex(manifests: [
            Descriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: bytes), size: Int64(bytes.count), platform: .host),
            Descriptor(
                mediaType: MediaType.ociManifest, digest: Digest(of: layer), size: Int64(layer.count),
                platform: Self.other),
            Descriptor(
                mediaType: MediaType.ociIndex, digest: image.id, size: Int64(image.configurationBytes.count)),
        ]).json.serialized()
        var outer = Descriptor(mediaType: MediaType.ociIndex, digest: Digest(of: index), size: Int64(index.count))
        outer.annotations[AnnotationKey.containerdImageName] = "odd:1"
        var items = image.layoutItems()
        items[1] = TestImage.file("index.json", ImageIndex(manifests: [outer]).json.serialized())
        items.append(TestImage.file(TestImage.path(outer.digest), index))
        let site = try StoreSite()
        // Refused or taken; what comes after works.
        _ = try? site.load(try tar(items))
        _ = try? site.store.resolve("odd:1", platform: Self.other)
        _ = try site.load(try LoadTests.image(["next:1"]).layout())
        for name in ["odd:1", "next:1"] { _ = try? site.store.remove(name) }
        try site.expectEmpty()
    }

    @Test func digestsOfTheLongKind() throws {
        let image = try TestImage([TestImage.base])
        func long(_ bytes: [UInt8], _ type: String) -> Descriptor {
            Descriptor(mediaType: type, digest: Digest(of: bytes, algorithm: .sha512), size: Int64(bytes.count))
        }
        let manifest = ImageManifest(
            config: long(image.configurationBytes, MediaType.ociConfiguration),
            layers: [long(image.layers[0], MediaType.ociLayer)])
        let bytes = manifest.json.serialized()
        var entry = long(bytes, MediaType.ociManifest)
        entry.annotations[AnnotationKey.containerdImageName] = "long:1"
        func file(_ content: [UInt8]) -> Item {
            TestImage.file(PathBytes("blobs/sha512/\(Digest(of: content, algorithm: .sha512).hex)"), content)
        }
        let site = try StoreSite()
        let loaded = try site.load(
            try tar([
                TestImage.file("oci-layout", Array("{}".utf8)),
                TestImage.file("index.json", ImageIndex(manifests: [entry]).json.serialized()), file(bytes),
                file(image.configurationBytes), file(image.layers[0]),
            ]))
        #expect(loaded.first?.image.id == long(image.configurationBytes, "").digest)
        #expect(try site.names("blobs/sha512").count == 3)
        #expect(try site.store.resolve("long:1").manifestDigest == entry.digest)
        #expect(try site.store.check(repair: false).findings == [])
        let sink = MemorySink()
        try site.store.save(["long:1"], to: sink)
        #expect(try StoreSite().load(sink.bytes).first?.image.manifestDigest == entry.digest)
        try site.store.remove("long:1")
        try site.expectEmpty()
    }
}
