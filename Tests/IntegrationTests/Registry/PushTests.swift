import TestSupport
import Testing

/// Pushing: what moves, what does not, and that others read it.
@Suite struct PushTests {
    @Test func onlyWhatIsMissingMoves() async throws {
        try await withRegistrySite { site in
            let digest = try await site.layout("image", ["--layers", "3"])
            let first = try await TestRegistry.serving(site.scratch.path + "/image")
            let name = "\(first.host)/app"
            try await site.ok("pull", "-q", name)
            let mark = await first.log().count
            let push = try await site.ok("push", name)
            #expect(push.out.hasPrefix("The push refers to repository [\(name)]\n"))
            #expect(push.out.contains("latest: digest: \(digest) size: "))
            #expect(push.lines.filter { $0.hasSuffix(": Layer already exists") }.count == 3, "\(push.out)")
            let log = await first.log()[mark...]
            #expect(!log.contains { $0.hasPrefix("POST") || $0.hasPrefix("PATCH") }, "\(log)")
            #expect(try await site.ok("push", "-q", name).out == "\(name):latest\n")
        }
    }

    @Test func roundTripsAreDigestIdenticalAndOthersReadThem() async throws {
        try await withRegistrySite { site in
            let digest = try await site.layout("image", [try await BaseImage.shared.tar(), "--layers", "2"])
            let source = try await TestRegistry.serving(site.scratch.path + "/image")
            try await site.ok("pull", "-q", "\(source.host)/app")
            // Archives keep the bytes: saved by one name, pushed under another.
            let target = try await TestRegistry.distribution(in: site.scratch)
            try await site.ok("image", "copy", "-q", "\(source.host)/app", "docker://\(target.host)/x/app:1")
            let inspected = try await shell(
                "skopeo inspect --tls-verify=false docker://\(target.host)/x/app:1 | jq -r .Digest")
            #expect(inspected.text == digest)
            try await site.ok("pull", "-q", "\(target.host)/x/app:1")
            let mounted = try await site.ok("push", "\(target.host)/x/app:1")
            #expect(mounted.out.contains("digest: \(digest)"))
            // skopeo reads every byte and verifies it.
            let copied = try await shell(
                """
                set -e; cd \(site.scratch.path)
                skopeo copy -q --src-tls-verify=false docker://\(target.host)/x/app:1 oci:back:1
                umoci unpack --image back:1 bundle >/dev/null 2>&1; cat bundle/rootfs/etc/origin
                """)
            #expect(copied.text == "of the image", "\(copied.all)")
        }
    }

    @Test func aBlobIsMountedFromAnotherRepository() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "2"])
            let target = try await TestRegistry.distribution(in: site.scratch)
            try await shell(
                "skopeo copy -q --dest-tls-verify=false oci:\(site.scratch.path)/image:latest docker://\(target.host)/a/one:1"
            )
            try await site.ok("pull", "-q", "\(target.host)/a/one:1")
            let copied = try await site.ok("image", "copy", "\(target.host)/a/one:1", "docker://\(target.host)/b/two:1")
            #expect(copied.out.contains("Mounted from a/one"), "\(copied.out)")
        }
    }

    /// The registry closes the connection again and again: each time it is asked what it has, and given the rest.
    @Test func brokenUploadsGoOn() async throws {
        try await withRegistrySite { site in
            try site.configure(#""stall-seconds": 10, "retries": 12"#)
            try await site.layout("image", ["--layers", "1", "--size", "3000000"])
            try await shell("mkdir -p \(site.scratch.path)/empty")
            let source = try await TestRegistry.serving(site.scratch.path + "/image")
            let target = try await TestRegistry.serving(site.scratch.path + "/empty", ["--cut", "900000"])
            try await site.ok("image", "copy", "-q", "docker://\(source.host)/app", "docker://\(target.host)/app")
            let log = await target.log()
            #expect(log.filter { $0.hasPrefix("PATCH") }.count >= 3, "\(log)")
            #expect(log.filter { $0.hasPrefix("POST") }.count <= 3, "\(log)")
        }
    }

    @Test func namesThatAreNotThere() async throws {
        try await withRegistrySite { site in
            let missing = try await site.berth("push", "localhost:1/app")
            #expect(missing.status == 1)
            #expect(
                missing.err.contains("An image does not exist locally with the tag: localhost:1/app"), "\(missing.all)")
            let digest = try await site.berth("push", "app@sha256:\(String(repeating: "0", count: 64))")
            #expect(digest.status == 1 && digest.err.contains("digest"), "\(digest.all)")
        }
    }
}
