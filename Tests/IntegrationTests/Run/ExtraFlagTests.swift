import Foundation
import TestSupport
import Testing

/// Flags of `run` for what few containers ask for, and `explain`.
@Suite struct ExtraFlagTests {
    @Test func devices() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                "stat -c %F /dev/mine && head -c 4 /dev/mine | wc -c", "--device", "/dev/zero:/dev/mine:r")
            #expect(output.lines.last?.trimmingCharacters(in: .whitespaces) == "4")
            let missing = try await engine.berth("run", "--rm", "--device", "/dev/none-such", base, "true")
            #expect(missing.status == 125 && missing.err.contains("/dev/none-such"))
            #expect(
                try await engine.berth("run", "--rm", "--device", "/etc/passwd", base, "true").err.contains(
                    "not a device"))
        }
    }

    @Test func privileged() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                "grep CapEff /proc/self/status; mkdir /m && mount -t tmpfs x /m && echo mounted; hostname other && hostname",
                "--privileged")
            #expect(output.out.contains("mounted") && output.lines.last == "other")
            // Without it none of that.
            let plain = try await engine.berth("run", "--rm", base, "sh", "-c", "mkdir /m && mount -t tmpfs x /m")
            #expect(plain.status != 0)
        }
    }

    @Test func namespacesOfTheHost() async throws {
        try await withEngine { engine in
            let refused = try await engine.berth("run", "--rm", "--pid", "host", base, "true")
            #expect(refused.status == 125 && refused.err.contains("--userns host"))
            let own = link("/proc/self/ns/pid") ?? "?"
            #expect(try await engine.sh("readlink /proc/self/ns/pid", "--pid", "host", "--userns", "host").text == own)
            let uts = link("/proc/self/ns/uts") ?? "?"
            #expect(try await engine.sh("readlink /proc/self/ns/uts", "--uts", "host").text == uts)
        }
    }

    @Test func logsAreBoundedAsAsked() async throws {
        try await withEngine { engine in
            try await engine.berth(
                "run", "--name", "small", "--log-opt", "max-size=4k", "--log-opt", "max-file=2", base, "sh", "-c",
                "for i in $(seq 1 400); do echo line $i; done")
            let size = try await shell("cat \(engine.root)/containers/*/log.json* | wc -c")
            #expect((Int(size.text) ?? .max) < 10_000)
            #expect(try await engine.ok("logs", "--tail", "1", "small").text == "line 400")
            let none = try await engine.berth("run", "--name", "none", "--log-driver", "none", base, "echo", "seen")
            #expect(none.text == "seen")
            #expect(try await engine.berth("logs", "none").err.contains("does not support reading"))
            #expect(try await engine.inspect("none")["HostConfig"]["LogConfig"]["Type"].string == "none")
            #expect(try await engine.berth("run", "--log-opt", "max-size=1", base, "true").status == 125)
        }
    }

    @Test func streamsAreChosen() async throws {
        try await withEngine { engine in
            let output = try await engine.berth(
                "run", "--rm", "-a", "stderr", base, "sh", "-c", "echo out; echo err >&2")
            #expect(output.out == "" && output.err == "err\n")
            #expect(try await engine.berth("run", "-d", "-a", "stdout", base, "true").status == 125)
        }
    }
}
