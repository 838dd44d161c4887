import Archive
import Glibc
import ImageStore
import ImageTestSupport
import JSON
import LinuxKernel
import OCI
import Testing

/// Small archives that want to become large: they cost bounded memory, and a full disk is given back.
@Suite struct BombTests {
    /// A file system of the test's own, unmounted with it; nil where none can be mounted.
    private final class SmallDisk {
        let path: String
        private let directory: TemporaryDirectory

        init?(_ options: String) throws {
            let made = try TemporaryDirectory()
            path = made.path
            directory = made
            guard try run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path).status == 0 else {
                print("skipped: a tmpfs cannot be mounted here")
                return nil
            }
        }

        deinit { _ = try? run("umount", path) }
    }

    /// A gibibyte of zeros in some kilobytes, read by a process that may not have half of that.
    @Test(.enabled(if: isInstalled("zstd") && CrashTests.probe != nil, "zstd or the helper program is missing"))
    func aBombFillsTheDiskAndNotTheMemory() throws {
        let probe = try #require(CrashTests.probe)
        guard let disk = try SmallDisk("size=64m") else { return }
        let path = disk.path
        defer { withExtendedLifetime(disk) {} }
        let made = try run(
            "sh", "-c",
            "cd '\(path)' && mkdir t && truncate -s 1G t/zeros && tar -c -C t zeros | zstd -q -1 > bomb && rm -r t && ls -l bomb"
        )
        #expect(made.status == 0, "\(made.output)")
        let store = try ImageStore(root: "\(path)/store")
        _ = try store.load(archive: try descriptor(of: try TestImage([TestImage.base], names: ["kept:1"]).layout()))
        let before = try Files.open(path, [.readOnly, .directory]).availableBytes()
        let result = try run("bash", "-c", "ulimit -v 500000; '\(probe)' import '\(path)/store' '\(path)/bomb'")
        #expect(result.status == 1)
        #expect(result.output.contains("No space left") || result.output.contains("no space"), "\(result.output)")
        let after = try Files.open(path, [.readOnly, .directory]).availableBytes()
        #expect(after + 65536 >= before, "\(before) bytes were free, now \(after)")
        #expect(try store.check(repair: false).findings == [])
        #expect(try store.resolve("kept:1").references.count == 1)
    }

    @Test func filesWithoutNumberEndWithTheInodes() throws {
        guard let disk = try SmallDisk("size=32m,nr_inodes=300") else { return }
        let path = disk.path
        defer { withExtendedLifetime(disk) {} }
        let store = try ImageStore(root: "\(path)/store")
        _ = try store.load(archive: try descriptor(of: try TestImage([TestImage.base], names: ["kept:1"]).layout()))
        let many = try TestImage([(0..<400).map { .file(PathBytes("f\($0)")) }], names: ["many:1"])
        do {
            _ = try store.load(archive: try descriptor(of: try many.layout()))
            Issue.record("400 files in 300 inodes")
        } catch let error as ImageStoreError { #expect(error.kind == .system(.noSpace), "\(error)") }
        #expect(try store.check(repair: false).findings == [])
        // What was taken is free again.
        _ = try store.load(archive: try descriptor(of: try TestImage([TestImage.second], names: ["next:1"]).layout()))
    }

    @Test(arguments: ["index.json", "manifest"])
    func documentsBeyondAllMeasure(_ which: String) throws {
        let image = try TestImage([TestImage.base], names: ["big:1"])
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        let huge = String(repeating: "a", count: 5 << 20)
        for text in [deep, "\"\(huge)\""] {
            let document = Array("{\"schemaVersion\":2,\"x\":\(text),\"manifests\":[]}".utf8)
            var items = image.layoutItems()
            if which == "index.json" {
                items[1] = TestImage.file("index.json", document)
            } else {
                var entry = Descriptor(
                    mediaType: MediaType.ociManifest, digest: Digest(of: document), size: Int64(document.count))
                entry.annotations = [AnnotationKey.referenceName: "docker.io/library/big:1"]
                items[1] = TestImage.file("index.json", ImageIndex(manifests: [entry]).json.serialized())
                items.append(TestImage.file(TestImage.path(entry.digest), document))
            }
            let site = try StoreSite()
            #expect(throws: ImageStoreError.self) { try site.load(try tar(items)) }
            try site.expectEmpty()
        }
    }

    @Test func sizesThatLie() throws {
        for change in [-1, 1, 1 << 40] as [Int64] {
            let image = try TestImage([TestImage.base], names: ["lies:1"])
            let site = try StoreSite()
            let items = image.layoutItems { manifest in manifest.layers[0].size += change }
            #expect(throws: ImageStoreError.self) { try site.load(try tar(items)) }
            let other = image.layoutItems { manifest in manifest.config.size += change }
            #expect(throws: ImageStoreError.self) { try site.load(try tar(other)) }
            try site.expectEmpty()
        }
    }
}
