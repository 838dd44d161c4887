import Foundation
import TestSupport
import Testing

/// Looking at what containers do: top, stats, diff, events, ps with filters.
@Suite struct ObservationTests {
    @Test func processesOfAContainer() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sh", "-c", "sleep 31415 & exec sleep 27182")
            let both = try await eventually { try await engine.ok("top", "cc").out.contains("sleep 31415") }
            #expect(both)
            let all = try await engine.ok("top", "cc")
            #expect(all.lines.count == 3 && all.lines[0].hasPrefix("UID"))
            let pids = try await engine.ok("top", "cc", "-o", "pid,args")
            #expect(pids.lines.count == 3)
            let first = try await engine.process("cc")
            #expect(pids.lines.contains { $0.hasPrefix("\(first) ") && $0.contains("sleep 27182") })
            #expect(try await engine.berth("top", "cc", "-o", "args").err.contains("PID"))
            #expect(try await engine.berth("top", "cc", "--no-such").status == 1)
            try await engine.ok("stop", "-t", "0", "cc")
            #expect(try await engine.berth("top", "cc").err.contains("not running"))
        }
    }

    @Test func whatContainersUse() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "busy", "-m", "64m", base, "sh", "-c", "while :; do :; done")
            try await engine.start("--name", "idle", base, "sleep", "1000")
            let table = try await engine.ok("stats", "--no-stream")
            #expect(table.lines.count == 3 && table.out.contains("/ 64MiB") && !table.out.contains("\u{1B}"))
            let one = try await engine.ok(
                "stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}} {{.PIDs}}", "busy")
            let words = one.text.split(separator: " ")
            #expect(words.first == "busy" && words.last == "1")
            #expect((Double(words[1].dropLast()) ?? 0) > 5)
            let json = try JSON(try await engine.ok("stats", "--no-stream", "--format", "json", "idle").text)
            #expect(json["Name"].string == "idle")
            #expect(try await engine.berth("stats", "--no-stream", "none").status == 1)
            // The stream goes on until its reader ends it.
            let child = try engine.session("stats", "idle")
            try await child.waitFor("idle")
            child.signal(15)
            _ = try await child.finish(seconds: 10)
        }
    }

    @Test func differencesToTheImage() async throws {
        try await withEngine { engine in
            try await engine.berth(
                "run", "--name", "cc", "-v", "vol:/data/inner", base, "sh", "-c",
                "echo a >/root/a; rm /etc/origin; echo x >>/etc/passwd; mkdir /srv; touch /srv/.wh.x; echo y >/data/inner/y"
            )
            let lines = try await engine.ok("diff", "cc").lines
            #expect(
                lines == [
                    "C /etc", "D /etc/origin", "C /etc/passwd", "C /root", "A /root/a", "A /srv", "A /srv/.wh.x",
                ])
            try await engine.berth("run", "--name", "same", base, "true")
            #expect(try await engine.ok("diff", "same").text == "")
        }
    }

    @Test func eventsAreToldAndFiltered() async throws {
        try await withEngine { engine in
            let child = try engine.session("events", "--filter", "event=die", "--format", "{{.Actor.Attributes.name}}")
            try await Task.sleep(for: .milliseconds(300))
            try await engine.berth("run", "--name", "one", "--label", "a=b", base, "sh", "-c", "exit 9")
            try await engine.berth("run", "--rm", "--name", "two", base, "true")
            try await child.waitFor("one")
            try await child.waitFor("two")
            child.signal(15)
            _ = try await child.finish(seconds: 10)
            let all = try await engine.ok("events", "--since", "1h", "--until", "0s", "--filter", "container=one")
            #expect(all.lines.map { $0.split(separator: " ")[2] } == ["create", "start", "die"])
            #expect(all.lines.last?.contains("exitCode=9") == true && all.out.contains("a=b"))
            let json = try JSON(
                try await engine.ok(
                    "events", "--since", "1h", "--until", "0s", "--filter", "label=a=b", "--filter", "event=die",
                    "--format", "json"
                ).text)
            #expect(json["Type"].string == "container" && json["status"].string == "die")
            #expect(try await engine.berth("events", "--filter", "nonsense").status == 125)
        }
    }

    @Test func listingsAreFilteredAndFormatted() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "web1", "--label", "tier=web", "-v", "vol:/data", base, "sleep", "1000")
            try await engine.start(
                "--name", "web2", "--label", "tier=other", "--network", "none", base, "sleep", "1000")
            try await engine.berth("run", "--name", "old", base, "sh", "-c", "exit 3")
            func names(_ filters: String...) async throws -> [String] {
                var words = ["ps", "--format", "{{.Names}}"]
                for filter in filters { words += ["--filter", filter] }
                let output = try await command(engine.words(words))
                #expect(output.status == 0, "\(output.all)")
                return output.lines.sorted()
            }
            #expect(try await names("label=tier") == ["web1", "web2"])
            #expect(try await names("label=tier=web") == ["web1"])
            #expect(try await names("name=web") == ["web1", "web2"])
            #expect(try await names("name=^/web1$") == ["web1"])
            #expect(try await names("name=web1", "name=web2") == ["web1", "web2"])
            #expect(try await names("status=exited") == ["old"])
            #expect(try await names("exited=3") == ["old"])
            #expect(try await names("exited=4") == [])
            #expect(try await names("network=none") == ["web2"])
            #expect(try await names("volume=vol") == ["web1"])
            #expect(try await names("ancestor=\(base)") == ["web1", "web2"])
            #expect(try await names("before=web2") == ["web1"])
            #expect(try await names("since=web1") == ["web2"])
            #expect(try await names("health=none") == ["web1", "web2"])
            for wrong in ["nonsense", "color=red", "status=fine", "exited=x"] {
                #expect(try await engine.berth("ps", "--filter", wrong).status == 125, "\(wrong)")
            }
            let json = try JSON(try await engine.ok("ps", "-a", "--filter", "name=old", "--format", "json").text)
            #expect(json["State"].string == "exited" && json["Names"].string == "old")
            let table = try await engine.ok(
                "ps", "--filter", "name=web1", "--format", "table {{.Names}}\t{{.Label \"tier\"}}")
            #expect(table.lines.count == 2 && table.lines[0].hasPrefix("NAMES") && table.lines[1].contains("web"))
            #expect(try await engine.ok("ps", "-s", "--filter", "name=web1").out.contains("(virtual "))
            #expect(
                try await engine.ok("container", "ls", "--format", "{{.Mounts}} {{.Networks}}", "--filter", "name=web1")
                    .text == "vol bridge")
        }
    }
}
