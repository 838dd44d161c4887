import Glibc
import TestSupport
import Testing

/// Images with a layer that was built here, which no blob holds until it is pushed, given to other programs and taken back.
@Suite struct ExchangeTests {
    /// An image `made:1` of one that was loaded and a layer of a container's changes.
    private func build(_ site: RegistrySite) async throws {
        try await site.layout("image", [try await BaseImage.shared.tar(), "--layers", "1"])
        try await site.ok("image", "copy", "-q", "oci:\(site.scratch.path)/image", "loaded:1")
        try await site.ok(
            "run", "--name", "maker", "loaded:1", "sh", "-c",
            "echo made >/made; ln /made /again; rm /etc/origin; mkdir -p /var/own; chown 7:8 /var/own")
        try await site.ok("commit", "maker", "made:1")
        try await site.ok("rm", "maker")
    }

    private func identifier(_ site: RegistrySite, _ name: String) async throws -> String {
        try await site.ok("image", "inspect", "-f", "{{.Id}}", name).text
    }

    /// What `made:1` holds, whoever has unpacked it.
    private func expectMade(_ tree: String) async throws {
        let seen = try await shell(
            "cd \(tree) && cat made && stat -c %h again && stat -c %u:%g var/own && test ! -e etc/origin && ls bin/busybox"
        )
        #expect(seen.lines == ["made", "2", "7:8", "bin/busybox"], "\(seen.all)")
    }

    @Test func aBuiltLayerIsPushedOnceAndReadByAll() async throws {
        try await withRegistrySite { site in
            try await build(site)
            let folder = site.scratch.path
            let registry = try await TestRegistry.distribution(in: site.scratch)
            let name = "\(registry.host)/team/made:1"
            try await site.ok("tag", "made:1", name)
            let first = try await site.ok("push", name)
            #expect(first.lines.filter { $0.hasSuffix(": Pushed") }.count == 3, "\(first.out)")
            // The same bytes each time it is compressed: nothing moves.
            let second = try await site.ok("push", name)
            #expect(second.lines.filter { $0.hasSuffix(": Layer already exists") }.count == 3, "\(second.out)")
            #expect(first.lines.last == second.lines.last)
            let unpacked = try await shell(
                """
                set -e; cd \(folder); skopeo copy -q --src-tls-verify=false docker://\(name) oci:seen:1
                umoci unpack --image seen:1 bundle >/dev/null 2>&1
                """)
            #expect(unpacked.status == 0, "\(unpacked.all)")
            try await expectMade("\(folder)/bundle/rootfs")
            // It comes back as the same image.
            let id = try await identifier(site, name)
            try await site.ok("rmi", "-f", name, "made:1")
            try await site.ok("pull", "-q", name)
            #expect(try await identifier(site, name) == id)
            #expect(try await site.ok("run", "--rm", name, "cat", "/again").text == "made")
            #expect(try await site.ok("system", "check").out.contains("nothing is wrong"))
        }
    }

    @Test func onlyTheNewLayerMoves() async throws {
        try await withRegistrySite { site in
            try await build(site)
            try await shell("mkdir -p \(site.scratch.path)/empty")
            let registry = try await TestRegistry.serving(site.scratch.path + "/empty")
            try await site.ok("tag", "loaded:1", "\(registry.host)/app:1")
            try await site.ok("tag", "made:1", "\(registry.host)/app:2")
            try await site.ok("push", "-q", "\(registry.host)/app:1")
            let before = await registry.log().filter { $0.hasPrefix("PATCH") }.count
            #expect(before >= 3, "two layers and a configuration: \(before)")
            try await site.ok("push", "-q", "\(registry.host)/app:2")
            #expect(
                await registry.log().filter { $0.hasPrefix("PATCH") }.count - before == 2, "a layer, a configuration")
        }
    }

    @Test(.enabled(if: exists("/usr/bin/podman"), "podman is not installed"))
    func podmanPullsWhatIsPushedAndPushesBack() async throws {
        try await withRegistrySite { site in
            try await build(site)
            let folder = site.scratch.path
            let registry = try await TestRegistry.distribution(in: site.scratch)
            let name = "\(registry.host)/made:1"
            try await site.ok("tag", "made:1", name)
            try await site.ok("push", "-q", name)
            let id = try await identifier(site, name)
            let podman = "podman --root \(folder)/pod --runroot \(folder)/pod-run --storage-driver vfs"
            let pulled = try await shell(
                """
                set -e; \(podman) pull -q --tls-verify=false \(name) >/dev/null
                \(podman) image inspect --format '{{.Id}}' \(name); \(podman) image mount \(name)
                """)
            #expect(pulled.lines.first.map { "sha256:\($0)" } == id, "\(pulled.all)")
            try await expectMade(try #require(pulled.lines.last))
            for form in ["gzip", "zstd"] {
                let pushed = try await shell(
                    "\(podman) push -q --tls-verify=false --compression-format \(form) \(name) \(registry.host)/back:\(form)"
                )
                #expect(pushed.status == 0, "\(pushed.all)")
                try await site.ok("pull", "-q", "\(registry.host)/back:\(form)")
                #expect(
                    try await site.ok("run", "--rm", "\(registry.host)/back:\(form)", "cat", "/again").text == "made")
            }
            _ = try await shell(
                "\(podman) image umount -a; \(podman) rmi -af; umount \(folder)/pod/vfs 2>/dev/null; true")
        }
    }

    /// A `zstd:chunked` layer is zstd with a table of contents in a frame that readers skip.
    @Test func zstdChunkedIsReadAsZstd() async throws {
        try await withRegistrySite { site in
            let folder = site.scratch.path
            // The program that makes them drops what pads a tar behind its end, and no longer has the digest it names.
            try await site.layout("image", [try await BaseImage.shared.tar(), "--layers", "2", "--exact"])
            let registry = try await TestRegistry.distribution(in: site.scratch)
            let name = "\(registry.host)/chunked:1"
            let copied = try await shell(
                "skopeo copy -q --dest-tls-verify=false --dest-compress-format zstd:chunked --dest-compress oci:\(folder)/image docker://\(name)"
            )
            try #require(copied.status == 0, "\(copied.all)")
            let raw = try JSON(try await shell("skopeo inspect --raw --tls-verify=false docker://\(name)").out)
            // Were it not so, this test would test nothing.
            #expect(raw["layers"][0]["annotations"].keys.contains { $0.contains("zstd-chunked") })
            try await site.ok("pull", "-q", name)
            #expect(try await site.ok("run", "--rm", name, "cat", "/etc/origin").text == "of the image")
            #expect(try await site.ok("system", "check").out.contains("nothing is wrong"))
            // The blobs are kept as they are: pushed again, nothing changes.
            let pushed = try await site.ok("push", name)
            #expect(pushed.lines.filter { $0.hasSuffix(": Layer already exists") }.count == 3, "\(pushed.out)")
        }
    }

    @Test(.enabled(if: exists("/usr/sbin/dockerd"), "docker is not installed"))
    func dockerLoadsWhatIsSavedAndSavesItBack() async throws {
        try await withRegistrySite { site in
            try await build(site)
            let folder = site.scratch.path
            try await withPrivateDocker(site.scratch) { daemon in
                try await site.ok("save", "-o", "\(folder)/ours.tar", "made:1", "loaded:1")
                let loaded = try await shell("\(daemon.docker) load -i \(folder)/ours.tar")
                #expect(
                    loaded.out.contains("Loaded image: made:1") && loaded.out.contains("Loaded image: loaded:1"),
                    "\(loaded.all)")
                for name in ["made:1", "loaded:1"] {
                    let seen = try await shell("\(daemon.docker) image inspect -f '{{.Id}}' \(name)")
                    #expect(seen.text == (try await identifier(site, name)), "\(name): \(seen.all)")
                }
                let unpacked = try await shell(
                    "mkdir \(folder)/tree && \(daemon.docker) create --name made made:1 >/dev/null && \(daemon.docker) export made | tar -xC \(folder)/tree"
                )
                #expect(unpacked.status == 0, "\(unpacked.all)")
                try await expectMade("\(folder)/tree")
                let saved = try await shell("\(daemon.docker) save -o \(folder)/theirs.tar made:1 loaded:1")
                #expect(saved.status == 0, "\(saved.all)")
                let ids = [try await identifier(site, "made:1"), try await identifier(site, "loaded:1")]
                try await site.ok("rmi", "made:1", "loaded:1")
                try await site.ok("load", "-i", "\(folder)/theirs.tar")
                #expect([try await identifier(site, "made:1"), try await identifier(site, "loaded:1")] == ids)
                #expect(try await site.ok("run", "--rm", "made:1", "cat", "/again").text == "made")
            }
        }
    }
}

/// A dockerd of a test's own, without networks.
struct PrivateDocker {
    private let process: Child
    private let folder: String
    /// The client's words.
    var docker: String { "docker -H unix://\(folder)/docker.sock" }
    /// For programs that find the daemon by the environment.
    var environment: [String: String] { ["DOCKER_HOST": "unix://\(folder)/docker.sock"] }

    fileprivate init(_ scratch: Scratch) throws {
        folder = scratch.path
        process = try Child([
            "dockerd", "--data-root", "\(folder)/data", "--exec-root", "\(folder)/run", "-H",
            "unix://\(folder)/docker.sock", "-p", "\(folder)/docker.pid", "--bridge", "none", "--iptables=false",
            "--ip6tables=false", "--userland-proxy=false",
        ])
    }

    fileprivate func waitUntilItAnswers() async throws {
        let answers = try await eventually(seconds: 60) { try await shell("\(docker) version").status == 0 }
        try #require(answers, "dockerd does not answer")
    }

    fileprivate func stop() async throws {
        process.signal(SIGTERM)
        _ = try await process.finish(seconds: 30)
        try await shell(
            "awk -v r=\(folder) 'index($2, r) == 1 {print $2}' /proc/mounts | sort -r | xargs -r -n1 umount")
    }
}

/// Gives a test a dockerd, and ends it whatever becomes of the test.
func withPrivateDocker(_ scratch: Scratch, _ body: (PrivateDocker) async throws -> Void) async throws {
    let daemon = try PrivateDocker(scratch)
    do {
        try await daemon.waitUntilItAnswers()
        try await body(daemon)
    } catch {
        try? await daemon.stop()
        throw error
    }
    try await daemon.stop()
}
