import Glibc
import TestSupport
import Testing

/// SIGKILL at anybody: only what belongs to the victim ends, and nothing stays.
@Suite struct CrashTests {
    @Test func killingTheCommandDoesNotTouchADetachedContainer() async throws {
        try await withEngine { engine in
            // The command is killed at a growing distance from its start: what it had begun either runs or is gone.
            var survivors = 0
            for round in 0..<(10 * Repository.scale) {
                let child = try engine.session("run", "-d", "--name", "c\(round)", base, "sleep", "100")
                try await Task.sleep(for: .milliseconds(1 + 3 * (round % 20)))
                child.signal(SIGKILL)
                _ = try await child.finish()
                let listed = try await engine.ok("ps", "-a", "--no-trunc")
                if listed.out.contains("Up ") { survivors += 1 }
                #expect(try await engine.berth("rm", "-f", "c\(round)").status <= 1)
                #expect(try await engine.ok("ps", "-a", "-q").text == "", "round \(round)")
            }
            print("killingTheCommand: \(survivors) containers had started")
        }
    }

    @Test func killingTheAttachedCommandLeavesTheContainerConsistent() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let follower = try engine.session("logs", "-f", "cc")
            let exec = try engine.session("exec", "cc", "sleep", "50")
            try await Task.sleep(for: .milliseconds(300))
            for child in [follower, exec] {
                child.signal(SIGKILL)
                _ = try await child.finish()
            }
            #expect(try await engine.inspect("cc")["State"]["Running"].bool == true)
            #expect(try await engine.ok("exec", "cc", "echo", "well").text == "well")
        }
    }

    @Test func killingTheMonitorEndsTheContainerAndIsRecorded() async throws {
        try await withEngine { engine in
            let port = freePort()
            let id = try await engine.start(
                "--name", "cc", "-p", "\(port):80", base, "httpd", "-f", "-p", "80", "-h", "/var/www")
            let process = try await engine.process("cc"), monitor = try await engine.monitor("cc")
            #expect(
                contents("/proc/\(monitor)/cmdline").contains("monitor")
                    || contents("/proc/\(monitor)/comm").contains("monitor"))
            kill(monitor, SIGKILL)
            let ended = try await eventually { !Processes.isAlive(process) }
            #expect(ended, "the container outlives its monitor")
            let state = try await engine.inspect("cc")["State"]
            #expect(state["Running"].bool == false)
            #expect(state["ExitCode"].int == 137)
            #expect(state["Error"].string?.contains("monitor") == true, "\(state["Error"].string ?? "")")
            #expect(try await engine.ok("ps", "-a").out.contains("Exited (137)"))
            let cleared = try await eventually { engine.groups(id).isEmpty }
            #expect(cleared)
            // The port is free for the next one.
            try await engine.start("--name", "dd", "-p", "\(port):80", base, "sleep", "100")
        }
    }

    @Test func aKilledMonitorOfASelfRemovingContainerLeavesNothing() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--rm", "--name", "cc", base, "sh", "-c", "sleep 100 & sleep 100")
            kill(try await engine.monitor("cc"), SIGKILL)
            let gone = try await eventually { try await engine.ok("ps", "-a", "-q").text == "" }
            #expect(gone)
            #expect(!exists("\(engine.root)/containers/\(id)"))
        }
    }

    @Test func killingOneMonitorTouchesNoOther() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "victim", base, "sleep", "100")
            try await engine.start("--name", "other", base, "sleep", "100")
            kill(try await engine.monitor("victim"), SIGKILL)
            let seen = try await eventually { try await engine.inspect("victim")["State"]["Running"].bool == false }
            #expect(seen)
            #expect(try await engine.inspect("other")["State"]["Running"].bool == true)
            #expect(try await engine.ok("exec", "other", "echo", "well").text == "well")
        }
    }

    @Test func theStartingSessionAndItsControlGroupMayDie() async throws {
        try await withEngine { engine in
            let port = freePort()
            let group =
                "/sys/fs/cgroup/" + (exists("/sys/fs/cgroup/pids") ? "pids/" : "") + "berth-session-\(engine.token)"
            mkdir(group, 0o755)
            defer { rmdir(group) }
            let run = engine.words([
                "run", "-d", "--name", "web", "-p", "\(port):80", base, "httpd", "-f", "-p", "80", "-h", "/var/www",
            ])
            .joined(separator: " ")
            let session = try Child([
                "/bin/bash", "-c", "echo $$ > \(group)/cgroup.procs; \(run); echo started; sleep 1000",
            ])
            try await session.waitFor("started")
            // Everything in the session's control group is killed, as the end of an ssh session does.
            for _ in 0..<5 {
                for pid in contents(group + "/cgroup.procs").split(separator: "\n").compactMap({ pid_t($0) }) {
                    kill(pid, SIGKILL)
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            session.signalGroup(SIGKILL)
            _ = try await session.finish()
            let answers = try await eventually {
                try await shell("curl -s -m 2 http://127.0.0.1:\(port)/").out.contains("Hello from")
            }
            #expect(answers)
            #expect(try await engine.inspect("web")["State"]["Running"].bool == true)
        }
    }

    @Test func theMonitorIsOutsideTheContainersLimits() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--name", "cc", "-m", "16m", "--pids-limit", "5", base, "sleep", "100")
            let monitor = try await engine.monitor("cc")
            for (_, path) in engine.groups(id) {
                #expect(!contents(path + "/cgroup.procs").split(separator: "\n").contains("\(monitor)"), "\(path)")
            }
        }
    }
}
