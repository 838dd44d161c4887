import Foundation
import TestSupport
import Testing

/// Containers that are created, started, stopped and started again.
@Suite struct StartTests {
    @Test func createdAndStarted() async throws {
        try await withEngine { engine in
            let id = try await engine.ok("create", "--name", "cc", base, "sh", "-c", "echo hello; exit 3").text
            #expect(id.count == 64)
            #expect(try await engine.inspect("cc")["State"]["Status"].string == "created")
            #expect(try await engine.ok("ps").lines.count == 1)
            #expect(try await engine.ok("ps", "-a").out.contains("Created"))
            #expect(try await engine.ok("start", "cc").text == "cc")
            #expect(try await engine.ok("wait", "cc").text == "3")
            // A second run has the files of the first, and its output comes after.
            let again = try await engine.berth("start", "-a", "cc")
            #expect(again.status == 3)
            #expect(again.out == "hello\n")
            #expect(try await engine.ok("logs", "cc").lines == ["hello", "hello"])
        }
    }

    @Test func aCreatedContainerThatRemovesItselfWaitsForItsStart() async throws {
        try await withEngine { engine in
            try await engine.ok("create", "--rm", "--name", "cc", base, "sh", "-c", "exit 5")
            #expect(try await engine.ok("ps", "-aq").lines.count == 1)
            #expect(try await engine.berth("start", "-a", "cc").status == 5)
            let gone = try await eventually { try await engine.ok("ps", "-aq").text.isEmpty }
            #expect(gone)
        }
    }

    @Test func filesOutliveARestart() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sh", "-c", "echo x >>/root/runs; exec sleep 1000")
            let first = try await engine.process("cc")
            #expect(try await engine.ok("restart", "-t", "0", "cc").text == "cc")
            #expect(try await engine.process("cc") != first)
            #expect(try await engine.ok("exec", "cc", "cat", "/root/runs").lines.count == 2)
            try await engine.ok("stop", "-t", "0", "cc")
            try await engine.ok("restart", "cc")
            #expect(try await engine.ok("exec", "cc", "cat", "/root/runs").lines.count == 3)
            #expect(try await engine.inspect("cc")["RestartCount"].int == 0)
        }
    }

    @Test func oneThatRemovesItselfOutlivesARestart() async throws {
        try await withEngine { engine in
            try await engine.start("--rm", "--name", "cc", base, "sleep", "1000")
            let first = try await engine.process("cc")
            try await engine.ok("restart", "-t", "0", "cc")
            #expect(try await engine.process("cc") != first)
            try await engine.ok("stop", "-t", "0", "cc")
            let gone = try await eventually { try await engine.ok("ps", "-aq").text.isEmpty }
            #expect(gone)
        }
    }

    @Test func aProgramThatIsMissingLeavesTheContainer() async throws {
        try await withEngine { engine in
            try await engine.ok("create", "--name", "cc", base, "no-such-program")
            let output = try await engine.berth("start", "cc")
            #expect(output.status != 0)
            #expect(output.err.contains("no-such-program"))
            #expect(try await engine.inspect("cc")["State"]["ExitCode"].int == 127)
            try await engine.ok("rm", "cc")
        }
    }

    @Test func pausedContainersStandStill() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "1000")
            try await engine.ok("pause", "cc")
            #expect(try await engine.inspect("cc")["State"]["Status"].string == "paused")
            #expect(try await engine.inspect("cc")["State"]["Paused"].bool == true)
            #expect(try await engine.ok("ps").out.contains("(Paused)"))
            #expect(try await engine.berth("pause", "cc").err.contains("already paused"))
            #expect(try await engine.berth("exec", "cc", "true", seconds: 10).err.contains("paused"))
            #expect(try await engine.berth("start", "cc").err.contains("unpause"))
            try await engine.ok("unpause", "cc")
            #expect(try await engine.berth("unpause", "cc").err.contains("not paused"))
            #expect(try await engine.ok("exec", "cc", "echo", "on").text == "on")
            try await engine.ok("pause", "cc")
            try await engine.ok("stop", "-t", "1", "cc", seconds: 20)
            #expect(try await engine.inspect("cc")["State"]["Status"].string == "exited")
            try await engine.ok("start", "cc")
            try await engine.ok("pause", "cc")
            try await engine.ok("rm", "-f", "cc", seconds: 20)
        }
    }

    @Test func namesChange() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "old", base, "sleep", "1000")
            try await engine.ok("create", "--name", "other", base, "true")
            try await engine.ok("rename", "old", "new")
            #expect(try await engine.inspect("new")["Name"].string == "/new")
            #expect(try await engine.berth("inspect", "old").status == 1)
            let taken = try await engine.berth("rename", "new", "other")
            #expect(taken.status == 1 && taken.err.contains("already in use"))
            #expect(try await engine.berth("rename", "new", "../x").err.contains("Invalid container name"))
            #expect(try await engine.inspect("new")["State"]["Running"].bool == true)
            try await engine.ok("stop", "-t", "0", "new")
            #expect(try await engine.inspect("new")["Name"].string == "/new")
            try await engine.ok("rm", "new")
            // Both names are free again.
            try await engine.ok("create", "--name", "old", base, "true")
            try await engine.ok("create", "--name", "new", base, "true")
        }
    }

    @Test func limitsChangeWhileItRuns() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--name", "cc", base, "sleep", "1000")
            try await engine.ok("update", "--memory", "64m", "--memory-swap", "64m", "--pids-limit", "50", "cc")
            let groups = engine.groups(id)
            let memory = try #require(groups["memory"])
            let limit = contents(memory + "/memory.limit_in_bytes") + contents(memory + "/memory.max")
            #expect(limit.hasPrefix("67108864"))
            let pids = try #require(groups["pids"])
            #expect(contents(pids + "/pids.max").hasPrefix("50"))
            let host = try await engine.inspect("cc")["HostConfig"]
            #expect(host["Memory"].int == 67_108_864 && host["PidsLimit"].int == 50)
            #expect(try await engine.berth("update", "--memory", "1m", "cc").err.contains("6MB"))
            // They hold for the next run as well.
            try await engine.ok("restart", "-t", "0", "cc")
            #expect(contents(pids + "/pids.max").hasPrefix("50"))
        }
    }

    @Test func severalWatchAndType() async throws {
        try await withEngine { engine in
            try await engine.start("-it", "--name", "cc", base, "sh")
            let one = try engine.session("attach", "cc", streams: .terminal(rows: 24, columns: 80))
            let two = try engine.session("attach", "--no-stdin", "cc")
            // Both are there before anything is typed.
            let watching = try await eventually(seconds: 20) {
                contents(engine.root + "/run/events/log").components(separatedBy: "\"attach\",\"id\"").count == 3
            }
            #expect(watching)
            await one.send("echo A$((40+2))\n")
            try await one.waitFor("A42")
            try await two.waitFor("A42")
            await one.send("\u{10}\u{11}")
            #expect(try await one.finish(seconds: 20).status == 0)
            #expect(try await engine.inspect("cc")["State"]["Running"].bool == true)
            try await engine.ok("kill", "cc")
            #expect(try await two.finish(seconds: 20).status == 137)
        }
    }
}
