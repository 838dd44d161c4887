import Archive
import Glibc
import ImageStore
import ImageTestSupport
import LinuxKernel
import OCI
import Testing

/// Several processes on one store, and processes that die.
@Suite struct CrashTests {
    /// The helper program beside the test bundle.
    static let probe: String? = {
        guard let executable = try? Files.readLink("/proc/self/exe").description,
            let slash = executable.lastIndex(of: "/")
        else { return nil }
        let path = "\(executable[..<slash])/ImageStoreProbe"
        return access(path, X_OK) == 0 ? path : nil
    }()

    @Test func manyThreadsLoadAndRemoveTheSame() async throws {
        let site = try StoreSite()
        let path = site.path
        let archives = try (0..<3).map { number in
            try TestImage([TestImage.base, TestImage.second, [.file("n", "\(number)")]], names: ["app:\(number)"])
                .layout()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<6 {
                group.addTask {
                    for round in 0..<8 {
                        let number = (worker + round) % 3
                        let store = try ImageStore(root: path)
                        let loaded = try store.load(archive: try descriptor(of: archives[number]))
                        // Whatever the others do, a lease keeps the layers or says that they are gone.
                        if let image = loaded.first?.image {
                            do throws(ImageStoreError) {
                                try store.lease(layersOf: image, holder: "w\(worker)")
                                for layer in store.layerDirectories(of: image) { #expect(Files.exists(layer.path)) }
                                try store.release(holder: "w\(worker)")
                            } catch { #expect(error.kind == .noSuchImage) }
                        }
                        do throws(ImageStoreError) {
                            try store.remove("app:\(number)", force: true)
                        } catch { #expect(error.kind == .noSuchImage, "\(error)") }
                        _ = try store.images()
                    }
                }
            }
            try await group.waitForAll()
        }
        try site.store.collect()
        for archive in archives { _ = try site.load(archive) }
        try site.expectConsistent()
        for number in 0..<3 { try site.store.remove("app:\(number)") }
        try site.expectEmpty()
    }

    @Test func whatDeadWorkHasLeftIsClearedAway() throws {
        let site = try StoreSite()
        let image = try TestImage([TestImage.base], names: ["a:1"])
        _ = try site.load(try image.layout())
        let hex = String(repeating: "d", count: 64)
        try Files.makeDirectories("\(site.path)/tmp/dead/layer1/diff/deep")
        try write("", to: "\(site.path)/tmp/dead.lock")
        try write("blobs/sha256/\(hex)\n", to: "\(site.path)/tmp/dead/pins")
        try Files.makeDirectories("\(site.path)/tmp/orphan/x")
        try write("junk", to: "\(site.path)/blobs/sha256/\(hex)")
        try Files.makeDirectories("\(site.path)/layers/\(hex)/diff")
        try write("junk", to: "\(site.path)/images/sha256-\(hex).json")
        try write("junk", to: "\(site.path)/leases/x.123.tmp")
        // Work that is alive keeps what it relies on.
        let alive = try FileLock(at: WorkingDirectory.rawValue, "\(site.path)/tmp/alive.lock")
        let kept = String(repeating: "e", count: 64)
        try Files.makeDirectory("\(site.path)/tmp/alive")
        try write("blobs/sha256/\(kept)\nlayers/\(kept)\n", to: "\(site.path)/tmp/alive/pins")
        try write("wanted", to: "\(site.path)/blobs/sha256/\(kept)")
        try Files.makeDirectories("\(site.path)/layers/\(kept)/diff")

        _ = try site.load(try TestImage([TestImage.second], names: ["b:1"]).layout())
        #expect(try site.names("tmp") == ["alive", "alive.lock"])
        #expect(try !site.names("blobs/sha256").contains(hex))
        #expect(try site.names("blobs/sha256").contains(kept))
        #expect(try !site.names("layers").contains(hex))
        #expect(try site.names("layers").contains(kept))
        #expect(try site.names("leases") == [])
        #expect(try site.store.images().count == 2)
        _ = consume alive
        try site.store.collect()
        try site.expectConsistent()
    }

    @Test func aDamagedManifestMakesNothingLookUnused() throws {
        let site = try StoreSite()
        let image = try TestImage([TestImage.base], names: ["a:1"])
        let loaded = try #require(try site.load(try image.layout()).first).image
        try write("{}", to: "\(site.path)/blobs/sha256/\(loaded.manifestDigest.hex)")
        let layers = try site.names("layers")
        try site.store.collect()
        #expect(try site.names("layers") == layers)
        #expect(try site.store.resolve("a:1").id == image.id)
    }

    @Test func killedAtAnyMoment() async throws {
        let probe = try #require(Self.probe, "the helper program was not built")
        let site = try StoreSite()
        let archive = "\(site.directory.path)/a.tar"
        var layers = [TestImage.base, TestImage.second]
        for layer in 0..<3 {
            layers.append((0..<60).map { .file(PathBytes("d\(layer)/f\($0)"), String(repeating: "x", count: 20_000)) })
        }
        let image = try TestImage(layers, names: ["app:1"], extra: "pruned")
        try Files.replace(archive, with: try image.layout())
        let kept = try TestImage([TestImage.base], names: ["kept:1"])
        _ = try site.load(try kept.layout())
        var generator = TestRandom()
        for round in 0..<(25 * testScale) {
            let command =
                switch round % 5 {
                case 2: ["remove", site.path, "app:1"]
                case 4: ["prune", site.path, "-"]
                default: ["load", site.path, archive]
                }
            var pointers: [UnsafeMutablePointer<CChar>?] = ([probe] + command).map { strdup($0) }
            pointers.append(nil)
            defer { for pointer in pointers { free(pointer) } }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
            defer { posix_spawn_file_actions_destroy(&actions) }
            var pid: pid_t = 0
            #expect(posix_spawn(&pid, probe, &actions, nil, pointers, environ) == 0)
            try await Task.sleep(for: .microseconds(Int.random(in: 0...60_000, using: &generator)))
            kill(pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            // Readers see whole images at every moment.
            for image in try site.store.images() {
                for layer in site.store.layerDirectories(of: image) { #expect(Files.exists("\(layer.path)")) }
            }
            #expect(try site.store.resolve("kept:1").id == kept.id)
            if round % 5 == 4 {
                try site.store.collect()
                try site.expectConsistent()
            }
        }
        _ = try site.store.load(archive: try Files.open(archive, .readOnly))
        try site.expectConsistent()
        let found = try site.store.resolve("app:1")
        #expect(found.id == image.id)
        #expect(try tree(site.store.layerDirectories(of: found)[2].path).count == 61)
    }
}
