import TestSupport
import Testing

/// Registries that lie, break and stall: a clear sentence, nothing of it in the store, and other images unharmed.
@Suite struct HostileRegistryTests {
    static let faults: [(fault: String, sentence: String)] = [
        ("manifest-huge", "more than the 4194304 that are read"),
        ("manifest-html", "a web page, not"),
        ("manifest-deep", "nested deeper than"),
        ("manifest-other", "the digest of its manifest should be"),
        ("layer-size", "should have"),
        ("layer-size-huge", "should have"),
        ("layer-digest", "blob unknown"),
        ("config-size", "more than the"),
        ("layer-type", "is no file system layer's type"),
        ("layers-many", "its manifest has 20000 layers"),
        ("two-in-one", "where only an index has it"),
        ("diff-ids", "the digest of its uncompressed content should be"),
        ("schema1", "schema 1"),
        ("artifact", "no container image but an artifact"),
        ("nested", "its indexes point at each other"),
        ("headers", "header"),
        ("garbage", "cannot reach the registry"),
        ("blob-html", "it should have"),
        ("blob-wrong", "its digest should be"),
        ("blob-flip", "damaged"),
        ("blob-half", "should have"),
        ("blob-long", "should have"),
        ("blob-endless", "longer than"),
        ("redirect-loop", "redirects more than 10 times"),
        ("redirect-file", "redirects to nowhere"),
    ]

    @Test(arguments: faults)
    func isRefusedAndLeavesNothing(_ fault: (fault: String, sentence: String)) async throws {
        try await withRegistrySite { site in
            try await site.layout("good", ["--layers", "1", "--size", "8000", "--seed", "good"])
            let good = try await TestRegistry.serving(site.scratch.path + "/good")
            try await site.ok("pull", "-q", "\(good.host)/good")
            let before = site.stored()
            try await site.layout("bad", ["--layers", "2", "--size", "400000"])
            let bad = try await TestRegistry.serving(site.scratch.path + "/bad", ["--fault", fault.fault])
            let output = try await site.berth("pull", "\(bad.host)/bad")
            #expect(output.status == 1, "\(output.all)")
            #expect(output.err.contains(fault.sentence), "\(output.all)")
            #expect(output.err.utf8.count(where: { $0 == 10 }) == 1, "one sentence: \(output.err)")
            #expect(site.stored() == before)
            #expect(try await site.ok("images", "-q").lines.count == 1)
        }
    }

    /// What comes in time counts: a drip of a few bytes a second does not, nor does silence.
    @Test(arguments: ["drip", "silent"])
    func slowServersAreGivenUp(_ fault: String) async throws {
        try await withRegistrySite { site in
            try site.configure(#""stall-seconds": 1, "retries": 1"#)
            try await site.layout("bad", ["--layers", "1", "--size", "400000"])
            let bad = try await TestRegistry.serving(site.scratch.path + "/bad", ["--fault", fault])
            let output = try await site.berth("pull", "\(bad.host)/bad", seconds: 30)
            #expect(output.status == 1)
            #expect(output.err.contains("next to nothing") || output.err.contains("in time"), "\(output.all)")
            #expect(site.stored().isEmpty)
        }
    }

    /// Half of a blob, then the end of the connection: the rest stays, and an honest registry gives only what is missing.
    @Test func halfABlobIsKeptAndCompleted() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1", "--size", "3000000"])
            let broken = try await TestRegistry.serving(
                site.scratch.path + "/image", ["--fault", "blob-half-close", "--no-range"])
            let output = try await site.berth("pull", "\(broken.host)/app")
            #expect(output.status == 1)
            #expect(output.err.contains("pull again, and it goes on from there"), "\(output.all)")
            #expect(site.stored().isEmpty)
            #expect(site.stored(rests: true).count == 1)
            let honest = try await TestRegistry.serving(site.scratch.path + "/image")
            try await site.ok("pull", "-q", "\(honest.host)/app")
            let ranges = await honest.log().filter { $0.contains("/blobs/") && !$0.contains("range=-") }
            #expect(ranges.count == 1)
            #expect(!site.stored(rests: true).contains { $0.hasPrefix("partial/") })
        }
    }

    /// Asked for the end of a blob, it gives its beginning: the blob is fetched anew, once.
    @Test func aWrongRangeIsSeen() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1", "--size", "3000000"])
            let broken = try await TestRegistry.serving(
                site.scratch.path + "/image", ["--fault", "blob-half-close", "--no-range"])
            #expect(try await site.berth("pull", "\(broken.host)/app").status == 1)
            let wrong = try await TestRegistry.serving(site.scratch.path + "/image", ["--fault", "range-wrong"])
            try await site.ok("pull", "-q", "\(wrong.host)/app")
            #expect(await wrong.log().filter { $0.contains("/blobs/") && !$0.contains("range=-") }.count == 1)
            #expect(try await site.ok("system", "check").out.contains("nothing is wrong"))
        }
    }

    /// A list of tags that does not end takes neither memory nor time without measure.
    @Test func listsThatDoNotEnd() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--fault", "tags-endless"])
            let output = try await shell(
                "ulimit -v 8000000; \(site.engine.words(["pull", "-a", "\(registry.host)/app"]).joined(separator: " "))",
                environment: site.environment)
            #expect(output.status == 1 && output.err.contains("does not end"), "\(output.all)")
        }
    }

    /// A rest that is not what it should be (a disk that lost its power) is thrown away, and the blob fetched whole.
    @Test func aDamagedRestIsFetchedAnew() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1", "--size", "1000000"])
            let manifest = try JSON(contents("\(site.scratch.path)/image/index.json"))["manifests"][0]["digest"].string
            let digest = try #require(manifest?.split(separator: ":").last)
            let layer = try JSON(contents("\(site.scratch.path)/image/blobs/sha256/\(digest)"))["layers"][0]["digest"]
            let name = try #require(layer.string).replacing(":", with: "-")
            try await site.ok("images")
            try await shell(
                "mkdir -p \(site.engine.root)/images/partial; head -c 300000 /dev/zero > \(site.engine.root)/images/partial/\(name)"
            )
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            try await site.ok("pull", "-q", "\(registry.host)/app")
            #expect(await registry.log().filter { $0.contains("/blobs/\(layer.string ?? "")") }.count == 2)
        }
    }

    /// Credentials stay with the registry when it sends its blobs elsewhere.
    @Test func credentialsDoNotFollowARedirect() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1", "--size", "9000"])
            let elsewhere = try await TestRegistry.serving(site.scratch.path + "/image")
            let registry = try await TestRegistry.serving(
                site.scratch.path + "/image",
                ["--auth", "basic", "--redirect", "http://127.0.0.1:\(elsewhere.port)"])
            try await site.ok("login", "-u", "user", "--password-stdin", registry.host, input: "secret")
            try await site.ok("pull", "-q", "\(registry.host)/app")
            let blobs = await elsewhere.log().filter { $0.contains("/blobs/") }
            #expect(blobs.count == 2)
            #expect(blobs.allSatisfy { $0.contains("authorization=no") }, "\(blobs)")
            #expect(
                await registry.log().filter { $0.contains("/blobs/") }.allSatisfy { $0.contains("authorization=yes") })
        }
    }

    /// A token server on another host, not encrypted, is not even asked.
    @Test func plainTokenServersElsewhereAreRefused() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(
                site.scratch.path + "/image", ["--auth", "token", "--realm", "http://192.0.2.1/token"])
            try await shell("mkdir -p \(site.scratch.path)/docker")
            // "user:secret" for this registry.
            try write(
                #"{"auths":{"\#(registry.host)":{"auth":"dXNlcjpzZWNyZXQ="}}}"#,
                to: site.scratch.path + "/docker/config.json")
            let output = try await site.berth("pull", "\(registry.host)/app")
            #expect(output.status == 1)
            #expect(output.err.contains("which is not encrypted"), "\(output.all)")
        }
    }
}
