import Glibc
import TestSupport
import Testing

/// Restart policies and health checks: what the monitor does by itself.
@Suite struct RestartTests {
    private func restarts(_ engine: TestEngine, _ name: String) async throws -> Int {
        try await engine.inspect(name)["RestartCount"].int ?? -1
    }

    @Test func onFailureCounts() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "bad", "--restart", "on-failure:2", base, "sh", "-c", "echo go; exit 4")
            try await engine.start("--name", "good", "--restart", "on-failure:2", base, "true")
            let ended = try await eventually(seconds: 20) {
                try await engine.inspect("bad")["State"]["Status"].string == "exited"
            }
            #expect(ended)
            #expect(try await restarts(engine, "bad") == 2)
            #expect(try await engine.ok("logs", "bad").lines == ["go", "go", "go"])
            #expect(try await engine.inspect("bad")["State"]["ExitCode"].int == 4)
            _ = try await engine.ok("wait", "good")
            #expect(try await restarts(engine, "good") == 0)
            #expect(try await engine.inspect("bad")["HostConfig"]["RestartPolicy"]["MaximumRetryCount"].int == 2)
        }
    }

    @Test func alwaysUntilSomebodyStopsIt() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "--restart", "always", base, "sh", "-c", "sleep 0.1")
            let again = try await eventually(seconds: 20) { try await restarts(engine, "cc") >= 2 }
            #expect(again)
            // Whether it runs or waits at this moment: it ends, and stays so.
            try await engine.ok("stop", "-t", "0", "cc", seconds: 20)
            #expect(try await engine.inspect("cc")["State"]["Status"].string == "exited")
            let count = try await restarts(engine, "cc")
            try await Task.sleep(for: .milliseconds(600))
            #expect(try await restarts(engine, "cc") == count)
            #expect(try await engine.leftoversOfContainers().isEmpty)
        }
    }

    @Test func aWaitingContainerIsShownAndRemoved() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "--restart", "always", base, "sh", "-c", "exit 7")
            let waiting = try await eventually(seconds: 30) {
                try await engine.ok("ps").out.contains("Restarting (7)")
            }
            #expect(waiting)
            #expect(try await engine.berth("rm", "cc").status == 1)
            try await engine.ok("rm", "-f", "cc", seconds: 20)
        }
    }

    @Test func conflictsAndNonsenseAreRefused() async throws {
        try await withEngine { engine in
            let both = try await engine.berth("run", "--rm", "--restart", "always", base, "true")
            #expect(both.status == 125 && both.err.contains("--rm"))
            for text in ["sometimes", "on-failure:-1", "on-failure:x", "always:3"] {
                #expect(try await engine.berth("run", "--restart", text, base, "true").status == 125, "\(text)")
            }
        }
    }

    @Test func aKilledMonitorsContainerComesBack() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "--restart", "always", base, "sleep", "1000")
            try await engine.start("--name", "plain", base, "sleep", "1000")
            for name in ["cc", "plain"] { kill(try await engine.monitor(name), SIGKILL) }
            let back = try await eventually(seconds: 20) {
                try await engine.inspect("cc")["State"]["Status"].string == "running"
            }
            #expect(back)
            #expect(try await engine.inspect("plain")["State"]["ExitCode"].int == 137)
        }
    }

    @Test func resumeAfterAReboot() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "always", "--restart", "always", base, "sleep", "1000")
            try await engine.start("--name", "stopped", "--restart", "unless-stopped", base, "sleep", "1000")
            try await engine.start("--name", "going", "--restart", "unless-stopped", base, "sleep", "1000")
            try await engine.start("--name", "none", base, "sleep", "1000")
            for name in ["always", "stopped"] { try await engine.ok("stop", "-t", "0", name) }
            for name in ["going", "none"] { kill(try await engine.monitor(name), SIGKILL) }
            // As after a reboot: another boot id, and nothing of what dies with one.
            try await shell(
                """
                sed -i 's/"bootID":"[^"]*"/"bootID":"another"/' \(engine.root)/containers/*/state.json
                rm -rf \(engine.root)/run/containers
                mkdir \(engine.root)/run/containers
                """)
            let output = try await engine.ok("system", "resume")
            #expect(Set(output.lines) == ["always", "going"])
            #expect(try await engine.inspect("stopped")["State"]["Running"].bool == false)
            #expect(try await engine.inspect("none")["State"]["Error"].string?.contains("restarted") == true)
            #expect(try await engine.ok("system", "resume").text == "")
        }
    }

    @Test func healthIsAskedFor() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "cc", "--health-cmd", "echo asked; test -e /tmp/ok", "--health-interval", "200ms",
                "--health-retries", "2", base, "sleep", "1000")
            #expect(try await engine.inspect("cc")["State"]["Health"]["Status"].string != nil)
            let ill = try await eventually(seconds: 20) { try await engine.ok("ps").out.contains("(unhealthy)") }
            #expect(ill)
            let log = try await engine.inspect("cc")["State"]["Health"]["Log"][0]
            #expect(log["Output"].string == "asked\n" && log["ExitCode"].int == 1)
            try await engine.ok("exec", "cc", "touch", "/tmp/ok")
            let well = try await eventually(seconds: 20) { try await engine.ok("ps").out.contains("(healthy)") }
            #expect(well)
            let events = contents(engine.root + "/run/events/log")
            #expect(events.contains("health_status: unhealthy") && events.contains("health_status: healthy"))
        }
    }

    @Test func aCheckThatHangsIsEnded() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "cc", "--health-cmd", "sleep 271", "--health-interval", "100ms", "--health-timeout", "200ms",
                "--health-retries", "1", base, "sleep", "1000")
            let ill = try await eventually(seconds: 20) { try await engine.ok("ps").out.contains("(unhealthy)") }
            #expect(ill)
            try await engine.ok("stop", "-t", "0", "cc", seconds: 20)
            // Without a check nothing is said; and a check may be switched off.
            #expect(try await engine.inspect("cc")["State"]["Health"].string == nil)
            #expect(
                try await engine.berth("run", "--no-healthcheck", "--health-cmd", "true", base, "true").status == 125)
        }
    }

    @Test func theImagesCheckIsTaken() async throws {
        try await withEngine { engine in
            try await engine.ok(
                "import", "--change", "HEALTHCHECK --interval=200ms --start-period=30s --start-interval=100ms CMD true",
                try await BaseImage.shared.tar(), "checked:1")
            try await engine.start("--name", "cc", "checked:1", "sleep", "1000")
            let well = try await eventually(seconds: 20) { try await engine.ok("ps").out.contains("(healthy)") }
            #expect(well)
            try await engine.start("--name", "off", "--no-healthcheck", "checked:1", "sleep", "1000")
            #expect(try await engine.ok("ps", "--last", "1").out.contains("health") == false)
        }
    }
}

extension TestEngine {
    /// Control groups and links that only running containers have.
    fileprivate func leftoversOfContainers() async throws -> [String] {
        var found: [String] = []
        _ = try await eventually {
            found = list("/sys/class/net").filter { $0.hasPrefix("v\(token)-") }
            return found.isEmpty
        }
        return found
    }
}
