import Glibc
import TestSupport
import Testing

/// Commands on containers that run in the background.
@Suite struct LifecycleTests {
    @Test func psShowsWhatRuns() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--name", "running", base, "sleep", "100")
            try await engine.berth("run", "--name", "ended", base, "sh", "-c", "exit 3")
            let running = try await engine.ok("ps")
            #expect(running.lines.count == 2)
            #expect(running.lines.first?.hasPrefix("CONTAINER ID") == true)
            #expect(running.out.contains(String(id.prefix(12))) && running.out.contains("Up "))
            let all = try await engine.ok("ps", "-a")
            #expect(all.lines.count == 3)
            #expect(all.out.contains("Exited (3)"))
            #expect(try await engine.ok("ps", "-q").text == String(id.prefix(12)))
            #expect(try await engine.ok("ps", "-q", "--no-trunc").text == id)
        }
    }

    @Test func logsOfBothStreams() async throws {
        try await withEngine { engine in
            try await engine.berth("run", "--name", "cc", base, "sh", "-c", "echo out; echo err >&2; printf unfinished")
            let logs = try await engine.ok("logs", "cc")
            #expect(logs.out == "out\nunfinished")
            #expect(logs.err == "err\n")
        }
    }

    @Test func followedLogsComeAndEnd() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "cc", base, "sh", "-c", "for i in 1 2 3 4 5; do echo line-$i; sleep 0.2; done")
            let child = try engine.session("logs", "-f", "cc")
            try await child.waitFor("line-2")
            let output = try await child.finish(seconds: 20)
            #expect(output.status == 0)
            #expect(output.lines == (1...5).map { "line-\($0)" })
        }
    }

    @Test func execRunsFurtherPrograms() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "-e", "A=1", "-w", "/var/www", base, "sleep", "100")
            #expect(try await engine.ok("exec", "cc", "sh", "-c", "echo $A $PWD").text == "1 /var/www")
            #expect(
                try await engine.ok(
                    "exec", "-e", "A=2", "-w", "/tmp", "-u", "www", "cc", "sh", "-c", "echo $A $PWD $(id -u)"
                ).text == "2 /tmp 1000")
            #expect(try await engine.berth("exec", "cc", "sh", "-c", "exit 17").status == 17)
            #expect(try await engine.berth("exec", "-i", "cc", "cat", input: "through").out == "through")
            #expect(try await engine.berth("exec", "cc", "no-such-program").status == 127)
            #expect(try await engine.berth("exec", "cc", "/etc/passwd").status == 126)
            try await engine.ok("exec", "-d", "cc", "sh", "-c", "echo x >/tmp/made")
            let made = try await eventually { try await engine.berth("exec", "cc", "cat", "/tmp/made").text == "x" }
            #expect(made)
        }
    }

    @Test func execAppliesTheContainersLimits() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--name", "cc", "-m", "32m", "--memory-swap", "32m", base, "sleep", "100")
            let child = try engine.session("exec", "cc", "sleep", "27182")
            let pids = try #require(engine.groups(id)["pids"] ?? engine.groups(id)["unified"])
            let joined = try await eventually {
                contents(pids + "/cgroup.procs").split(separator: "\n").contains {
                    contents("/proc/\($0)/cmdline").contains("27182")
                }
            }
            #expect(joined)
            child.signalGroup(9)
            _ = try await child.finish()
        }
    }

    @Test func stopAsksFirst() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "polite", base, "sh", "-c", "trap 'echo bye; exit 4' TERM; while :; do sleep 0.05; done")
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await engine.ok("stop", "polite").text == "polite")
            #expect(try await engine.inspect("polite")["State"]["ExitCode"].int == 4)
            #expect(try await engine.ok("logs", "polite").text == "bye")
            try await engine.start("--name", "deaf", base, "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done")
            try await Task.sleep(for: .milliseconds(200))
            let start = ContinuousClock.now
            try await engine.ok("stop", "-t", "1", "deaf")
            #expect(ContinuousClock.now - start >= .seconds(1))
            #expect(try await engine.inspect("deaf")["State"]["ExitCode"].int == 137)
        }
    }

    @Test func killSendsAnySignal() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "cc", base, "sh", "-c", "trap 'echo usr' USR1; while :; do sleep 0.05; done")
            try await Task.sleep(for: .milliseconds(200))
            try await engine.ok("kill", "-s", "USR1", "cc")
            let heard = try await eventually { try await engine.ok("logs", "cc").out.contains("usr") }
            #expect(heard)
            #expect(try await engine.inspect("cc")["State"]["Running"].bool == true)
            try await engine.ok("kill", "cc")
            #expect(try await engine.inspect("cc")["State"]["ExitCode"].int == 137)
            let again = try await engine.berth("kill", "cc")
            #expect(again.status == 1)
            #expect(again.err.contains("not running"))
        }
    }

    @Test func waitGivesTheStatus() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sh", "-c", "sleep 0.6; exit 6")
            #expect(try await engine.ok("wait", "cc", seconds: 20).text == "6")
            #expect(try await engine.ok("wait", "cc", seconds: 20).text == "6")
        }
    }

    @Test func removal() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--name", "cc", base, "sleep", "100")
            let refused = try await engine.berth("rm", "cc")
            #expect(refused.status == 1)
            #expect(refused.err.contains("running"))
            try await engine.ok("rm", "-f", "cc")
            #expect(try await engine.ok("ps", "-a", "-q").text == "")
            #expect(!exists("\(engine.root)/containers/\(id)"))
            // The name is free again.
            try await engine.start("--name", "cc", base, "sleep", "100")
            try await engine.ok("stop", "-t", "0", "cc")
            try await engine.ok("rm", "cc")
            let missing = try await engine.berth("rm", "cc")
            #expect(missing.status == 1)
            #expect(missing.err.contains("No such container"))
        }
    }

    @Test func aContainerThatRemovesItselfIsGone() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--rm", "--name", "cc", base, "sleep", "0.3")
            let gone = try await eventually { !exists("\(engine.root)/containers/\(id)") }
            #expect(gone)
            #expect(try await engine.ok("ps", "-a", "-q").text == "")
        }
    }

    @Test func aBeginningOfTheIdIsEnough() async throws {
        try await withEngine { engine in
            let id = try await engine.start(base, "sleep", "100")
            #expect(try await engine.inspect(String(id.prefix(8)))["Id"].string == id)
            let name = try #require(try await engine.inspect(id)["Name"].string)
            #expect(name.hasPrefix("/") && name.count > 3)
            try await engine.ok("rm", "-f", String(id.prefix(12)))
        }
    }

    @Test func runReturnsInACommandSubstitution() async throws {
        try await withEngine { engine in
            // A background process that kept the pipe open would keep the shell waiting.
            let run = engine.words(["run", "-d", base, "sleep", "100"]).joined(separator: " ")
            let output = try await shell("id=$(\(run) 2>&1); echo \"got $id\"", seconds: 20)
            #expect(output.text.hasPrefix("got ") && output.text.count == 68, "\(output.all)")
        }
    }
}
