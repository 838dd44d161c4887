import Foundation
import TestSupport
import Testing

/// `volume`, and what prunes.
@Suite struct VolumeCommandTests {
    @Test func theirLife() async throws {
        try await withEngine { engine in
            #expect(try await engine.ok("volume", "create", "--label", "a=b", "mine").text == "mine")
            let anonymous = try await engine.ok("volume", "create").text
            #expect(anonymous.count == 64)
            #expect(try await engine.ok("volume", "ls", "-q").lines.sorted() == [anonymous, "mine"].sorted())
            let table = try await engine.ok("volume", "ls")
            #expect(table.lines[0].hasPrefix("DRIVER") && table.lines[0].contains("VOLUME NAME"))
            let record = try JSON(try await engine.ok("volume", "inspect", "mine").out)[0]
            #expect(record["Driver"].string == "local" && record["Labels"]["a"].string == "b")
            #expect(record["Mountpoint"].string == "\(engine.root)/volumes/mine/_data")
            #expect(try await engine.ok("volume", "inspect", "-f", "{{.Name}}", "mine").text == "mine")
            #expect(try await engine.ok("volume", "ls", "-q", "-f", "label=a").text == "mine")
            #expect(try await engine.ok("volume", "ls", "-q", "-f", "name=min").text == "mine")
            try await engine.start("--name", "cc", "-v", "mine:/data", base, "sleep", "1000")
            #expect(try await engine.ok("volume", "ls", "-q", "-f", "dangling=true").text == anonymous)
            let used = try await engine.berth("volume", "rm", "mine")
            #expect(used.status == 1 && used.err.contains("volume is in use"))
            try await engine.ok("rm", "-f", "cc")
            #expect(try await engine.ok("volume", "rm", "mine").text == "mine")
            #expect(try await engine.berth("volume", "rm", "mine").err.contains("no such volume"))
            try await engine.ok("volume", "rm", "-f", "mine")
            for name in ["../x", "a b", "-x", ".x"] {
                #expect(try await engine.berth("volume", "create", "--", name).status != 0, "\(name)")
            }
        }
    }

    @Test func whatNobodyUsesIsPruned() async throws {
        try await withEngine { engine in
            try await engine.ok("volume", "create", "named")
            try await engine.ok("volume", "create", "--label", "keep", "kept")
            let anonymous = try await engine.ok("volume", "create").text
            try await engine.start("--name", "cc", "-v", "/data", base, "sleep", "1000")
            let pruned = try await engine.ok("volume", "prune", "-f")
            #expect(pruned.out.contains(anonymous) && !pruned.out.contains("named"))
            #expect(pruned.out.contains("Total reclaimed space:"))
            try await engine.ok("volume", "prune", "-f", "--all", "--filter", "label!=keep")
            let left = try await engine.ok("volume", "ls", "-q").lines
            #expect(left.contains("kept") && !left.contains("named") && left.count == 2)
            // The container's own is still there.
            try await engine.ok("exec", "cc", "touch", "/data/x")
            try await engine.ok("rm", "-f", "-v", "cc")
            #expect(try await engine.ok("volume", "ls", "-q").text == "kept")
        }
    }

    @Test func mountsOfOthers() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "one", "-v", "vol:/data", "-v", "/own", base, "sh", "-c", "echo x >/data/x; sleep 1000")
            let there = try await eventually { exists("\(engine.root)/volumes/vol/_data/x") }
            #expect(there)
            #expect(try await engine.sh("cat /data/x; touch /own/y", "--volumes-from", "one").text == "x")
            let refused = try await engine.berth(
                "run", "--rm", "--volumes-from", "one:ro", base, "sh", "-c", "touch /data/z")
            #expect(refused.status != 0)
            // `--rm` of the borrower took nothing of the owner's.
            try await engine.ok("exec", "one", "ls", "/own/y")
        }
    }

    @Test func broughtOver() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            try await shell(
                "mkdir \(scratch.path)/v && echo hi >\(scratch.path)/v/f && chown 12:34 \(scratch.path)/v/f")
            try await engine.ok("volume", "import", scratch.path + "/v", "new")
            #expect(try await engine.sh("stat -c '%u:%g' /d/f; cat /d/f", "-v", "new:/d").text == "12:34\nhi")
            #expect(
                try await engine.berth("volume", "import", scratch.path + "/v", "new").err.contains("exists already"))
            #expect(try await engine.berth("volume", "import", "docker:nothing-of-that-name").status == 1)
        }
    }

    @Test func pruningEverythingUnused() async throws {
        try await withEngine { engine in
            try await engine.berth("run", "--name", "old", "--label", "x=1", base, "true")
            try await engine.ok("create", "--name", "new", base, "true")
            try await engine.start("--name", "on", base, "sleep", "1000")
            try await engine.ok("network", "create", "lonely")
            try await engine.ok("volume", "create")
            #expect(try await engine.ok("container", "prune", "-f", "--filter", "label=x=2").out.contains("0B"))
            let first = try await engine.ok("container", "prune", "-f", "--filter", "label=x=1")
            #expect(first.out.contains("Deleted Containers:"))
            #expect(try await engine.ok("ps", "-aq").lines.count == 2)
            let all = try await engine.ok("system", "prune", "-f", "--volumes")
            #expect(all.out.contains("lonely") && all.out.contains("Deleted Volumes:"))
            #expect(try await engine.ok("ps", "-aq").lines.count == 1)
            #expect(try await engine.ok("images", "-q").text != "")
            // No answer is no.
            try await engine.berth("run", "--name", "old", base, "true")
            try await engine.ok("system", "prune", input: "n\n")
            #expect(try await engine.ok("ps", "-aq").lines.count == 2)
        }
    }
}
