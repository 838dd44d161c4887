import TestSupport
import Testing

/// Pulling from registries that behave.
@Suite struct PullTests {
    @Test func pullRunPullAgain() async throws {
        try await withRegistrySite { site in
            let digest = try await site.layout("image", [try await BaseImage.shared.tar(), "--layers", "3"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            let name = "\(registry.host)/team/app"
            let first = try await site.ok("pull", name)
            #expect(first.out.contains("Using default tag: latest\nlatest: Pulling from team/app\n"))
            #expect(first.out.contains(": Pull complete\n"))
            #expect(first.out.contains("Digest: \(digest)\nStatus: Downloaded newer image for \(name):latest\n"))
            #expect(first.text.hasSuffix("\(name):latest"))
            let requests = await registry.log().count
            let second = try await site.ok("pull", name)
            #expect(second.out.contains("Status: Image is up to date for \(name):latest"))
            // One to find the registry, one for the digest.
            #expect(await registry.log().count - requests == 2)
            #expect(try await site.ok("pull", "-q", name).out == "\(name):latest\n")
            #expect(try await site.ok("run", "--rm", name, "cat", "/etc/origin").text == "of the image")
        }
    }

    @Test func runFetchesWhatIsMissing() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", [try await BaseImage.shared.tar()])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            let name = "\(registry.host)/app"
            let never = try await site.berth("run", "--rm", "--pull", "never", name, "true")
            #expect(never.status == 125 && never.err.contains("No such image"), "\(never.all)")
            let run = try await site.ok("run", "--rm", name, "echo", "hello")
            #expect(run.out == "hello\n")
            #expect(run.err.hasPrefix("Unable to find image '\(name):latest' locally\n"), "\(run.err)")
            #expect(run.err.contains("Status: Downloaded newer image"))
            let quiet = try await site.ok("run", "--rm", "-q", "--pull", "always", name, "echo", "hello")
            #expect(quiet.out == "hello\n" && quiet.err == "\(name):latest\n")
            let missing = try await site.berth("run", "--rm", "\(registry.host)/app:no", "true")
            #expect(missing.status == 125 && missing.err.contains("manifest unknown"), "\(missing.all)")
        }
    }

    @Test func platformsAndDigests() async throws {
        try await withRegistrySite { site in
            let digest = try await site.layout("image", ["--layers", "2", "--index", "--compression", "zstd"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            let other = (try await shell("uname -m")).text == "x86_64" ? "linux/arm64" : "linux/amd64"
            try await site.ok("pull", "-q", "\(registry.host)/app@\(digest)")
            let again = try await site.ok("pull", "\(registry.host)/app@\(digest)")
            #expect(again.out.contains("Image is up to date"))
            try await site.ok("pull", "-q", "--platform", other, "\(registry.host)/app")
            let inspected = try JSON(try await site.ok("image", "inspect", "\(registry.host)/app").out)[0]
            #expect("linux/\(inspected["Architecture"].string ?? "")" == other)
            let none = try await site.berth("pull", "--platform", "linux/s390x", "\(registry.host)/app")
            #expect(none.status == 1 && none.err.contains("no image for linux/s390x, only for"), "\(none.all)")
            let wrong = try await site.berth("pull", "\(registry.host)/app@sha256:\(String(repeating: "0", count: 64))")
            #expect(wrong.status == 1 && wrong.err.contains("manifest unknown"), "\(wrong.all)")
        }
    }

    @Test func allTags() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.distribution(in: site.scratch)
            for tag in ["a", "b", "c"] {
                try await shell(
                    "skopeo copy -q --dest-tls-verify=false oci:\(site.scratch.path)/image:latest docker://\(registry.host)/app:\(tag)"
                )
            }
            try await site.ok("pull", "-a", "\(registry.host)/app")
            let images = try await site.ok("images")
            for tag in ["a", "b", "c"] { #expect(images.out.contains(" \(tag) "), "\(images.out)") }
        }
    }

    /// Connections that end again and again: each goes on where the last one stopped, so little moves twice.
    @Test func brokenConnectionsGoOnByRange() async throws {
        try await withRegistrySite { site in
            try site.configure(#""stall-seconds": 10, "retries": 12"#)
            try await site.layout("image", ["--layers", "2", "--size", "2000000"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--cut", "900000"])
            try await site.ok("pull", "-q", "\(registry.host)/app")
            #expect(await registry.log().filter { $0.contains("/blobs/") && !$0.contains("range=-") }.count >= 2)
        }
    }

    @Test func aBusyRegistryIsWaitedFor() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--busy", "2"])
            let start = ContinuousClock.now
            try await site.ok("pull", "-q", "\(registry.host)/app")
            // Twice "Retry-After: 1".
            #expect(ContinuousClock.now - start >= .seconds(2))
        }
    }

    @Test func layersTravelSideBySide() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "4", "--size", "400000"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--rate", "400000"])
            let start = ContinuousClock.now
            try await site.ok("pull", "-q", "\(registry.host)/app")
            // One after the other they would take four seconds.
            #expect(ContinuousClock.now - start < .seconds(3))
        }
    }

    /// A layer that takes a directory's owner over from below gets it, though both are applied at the same time.
    @Test func aLayerMayLeanOnOneThatIsStillComing() async throws {
        try await withRegistrySite { site in
            try await shell(
                """
                set -e; cd \(site.scratch.path); mkdir -p a/dir; chmod 750 a/dir; head -c 3000000 /dev/urandom > a/big
                tar --owner=1000 --group=1000 --numeric-owner -cf a.tar -C a big dir
                mkdir -p b/dir; echo x > b/dir/file; tar --owner=1 --group=1 --numeric-owner -cf b.tar -C b dir/file
                """)
            try await site.layout(
                "image", [try await BaseImage.shared.tar(), site.scratch.path + "/a.tar", site.scratch.path + "/b.tar"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--rate", "3000000"])
            let seen = try await site.ok(
                "run", "--rm", "\(registry.host)/app", "stat", "-c", "%u %a", "/dir", "/dir/file")
            #expect(seen.lines == ["1000 750", "1 644"])
        }
    }

    @Test func onATerminalBarsAreDrawn() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1", "--size", "800000"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--rate", "1000000"])
            let child = try Child(
                site.engine.words(["pull", "\(registry.host)/app"]), streams: .terminal(rows: 24, columns: 100),
                environment: site.environment)
            let output = try await child.finish()
            #expect(output.status == 0, "\(output.all)")
            #expect(output.out.contains("Downloading [="), "\(output.out)")
            #expect(output.out.contains("B/s"))
            #expect(output.out.contains("Total: "))
            #expect(output.out.contains("Pull complete"))
        }
    }

    @Test func contentTrustIsRefused() async throws {
        try await withRegistrySite { site in
            let output = try await site.berth("pull", "--disable-content-trust=false", "app")
            #expect(output.status == 125 && output.err.contains("content trust"), "\(output.all)")
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            try await site.ok("pull", "-q", "--disable-content-trust", "\(registry.host)/app")
        }
    }
}
