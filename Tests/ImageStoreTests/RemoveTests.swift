import Archive
import ImageStore
import ImageTestSupport
import LinuxKernel
import OCI
import Testing

@Suite struct RemoveTests {
    static let image = Result { try TestImage([TestImage.base, TestImage.second], names: ["a:1", "b:1"]) }

    private func sentence(_ body: () throws -> [RemovalEvent]) -> String {
        do { return try body().map(\.description).joined(separator: "\n") } catch { return "\(error)" }
    }

    @Test func theLastNameTakesTheImageAlong() throws {
        let site = try StoreSite()
        let image = try Self.image.get()
        _ = try site.load(try image.layout())
        #expect(try site.store.remove("a:1") == [.untagged("a:1")])
        #expect(try site.store.images().count == 1)
        let events = try site.store.remove("b:1")
        let chain = [
            Digest(of: image.layers[0]),
            Digest(of: Array("\(Digest(of: image.layers[0])) \(Digest(of: image.layers[1]))".utf8)),
        ]
        #expect(events == [.untagged("b:1"), .deleted(image.id), .deleted(chain[1]), .deleted(chain[0])])
        try site.expectEmpty()
        #expect(sentence { try site.store.remove("b:1") } == "No such image: b:1")
    }

    @Test func sharedLayersStay() throws {
        let site = try StoreSite()
        let one = try TestImage([TestImage.base, TestImage.second], names: ["one:1"])
        let two = try TestImage([TestImage.base], names: ["two:1"])
        _ = try site.load(try one.layout())
        _ = try site.load(try two.layout())
        let events = try site.store.remove("one:1")
        #expect(events.count == 3)
        #expect(try site.names("layers") == [Digest(of: two.layers[0]).hex])
        #expect(try site.store.resolve("two:1").id == two.id)
        try site.expectConsistent()
    }

    @Test func byIdentifier() throws {
        let image = try Self.image.get()
        let site = try StoreSite()
        _ = try site.load(try image.layout())
        #expect(
            sentence { try site.store.remove(image.id.short) }
                == "conflict: unable to delete \(image.id.short) (must be forced) - image is referenced in multiple repositories"
        )
        let events = try site.store.remove(image.id.short, force: true)
        #expect(events.prefix(3) == [.untagged("a:1"), .untagged("b:1"), .deleted(image.id)])
        try site.expectEmpty()
        let single = try TestImage([TestImage.base], names: ["single:1"])
        _ = try site.load(try single.layout())
        #expect(try site.store.remove(single.id.hex).prefix(2) == [.untagged("single:1"), .deleted(single.id)])
        try site.expectEmpty()
    }

    @Test func usedImages() throws {
        let image = try TestImage([TestImage.base], names: ["used:1"])
        let running = ImageUse(container: "0123456789abcdef", isRunning: true)
        let stopped = ImageUse(container: "fedcba9876543210", isRunning: false)
        let site = try StoreSite()
        _ = try site.load(try image.layout())
        let short = image.id.short
        #expect(
            sentence { try site.store.remove("used:1") { _ in [running] } }
                == "conflict: unable to remove repository reference \"used:1\" (must force) - container 0123456789ab is using its referenced image \(short)"
        )
        #expect(
            sentence { try site.store.remove("used:1") { _ in [stopped] } }.contains(
                "(must force) - container fedcba987654"))
        #expect(
            sentence { try site.store.remove(short, force: true) { _ in [stopped, running] } }
                == "conflict: unable to delete \(short) (cannot be forced) - image is being used by running container 0123456789ab"
        )
        #expect(
            sentence { try site.store.remove(short) { _ in [stopped] } }
                == "conflict: unable to delete \(short) (must be forced) - image is being used by stopped container fedcba987654"
        )
        #expect(try site.store.resolve("used:1").id == image.id)
        // Forced, the name goes; while a container runs the image stays without one.
        #expect(
            try site.store.remove("used:1", force: true) { id in id == image.id ? [running] : [] } == [
                .untagged("used:1")
            ])
        #expect(try site.store.resolve(short).references.isEmpty)
        #expect(try site.store.remove(short, force: true) { _ in [stopped] }.first == .deleted(image.id))
        try site.expectEmpty()
    }

    @Test func anotherNameMayGoWhileAContainerRuns() throws {
        let image = try Self.image.get()
        let site = try StoreSite()
        _ = try site.load(try image.layout())
        #expect(try site.store.remove("a:1") { _ in [ImageUse(container: "c", isRunning: true)] } == [.untagged("a:1")])
    }

    @Test func leasedLayersStay() throws {
        let site = try StoreSite()
        let image = try TestImage([TestImage.base, TestImage.second], names: ["leased:1"])
        _ = try site.load(try image.layout())
        let found = try site.store.resolve("leased:1")
        try site.store.lease(layersOf: found, holder: "container1")
        try site.store.lease(layersOf: found, holder: "container2")
        #expect(try site.store.remove("leased:1", force: true) == [.untagged("leased:1"), .deleted(image.id)])
        #expect(try site.names("layers").count == 2)
        #expect(try site.names("blobs/sha256") == [])
        for layer in site.store.layerDirectories(of: found) { #expect(Files.exists(layer.path)) }
        #expect(try site.store.leaseHolders().sorted() == ["container1", "container2"])
        try site.store.release(holder: "container1")
        try site.store.collect()
        #expect(try site.names("layers").count == 2)
        try site.store.release(holder: "container2")
        try site.store.release(holder: "container2")
        try site.store.collect()
        try site.expectEmpty()
        // The image is gone: no new lease.
        #expect(throws: ImageStoreError.self) { try site.store.lease(layersOf: found, holder: "container3") }
        #expect(try site.store.leaseHolders() == [])
        for holder in ["", "../x", "a/b", ".x", "a\n", "x.tmp", String(repeating: "h", count: 300)] {
            #expect(throws: ImageStoreError.self) { try site.store.lease(layersOf: found, holder: holder) }
        }
    }

    @Test func tagging() throws {
        let site = try StoreSite()
        let image = try TestImage([TestImage.base], names: ["a:1"])
        _ = try site.load(try image.layout())
        try site.store.tag("a:1", as: try Reference(parsing: "localhost:5000/b"))
        #expect(try site.store.resolve("localhost:5000/b").id == image.id)
        try site.store.tag(image.id.short, as: try Reference(parsing: "a:1"))
        #expect(
            try site.store.images().first?.references.map(\.familiar).sorted() == ["a:1", "localhost:5000/b:latest"])
        #expect(throws: ImageStoreError.self) { try site.store.tag("no:1", as: try Reference(parsing: "x")) }
        #expect(throws: ImageStoreError.self) { try site.store.tag("a:1", as: try Reference(parsing: "x@\(image.id)")) }
    }
}
