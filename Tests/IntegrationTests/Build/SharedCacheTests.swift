import Glibc
import TestSupport
import Testing

/// Caches that travel, and what a build sends.
@Suite struct SharedCacheTests {
    private static let dockerfile = """
        FROM base:1 AS x
        RUN cat /proc/sys/kernel/random/uuid > /u
        FROM base:1
        COPY f /f
        RUN cat /proc/sys/kernel/random/uuid > /v
        COPY --from=x /u /u
        """

    @Test func sharesThroughARegistry() async throws {
        try await withEngine { first in
            try await withEngine { second in
                let scratch = try Scratch()
                let registry = try await TestRegistry.distribution(in: scratch)
                let context = try await BuildContext(Self.dockerfile, ["f": "1"])
                let name = "\(registry.host)/app"
                try await first.build(
                    context,
                    [
                        "-t", "\(name):1", "--push", "--annotation", "org.example.a=b", "--cache-to",
                        "type=registry,ref=\(name):cache,mode=max", "--cache-to", "type=inline", "--cache-to",
                        "type=local,dest=\(scratch.path)/cache,mode=max",
                    ])
                let wanted = try await first.look("\(name):1", "cat /u /v")
                let manifest = try await command([
                    "skopeo", "inspect", "--raw", "--tls-verify=false", "docker://\(name):1",
                ])
                #expect(try JSON(manifest.out)["annotations"]["org.example.a"].string == "b")
                #expect(try await first.ok("images").out.components("cache") == 0)
                // Another engine makes nothing of it anew.
                let shared = try await second.build(context, ["-t", "made", "--cache-from", "\(name):cache"])
                #expect(shared.all.components("CACHED") == 4, "\(shared.all)")
                #expect(try await second.look("made", "cat /u /v") == wanted)
                #expect(try await second.ok("system", "check").out.contains("nothing is wrong"))
                // What it has of the cache is whole: it can be sent on.
                try await second.ok("tag", "made", "\(name):2")
                try await second.ok("push", "\(name):2")
                for (source, count) in [("type=local,src=\(scratch.path)/cache", 4), ("\(name):1", 2)] {
                    try await second.ok("builder", "prune", "-f")
                    let output = try await second.build(context, ["--cache-from", source])
                    #expect(output.all.components("CACHED") == count, "\(source): \(output.all)")
                }
                // A cache that is not there is no reason to fail.
                let none = try await second.build(context, ["--no-cache", "--cache-from", "\(name):none"])
                #expect(none.all.contains("the cache could not be used"), "\(none.all)")
            }
        }
    }

    @Test func refusesCachesItDoesNotKnow() async throws {
        try await withEngine { engine in
            let context = try await BuildContext("FROM base:1\n")
            for (words, reason) in [
                (["--cache-from", "type=gha"], "hosted service"),
                (["--cache-from", "type=inline"], "unknown cache type"),
                (["--cache-to", "type=local"], "needs dest"), (["--cache-to", "type=registry,ref=UPPER"], "lower"),
                (["--cache-to", "type=inline,mode=max"], "mode=min only"), (["--push"], "tag is needed"),
                (["--annotation", "x"], "KEY=VALUE"), (["--annotation", "index:x=y"], "no index"),
                (["--cgroup-parent", "/a/../b"], "control groups"), (["--sbom", "true"], "no scanner"),
                (["--squash"], "COPY --from"), (["--provenance", "mode=max"], "attestations"),
                (["-o", "type=local,dest=x", "--push"], "several outputs"),
                (["--cache-to", "type=inline", "-o", "type=cacheonly"], "needs an image"),
            ] {
                let output = try await command(engine.words(["build"] + words + [context.path]))
                #expect(output.status != 0 && output.all.contains(reason), "\(words): \(output.all)")
            }
        }
    }

    @Test func countsTheCache() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM base:1\nRUN --mount=type=cache,target=/c dd if=/dev/zero of=/c/x bs=1k count=100; echo 1 > /f")
            func row() async throws -> String {
                let lines = try await engine.ok("system", "df").out.split(separator: "\n")
                return lines.last.map { $0.split(separator: " ").joined(separator: " ") } ?? ""
            }
            #expect(try await row() == "Build Cache 0 0 0B 0B")
            try await engine.build(context, ["-t", "made"])
            // The step, which the image has, and the cache mount.
            #expect(try await row().hasPrefix("Build Cache 2 1 "))
            #expect(try await engine.ok("builder", "du").out.contains("cache mount"))
            try await engine.ok("rmi", "made")
            #expect(try await row().hasPrefix("Build Cache 2 0 "))
            try await engine.ok("builder", "prune", "-f")
            #expect(try await row() == "Build Cache 0 0 0B 0B")
        }
    }

    @Test func runsStepsBelowAGivenGroup() async throws {
        try await withEngine { engine in
            let parent = "berth-t-parent-\(getpid())-\(engine.token)"
            let context = try await BuildContext("FROM base:1\nRUN sleep 100\n")
            let child = try engine.session("build", "--cgroup-parent", "/\(parent)", context.path)
            let groups = "find /sys/fs/cgroup -path '*\(parent)/*' -name payload | head -n 1"
            let isThere = try await eventually(seconds: 30) { try await !shell(groups).text.isEmpty }
            #expect(isThere)
            child.signal(SIGINT)
            _ = try await child.finish()
            #expect(try await eventually(seconds: 10) { try await shell(groups).text.isEmpty })
            _ = try await shell("find /sys/fs/cgroup -depth -type d -path '*\(parent)*' -exec rmdir {} +")
        }
    }
}
