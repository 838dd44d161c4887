import Foundation
import TestSupport
import Testing

/// Pulls that are killed, interrupted, or meet a full disk.
@Suite struct InterruptionTests {
    /// Whatever moment pulls and prunes are killed at: what the store holds is whole and needed, the next command works,
    /// and a prune that is left alone frees everything. In the long run, 200 pulls and 50 prunes.
    @Test func killedAtRandomMoments() async throws {
        try await withRegistrySite { site in
            let digest = try await site.layout(
                "image", [try await BaseImage.shared.tar(), "--layers", "3", "--size", "600000"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--rate", "8000000"])
            let name = "\(registry.host)/app"
            for round in 0..<(20 * Repository.scale) {
                try await kill(site, ["pull", name], within: 500)
                // The registry's log is a pipe, which somebody has to read.
                _ = await registry.log()
                if round % 4 != 3 {
                    try await expectWhole(site, "pull of round \(round)")
                    continue
                }
                let pulled = try await site.ok("pull", name)
                #expect(pulled.out.contains("Digest: \(digest)"))
                #expect(try await site.ok("run", "--rm", name, "cat", "/etc/origin").text == "of the image")
                try await kill(site, ["image", "prune", "-a", "-f"], within: 60)
                try await expectWhole(site, "prune of round \(round)")
                // Either all of the image is there, or nothing of it.
                if try await site.ok("images", "-q").lines.count == 1 {
                    #expect(try await site.ok("run", "--rm", name, "cat", "/etc/origin").text == "of the image")
                }
                try await site.ok("image", "prune", "-a", "-f")
                #expect(site.stored(rests: true).isEmpty, "round \(round): \(site.stored(rests: true))")
            }
            try await site.ok("pull", "-q", name)
            let wrong = try await shell(
                "cd \(site.engine.root)/images/blobs/sha256 && for b in *; do echo \"$b  $b\"; done | sha256sum -c --quiet"
            )
            #expect(wrong.status == 0, "\(wrong.all)")
            #expect(!site.stored(rests: true).contains { $0.hasPrefix("tmp/") || $0.hasPrefix("partial/") })
        }
    }

    private func kill(_ site: RegistrySite, _ words: [String], within milliseconds: Int) async throws {
        let child = try Child(site.engine.words(words), environment: site.environment)
        try await Task.sleep(for: .microseconds(Int.random(in: 0...milliseconds * 1000)))
        child.signal(SIGKILL)
        _ = try await child.finish()
    }

    /// Every digest is right, every reference leads somewhere, and nothing is there that nobody needs.
    private func expectWhole(_ site: RegistrySite, _ what: String) async throws {
        let check = try await site.berth("system", "check")
        #expect(check.status == 0 && check.out.contains("nothing is wrong"), "\(what): \(check.all)")
        let left = site.stored().filter { $0.hasPrefix("tmp/") || $0.hasPrefix("leases/") }
        #expect(left.isEmpty, "\(what): \(left)")
    }

    /// What an interrupted download leaves is no secret: it is counted, and a pruning gives it back.
    @Test func restsAreCountedAndPruned() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1", "--size", "3000000"])
            let broken = try await TestRegistry.serving(
                site.scratch.path + "/image", ["--fault", "blob-half-close", "--no-range"])
            #expect(try await site.berth("pull", "\(broken.host)/app").status == 1)
            let rests = site.stored(rests: true)
            #expect(rests.count == 1 && rests.allSatisfy { $0.hasPrefix("partial/") }, "\(rests)")
            let verbose = try await site.ok("system", "df", "-v")
            // How much arrives of what a server breaks off is up to the kernel: what counts is what is on the disk.
            let line = verbose.lines.first { $0.hasPrefix("Interrupted downloads: ") } ?? ""
            let amount = String(line.dropFirst("Interrupted downloads: ".count))
            let bytes = try await shell("cat \(site.engine.root)/images/\(rests.first ?? "") | wc -c").text
            let size = Double(bytes) ?? 0
            /// Whether a figure is the file's length, or what it takes on the disk with its directory.
            func isSize(_ text: Substring) -> Bool {
                let number = (Double(text.dropLast(2)) ?? 0) * (text.hasSuffix("MB") ? 1e6 : 1e3)
                return size > 0 && number > size * 0.98 && number < size * 1.02 + 16384
            }
            #expect(isSize(amount[...]), "\(size) bytes: \(verbose.out)")
            #expect(try await site.ok("system", "df").lines[1].contains("\(amount) ("), "it can be reclaimed")
            // A filter by labels is about images; an hour ago there was nothing yet.
            for filter in ["label=x", "until=1h"] {
                try await site.ok("image", "prune", "-f", "--filter", filter)
                #expect(site.stored(rests: true) == rests)
            }
            let pruned = try await site.ok("image", "prune", "-f")
            #expect(isSize(pruned.text.split(separator: " ").last ?? ""), "\(size) bytes: \(pruned.out)")
            #expect(site.stored(rests: true).isEmpty)
        }
    }

    @Test func controlCLeavesTheRestForTheNextPull() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1", "--size", "4000000"])
            let slow = try await TestRegistry.serving(site.scratch.path + "/image", ["--rate", "2000000"])
            let child = try Child(site.engine.words(["pull", "\(slow.host)/app"]), environment: site.environment)
            try await Task.sleep(for: .milliseconds(900))
            child.signalGroup(SIGINT)
            #expect(try await child.finish().status != 0)
            #expect(site.stored(rests: true).contains { $0.hasPrefix("partial/") })
            let fast = try await TestRegistry.serving(site.scratch.path + "/image")
            try await site.ok("pull", "-q", "\(fast.host)/app")
            #expect(await fast.log().contains { $0.contains("/blobs/") && !$0.contains("range=-") })
            #expect(!site.stored(rests: true).contains { $0.hasPrefix("partial/") || $0.hasPrefix("tmp/") })
        }
    }

    @Test func twoAtOncePullTheSame() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "3", "--size", "800000"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--rate", "2000000"])
            async let first = site.berth("pull", "-q", "\(registry.host)/app")
            async let second = site.berth("pull", "-q", "\(registry.host)/app")
            async let third = site.berth("pull", "-q", "\(registry.host)/app")
            for output in try await [first, second, third] { #expect(output.status == 0, "\(output.all)") }
            // Each layer came once: the others waited for it.
            #expect(await registry.log().filter { $0.hasPrefix("GET") && $0.contains("/blobs/") }.count <= 6)
            #expect(!site.stored(rests: true).contains { $0.hasPrefix("tmp/") || $0.hasPrefix("partial/") })
        }
    }

    @Test func aFullDiskIsNamedAndGivenBack() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "2", "--size", "40000000"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            let disk = site.scratch.path + "/disk"
            // A file system of 64 MiB in a mount namespace of the pull's own.
            let output = try await shell(
                """
                unshare -m --propagation private sh -c '
                mkdir -p \(disk) && mount -t tmpfs -o size=64m tmpfs \(disk) || exit 9
                \(Repository.program) --root \(disk)/root pull -q \(registry.host)/app; echo "status $?"
                used=$(df --output=used -k \(disk) | tail -1); echo "used $used"
                ls \(disk)/root/images/blobs/sha256 \(disk)/root/images/layers \(disk)/root/images/tmp \(disk)/root/images/partial'
                """, environment: site.environment)
            #expect(output.out.contains("status 1"), "\(output.all)")
            #expect(output.err.contains("no space left") && output.err.contains("free some space"), "\(output.all)")
            let used = output.lines.first { $0.hasPrefix("used ") }?.split(separator: " ").last.flatMap { Int($0) }
            #expect((used ?? .max) < 40_000, "\(output.all)")
        }
    }
}
