import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

/// What other programs read and write.
@Suite(.enabled(if: isInstalled("skopeo"), "skopeo is not installed")) struct SkopeoTests {
    private func makeStore(_ site: borrowing StoreSite) throws -> StoredImage {
        let image = try TestImage([TestImage.base, TestImage.second], names: ["docker.io/library/app:1"])
        return try #require(try site.load(try image.layout()).first).image
    }

    @Test func readsTheStoreAsItStands() throws {
        let site = try StoreSite()
        let image = try makeStore(site)
        let seen = try run("skopeo", "inspect", "--raw", "oci:\(site.path):docker.io/library/app:1")
        #expect(seen.status == 0, "\(seen.output)")
        #expect(try Array(seen.output.utf8) == site.store.blob(image.manifestDigest))
    }

    @Test(arguments: ["docker-archive", "oci-archive"])
    func roundTrips(_ form: String) throws {
        let site = try StoreSite()
        let image = try makeStore(site)
        let archive = "\(site.directory.path)/x.tar"
        let copied = try run(
            "skopeo", "--insecure-policy", "copy", "oci:\(site.path):docker.io/library/app:1",
            "\(form):\(archive):docker.io/library/app:1")
        #expect(copied.status == 0, "\(copied.output)")
        let other = try StoreSite()
        let loaded = try #require(try other.store.load(archive: try Files.open(archive, .readOnly)).first)
        #expect(loaded.references.map(\.familiar) == ["app:1"])
        // skopeo keeps the configuration's bytes, and compresses the layers of an OCI archive.
        #expect(loaded.image.id == image.id)
        #expect(loaded.image.configuration.diffIDs == image.configuration.diffIDs)
        let layers = zip(site.store.layerDirectories(of: image), other.store.layerDirectories(of: loaded.image))
        for (one, two) in layers { #expect(try tree(one.path) == tree(two.path)) }
        try other.expectConsistent()
    }

    @Test func anArchiveItCompressesAndConverts() throws {
        let site = try StoreSite()
        _ = try makeStore(site)
        let layout = "\(site.directory.path)/layout"
        for format in ["gzip", "zstd"] {
            let copied = try run(
                "skopeo", "--insecure-policy", "copy", "--dest-compress-format", format, "--dest-compress",
                "oci:\(site.path):docker.io/library/app:1", "oci:\(layout)-\(format):app:1")
            #expect(copied.status == 0, "\(copied.output)")
            let archive = "\(layout)-\(format).tar"
            #expect(try run("tar", "-cf", archive, "-C", "\(layout)-\(format)", ".").status == 0)
            let other = try StoreSite()
            let loaded = try #require(try other.store.load(archive: try Files.open(archive, .readOnly)).first)
            #expect(loaded.references.map(\.familiar) == ["app:1"])
            try other.expectConsistent()
        }
    }
}

@Suite(.enabled(if: isInstalled("umoci"), "umoci is not installed")) struct UmociTests {
    @Test func readsTheStoreAndWritesWhatIsLoaded() throws {
        let site = try StoreSite()
        let image = try TestImage([TestImage.base, TestImage.second], names: ["app:1"])
        _ = try site.load(try image.layout())
        let unpacked = try run(
            "umoci", "raw", "unpack", "--image", "\(site.path):docker.io/library/app:1", "\(site.directory.path)/rootfs"
        )
        // umoci's names hold no slash on some versions: it must at least see the image.
        let listed = try run("umoci", "list", "--layout", site.path)
        #expect(listed.output.contains("docker.io/library/app:1"), "\(listed.output)")
        if unpacked.status == 0 {
            #expect(try tree("\(site.directory.path)/rootfs") == ["bin/", "bin/sh", "etc/", "etc/new"])
        }

        let layout = "\(site.directory.path)/made"
        try Files.makeDirectories("\(site.directory.path)/tree/sub")
        try write("content", to: "\(site.directory.path)/tree/sub/file")
        for command in [
            ["umoci", "init", "--layout", layout], ["umoci", "new", "--image", "\(layout):latest"],
            ["umoci", "insert", "--image", "\(layout):latest", "\(site.directory.path)/tree", "/opt"],
            ["umoci", "insert", "--image", "\(layout):latest", "--opaque", "\(site.directory.path)/tree", "/opt"],
            ["umoci", "insert", "--image", "\(layout):latest", "--whiteout", "/opt/sub"],
        ] {
            let made = try runAll(command)
            #expect(made.status == 0, "\(command): \(made.output)")
        }
        let archive = "\(site.directory.path)/made.tar"
        #expect(try run("tar", "-cf", archive, "-C", layout, ".").status == 0)
        let other = try StoreSite()
        let loaded = try #require(try other.store.load(archive: try Files.open(archive, .readOnly)).first)
        let layers = other.store.layerDirectories(of: loaded.image)
        #expect(layers.count == 3)
        #expect(try tree(layers[0].path) == ["opt/", "opt/sub/", "opt/sub/file"])
        #expect(try Files.status("\(layers[2].path)/opt/sub").kind == .characterDevice)
        try other.expectConsistent()
    }

    private func runAll(_ words: [String]) throws -> CommandResult {
        try run("sh", "-c", words.map { "'\($0)'" }.joined(separator: " "))
    }
}
