import Archive
import Glibc
import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

@Suite struct ResolveTests {
    @Test func namesAndIdentifiers() throws {
        let site = try StoreSite()
        let image = try TestImage(
            [TestImage.base], names: ["docker.io/library/app:latest", "localhost:5000/team/app:2"])
        let loaded = try #require(try site.load(try image.layout()).first).image
        for name in [
            "app", "app:latest", "library/app", "docker.io/app", "localhost:5000/team/app:2", image.id.description,
            image.id.hex, image.id.short,
            String(image.id.hex.prefix(4)), "sha256:\(image.id.hex.prefix(7))", loaded.manifestDigest.description,
            "app@\(loaded.manifestDigest)",
            "app:other@\(loaded.manifestDigest)",
        ] {
            #expect(try site.store.resolve(name).id == image.id, "\(name)")
        }
        func sentence(_ name: String) -> String {
            do { return "\(try site.store.resolve(name).id)" } catch { return "\(error)" }
        }
        #expect(sentence("nothing") == "No such image: nothing:latest")
        #expect(sentence("app:2") == "No such image: app:2")
        #expect(sentence("localhost:5000/team/app") == "No such image: localhost:5000/team/app:latest")
        #expect(sentence("other@\(loaded.manifestDigest)").hasPrefix("No such image: other@sha256:"))
        #expect(sentence(String(repeating: "0", count: 64)).hasPrefix("No such image: 000"))
        #expect(sentence("fffffff") == "No such image: fffffff:latest")
        #expect(sentence("UPPER:x").contains("must be lower case"))
        #expect(sentence("").contains("is empty"))
        #expect(sentence("../../etc").contains("invalid reference format"))
    }

    @Test func beginningsThatTwoImagesShareAreRefused() throws {
        let site = try StoreSite()
        var ids = [Character: Int]()
        var count = 0
        while !ids.values.contains(2) {
            count += 1
            let image = try TestImage([TestImage.base], extra: "\(count)")
            _ = try site.load(try image.layout())
            ids[image.id.hex.first ?? "0", default: 0] += 1
        }
        let shared = try #require(ids.first { $0.value == 2 }?.key)
        #expect(throws: ImageStoreError.self) { try site.store.resolve(String(shared)) }
        // A name comes before the beginning of an ID.
        let named = try TestImage([TestImage.second], names: ["\(shared):latest"])
        _ = try site.load(try named.layout())
        #expect(try site.store.resolve(String(shared)).id == named.id)
    }

    @Test func openingMakesAStoreOthersCanRead() throws {
        let site = try StoreSite()
        #expect(try text("\(site.path)/oci-layout") == #"{"imageLayoutVersion":"1.0.0"}"#)
        #expect(try Files.status(site.path).permissions == 0o700)
        _ = try ImageStore(root: site.path)
        try site.expectEmpty()
        try write("", to: "\(site.directory.path)/file")
        #expect(throws: ImageStoreError.self) { try ImageStore(root: "\(site.directory.path)/file") }
        #expect(throws: ImageStoreError.self) { try ImageStore(root: "\(site.directory.path)/file/below") }
    }

    @Test func aDamagedIndexIsASentence() throws {
        let site = try StoreSite()
        try write("{", to: "\(site.path)/index.json")
        do {
            _ = try site.store.resolve("a")
            Issue.record("was read")
        } catch {
            #expect(error.kind == .damagedStore)
            #expect(error.description.contains("index.json"))
        }
    }

    @Test func aRecordIsOnlyARepetition() throws {
        let site = try StoreSite()
        let image = try TestImage([TestImage.base, [.hardLink("copy", to: "bin/sh")]], names: ["a:1"])
        let before = try #require(try site.load(try image.layout()).first).image
        let record = "\(site.path)/images/\(try site.names("images")[0])"
        for content in [nil, "", "{", "[]", #"{"version":2}"#] {
            if let content { try write(content, to: record) } else { try Files.unlink(record) }
            let found = try site.store.resolve("a:1")
            #expect(found.id == image.id)
            #expect(site.store.layerDirectories(of: found) == site.store.layerDirectories(of: before))
            #expect(try site.store.images().count == 1)
        }
        // With a layer missing, the image is no more, and says so; others are.
        _ = try site.load(try TestImage([TestImage.second], names: ["b:1"]).layout())
        try Files.unlink(record)
        try Files.removeTree("\(site.path)/layers/\(Digest(of: image.layers[0]).hex)")
        do {
            _ = try site.store.resolve("a:1")
            Issue.record("was resolved")
        } catch { #expect(error.description.contains("is not unpacked")) }
        #expect(try site.store.images().map { $0.references.map(\.familiar) } == [["b:1"]])
        // Loading it again repairs it.
        _ = try site.load(try image.layout())
        #expect(try site.store.resolve("a:1").id == image.id)
        try site.expectConsistent()
    }

    @Test func whatOtherToolsWriteIntoTheIndexStays() throws {
        let site = try StoreSite()
        let image = try TestImage([TestImage.base], names: ["a:1"])
        _ = try site.load(try image.layout())
        var index = try JSONValue(parsing: try Files.read("\(site.path)/index.json")).objectValue ?? JSONObject()
        index["x-other"] = ["kept": true]
        try Files.replace("\(site.path)/index.json", with: JSONValue.object(index).serialized())
        try site.store.tag("a:1", as: try Reference(parsing: "b:2"))
        #expect(try JSONValue(parsing: try Files.read("\(site.path)/index.json"))["x-other"] == ["kept": true])
    }
}

@Suite struct ImportTests {
    @Test func plainTar() throws {
        let site = try StoreSite()
        let bytes = try tar([.directory("./", mode: 0o755, time: 9)] + TestImage.base)
        let changes = try ["CMD [\"/bin/sh\"]", "ENV A=b C=\"d e\"", "EXPOSE 80 53/udp", "USER 1000"].map {
            try ConfigurationChange(parsing: $0)
        }
        let image = try site.store.importRootfs(
            archive: try descriptor(of: bytes), reference: try Reference(parsing: "base:1"), changes: changes,
            message: "made by a test")
        #expect(image.references.map(\.familiar) == ["base:1"])
        #expect(image.configuration.config.command == ["/bin/sh"])
        #expect(image.configuration.config.environment == ["A=b", "C=d e"])
        #expect(image.configuration.config.exposedPorts == ["53/udp", "80/tcp"])
        #expect(image.configuration.history.first?.comment == "made by a test")
        #expect(image.configuration.platform == .host)
        #expect(image.configuration.diffIDs == [Digest(of: bytes)])
        let layer = try #require(site.store.layerDirectories(of: image).first)
        #expect(layer.definesRoot)
        #expect(layer.highestID == 70_000)
        #expect(layer.idBase == 0)
        #expect(try Files.status(layer.path).modified.seconds == 9)
        #expect(try tree(layer.path) == ["bin/", "bin/sh", "etc/", "etc/gone"])
        #expect(try site.store.resolve("base:1").id == image.id)
        try site.expectConsistent()
    }

    @Test(.enabled(if: isInstalled("gzip") && isInstalled("zstd"), "gzip or zstd is not installed"))
    func compressedTars() throws {
        let site = try StoreSite()
        let bytes = try tar(TestImage.base)
        try Files.replace("\(site.directory.path)/x.tar", with: bytes)
        #expect(try run("gzip", "-k", "\(site.directory.path)/x.tar").status == 0)
        #expect(try run("zstd", "-q", "-k", "\(site.directory.path)/x.tar").status == 0)
        for (name, type) in [
            ("x.tar", MediaType.ociLayer), ("x.tar.gz", MediaType.ociLayerGzip), ("x.tar.zst", MediaType.ociLayerZstd),
        ] {
            let image = try site.store.importRootfs(
                archive: try Files.open("\(site.directory.path)/\(name)", .readOnly),
                reference: try Reference(parsing: "x:\(name)"))
            let manifest = try ImageManifest(parsing: try site.store.blob(image.manifestDigest))
            #expect(manifest.layers.map(\.mediaType) == [type])
            #expect(image.configuration.diffIDs == [Digest(of: bytes)])
            #expect(try site.store.blob(manifest.layers[0].digest) == Files.read("\(site.directory.path)/\(name)"))
        }
        // Three images, one layer on disk.
        #expect(try site.names("layers").count == 1)
        try site.expectConsistent()
    }

    @Test func fromAPipe() throws {
        let site = try StoreSite()
        let bytes = try tar([.file("big", String(repeating: "x", count: 300_000))])
        var pipe: [Int32] = [0, 0]
        #expect(Glibc.pipe(&pipe) == 0)
        let reader = FileDescriptor(owning: pipe[0])
        let end = pipe[1]
        var thread = pthread_t()
        // The writer needs a thread of its own: a pipe holds 64 KiB.
        final class Job: Sendable {
            let bytes: [UInt8]
            let end: Int32
            init(_ bytes: [UInt8], _ end: Int32) { (self.bytes, self.end) = (bytes, end) }
        }
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let job = Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
                let writer = FileDescriptor(owning: job.end)
                try? writer.writeAll(job.bytes)
                return nil
            }, Unmanaged.passRetained(Job(bytes, end)).toOpaque())
        let image = try site.store.importRootfs(archive: reader, reference: nil)
        pthread_join(thread, nil)
        #expect(image.size == 300_000)
        #expect(image.references.isEmpty)
    }

    @Test func cutShortOrWrong() throws {
        let site = try StoreSite()
        let bytes = try tar(TestImage.base)
        for count in [0, 1, 100, 512, 1000, 1536, bytes.count - 1024] {
            #expect(throws: ImageStoreError.self, "cut to \(count)") { try site.importTar(Array(bytes[..<count])) }
        }
        for items in [
            [.file("../evil")], [.device("x", .characterDevice(major: 0, minor: 0))], [.hardLink("a", to: "b")],
        ] as [[Item]] {
            #expect(throws: ImageStoreError.self) { try site.importTar(try tar(items)) }
        }
        #expect(throws: ImageStoreError.self) {
            try site.importTar(bytes, "a@sha256:\(String(repeating: "a", count: 64))")
        }
        try site.expectEmpty()
    }

    @Test(arguments: [
        "", " ", "CMD", "NOTHING x", "ENV", "ENV A", "ENV =x", "ENV \"A=b", "EXPOSE x", "EXPOSE 80/tcp/x",
        "EXPOSE 99999", "EXPOSE 1/quic", "USER a b",
        "SHELL /bin/sh", "HEALTHCHECK", "HEALTHCHECK --interval=x CMD y", "HEALTHCHECK --nothing=1 CMD y", "CMD [1]",
        "LABEL a=b\nUSER root", "ENV A=\\", "VOLUME [\"\"]",
    ])
    func changesThatSayNothing(_ text: String) {
        #expect(throws: ImageStoreError.self) { try ConfigurationChange(parsing: text) }
    }

    @Test func changes() throws {
        let site = try StoreSite()
        let changes = try [
            "entrypoint [\"a\", \"b\"]", "CMD echo hi", "LABEL a=b \"c d\"='e f' g=\\ h", "VOLUME /data /more",
            "WORKDIR /a", "WORKDIR b c", "STOPSIGNAL SIGINT",
            "ONBUILD RUN x", "SHELL [\"/bin/bash\", \"-c\"]",
            "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=2 CMD curl x", "ENV old style value", "ENV A=1",
            "ENV A=2",
            "EXPOSE 8000-8010/UDP",
        ].map { try ConfigurationChange(parsing: $0) }
        let image = try site.store.importRootfs(
            archive: try descriptor(of: try tar([])), reference: nil, changes: changes)
        let config = image.configuration.config
        #expect(config.entrypoint == ["a", "b"])
        #expect(config.command == ["/bin/sh", "-c", "echo hi"])
        #expect(config.labels == ["a": "b", "c d": "e f", "g": " h"])
        #expect(config.volumes == ["/data", "/more"])
        #expect(config.workingDirectory == "/a/b c")
        #expect(config.stopSignal == "SIGINT")
        #expect(config.onBuild == ["RUN x"])
        #expect(config.shell == ["/bin/bash", "-c"])
        #expect(
            config.healthcheck
                == .init(test: ["CMD-SHELL", "curl x"], interval: 90_000_000_000, timeout: 500_000_000, retries: 2))
        #expect(config.environment == ["old=style value", "A=2"])
        #expect(config.exposedPorts == ["8000-8010/udp"])
    }
}

@Suite struct LayerSharingTests {
    @Test func aLayerThatTakesOverFromBelowBelongsToItsChain() throws {
        let site = try StoreSite()
        let upper: [Item] = [.hardLink("copy", to: "file")]
        let one = try TestImage([[.file("file", "one")], upper], names: ["one:1"])
        let two = try TestImage([[.file("file", "two")], upper], names: ["two:1"])
        _ = try site.load(try one.layout())
        _ = try site.load(try two.layout())
        func content(_ name: String) throws -> String {
            let layers = site.store.layerDirectories(of: try site.store.resolve(name))
            return try text("\(try #require(layers.last).path)/copy")
        }
        #expect(try content("one:1") == "one")
        #expect(try content("two:1") == "two")
        #expect(try site.names("layers").count == 4)
        // The same chain again shares again.
        let three = try TestImage([[.file("file", "one")], upper, [.file("more")]], names: ["three:1"])
        _ = try site.load(try three.layout())
        #expect(try site.names("layers").count == 5)
        try site.expectConsistent()
    }

    @Test func aBaseWithImpliedDirectoriesIsNotTakenForAnUpperLayer() throws {
        let site = try StoreSite()
        let implied: [Item] = [.file("tmp/x")]
        _ = try site.load(try TestImage([implied], names: ["base:1"]).layout())
        let image = try TestImage([[.directory("tmp/", mode: 0o1777)], implied], names: ["upper:1"])
        _ = try site.load(try image.layout())
        let layers = site.store.layerDirectories(of: try site.store.resolve("upper:1"))
        #expect(try Files.status("\(layers[1].path)/tmp").permissions == 0o1777)
        let base = site.store.layerDirectories(of: try site.store.resolve("base:1"))
        #expect(try Files.status("\(base[0].path)/tmp").permissions == 0o755)
        try site.expectConsistent()
    }

    @Test func oneDirectoryIsNeverMountedTwice() throws {
        let site = try StoreSite()
        let image = try TestImage([[.file("a", "1")], [.file("b")], [.file("a", "1")], [.file("c")]])
        _ = try site.load(try image.layout())
        let found = try #require(try site.store.images().first)
        let layers = site.store.layerDirectories(of: found)
        #expect(layers.map(\.diffID) == [1, 2, 3].map { Digest(of: image.layers[$0]) })
        #expect(found.size == 2)
    }

    @Test func aRootThatHidesAllBelowLeavesItOut() throws {
        let site = try StoreSite()
        let image = try TestImage(
            [[.file("a")], [.file("b")], [.file(".wh..wh..opq"), .file("c")], [.file("d")]], names: ["o:1"])
        _ = try site.load(try image.layout())
        let layers = site.store.layerDirectories(of: try site.store.resolve("o:1"))
        #expect(layers.map(\.diffID) == [2, 3].map { Digest(of: image.layers[$0]) })
        // Hidden layers are still the image's: its blobs say so.
        #expect(try site.names("layers").count == 4)
        _ = try site.store.remove("o:1")
        try site.expectEmpty()
    }

    @Test func anImageWithoutLayers() throws {
        let site = try StoreSite()
        let image = try TestImage([], names: ["empty:1"])
        _ = try site.load(try image.layout())
        #expect(site.store.layerDirectories(of: try site.store.resolve("empty:1")).isEmpty)
        try site.expectConsistent()
    }
}
