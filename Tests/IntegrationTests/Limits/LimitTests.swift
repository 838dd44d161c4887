import Glibc
import TestSupport
import Testing

/// Limits as the kernel holds them, and what happens to a container that meets one.
@Suite struct LimitTests {
    /// Takes 200 MiB in pages that are really there.
    static let memoryHog = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}"

    @Test func memoryLimitKillsOnlyItsContainer() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "neighbour", "-m", "32m", base, "sh", "-c", "while :; do date +%s; sleep 0.1; done")
            let kept = try await engine.berth(
                "run", "--name", "hog", "-m", "32m", "--memory-swap", "32m", base, "sh", "-c", Self.memoryHog)
            #expect(kept.status == 137, "\(kept.all)")
            #expect(!kept.out.contains("200000000"))
            let state = try await engine.inspect("hog")["State"]
            #expect(state["OOMKilled"].bool == true)
            #expect(state["ExitCode"].int == 137)
            #expect(try await engine.inspect("neighbour")["State"]["Running"].bool == true)
            let before = try await engine.ok("logs", "neighbour").lines.count
            let goesOn = try await eventually { try await engine.ok("logs", "neighbour").lines.count > before }
            #expect(goesOn)
            #expect(try await engine.inspect("neighbour")["State"]["OOMKilled"].bool == false)
            // With --rm the status is the same.
            let gone = try await engine.berth(
                "run", "--rm", "-m", "32m", "--memory-swap", "32m", base, "sh", "-c", Self.memoryHog)
            #expect(gone.status == 137, "\(gone.all)")
            // And without a limit the program succeeds: it was the limit.
            #expect(try await engine.sh(Self.memoryHog).text == "200000000")
        }
    }

    @Test func aProgramThatEndsByItselfWasNotKilled() async throws {
        try await withEngine { engine in
            try await engine.berth("run", "--name", "cc", "-m", "32m", base, "sh", "-c", "exit 137")
            let state = try await engine.inspect("cc")["State"]
            #expect(state["ExitCode"].int == 137)
            #expect(state["OOMKilled"].bool == false)
        }
    }

    @Test func theKernelHoldsTheLimits() async throws {
        try await withEngine { engine in
            let id = try await engine.start(
                "--name", "cc", "-m", "64m", "--memory-swap", "128m", "--cpus", "0.5", "--pids-limit", "33", base,
                "sleep", "100")
            let groups = engine.groups(id)
            let memory = try #require(groups["memory"]), cpu = try #require(groups["cpu"]),
                pids = try #require(groups["pids"])
            func value(_ path: String) -> String { contents(path).trimmed }
            if exists(memory + "/memory.max") {
                #expect(value(memory + "/memory.max") == "67108864")
                #expect(value(memory + "/memory.swap.max") == "67108864")
                #expect(value(cpu + "/cpu.max") == "50000 100000")
            } else {
                #expect(value(memory + "/memory.limit_in_bytes") == "67108864")
                #expect(value(memory + "/memory.memsw.limit_in_bytes") == "134217728")
                #expect(value(cpu + "/cpu.cfs_quota_us") == "50000")
                #expect(value(cpu + "/cpu.cfs_period_us") == "100000")
            }
            #expect(value(pids + "/pids.max") == "33")
            let config = try await engine.inspect("cc")["HostConfig"]
            #expect(config["Memory"].int == 67_108_864)
            #expect(config["NanoCpus"].int == 500_000_000)
            #expect(config["PidsLimit"].int == 33)
        }
    }

    @Test func aForkBombStaysInItsBounds() async throws {
        try await withEngine { engine in
            let id = try await engine.start(
                "--name", "bomb", "--pids-limit", "64", "-m", "128m", "--cpus", "0.5", base, "sh", "-c",
                "b() { b | b & }; b & exec sleep 1000")
            let pids = try #require(engine.groups(id)["pids"])
            // The limit is met, never passed, and the host forks as before.
            let met = try await eventually(seconds: 15) {
                contents(pids + "/pids.events").split(separator: "\n").contains {
                    $0.hasPrefix("max ") && $0 != "max 0"
                }
            }
            #expect(met, "\(contents(pids + "/pids.current")) of \(contents(pids + "/pids.max"))")
            for _ in 0..<10 {
                #expect(Int(contents(pids + "/pids.current").trimmed) ?? 999 <= 64)
                #expect(try await command(["/bin/true"]).status == 0)
            }
            try await engine.ok("rm", "-f", "bomb")
            #expect(!exists(pids))
        }
    }

    @Test func cpuLimitThrottles() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--name", "busy", "--cpus", "0.2", base, "sh", "-c", "while :; do :; done")
            let group = try #require(engine.groups(id)["cpu"])
            func used() -> Double {
                // Microseconds on version 2; on version 1 nanoseconds of the accounting controller.
                if let line = contents(group + "/cpu.stat").split(separator: "\n").first(where: {
                    $0.hasPrefix("usage_usec ")
                }) {
                    return (Double(line.dropFirst(11)) ?? 0) / 1e6
                }
                let accounting = engine.groups(id)["cpuacct"] ?? group
                return (Double(contents(accounting + "/cpuacct.usage").trimmed) ?? 0) / 1e9
            }
            func throttled() -> Int {
                contents(group + "/cpu.stat").split(separator: "\n").first { $0.hasPrefix("nr_throttled ") }
                    .flatMap { Int($0.dropFirst(13)) } ?? -1
            }
            let start = (time: ContinuousClock.now, used: used(), throttled: throttled())
            try await Task.sleep(for: .seconds(3))
            let passed = (ContinuousClock.now - start.time) / .seconds(1)
            let share = (used() - start.used) / passed
            #expect(share <= 0.25, "a share of \(share)")
            #expect(share > 0.02, "the loop did run: \(share)")
            #expect(throttled() > start.throttled)
        }
    }

    @Test func aMemoryLimitTooSmallToStartIsExplained() async throws {
        try await withEngine { engine in
            let output = try await engine.berth("run", "--rm", "-m", "4k", base, "true")
            #expect(output.status == 125, "\(output.all)")
            #expect(output.err.lowercased().contains("memory"))
            #expect(output.err.trimmed.split(separator: "\n").count <= 2)
            #expect(try await engine.ok("ps", "-a", "-q").text == "")
        }
    }

    @Test(arguments: ["1x", "-5", "abc", "1.2.3m", "99999999999999999999g"])
    func nonsenseIsRefused(_ value: String) async throws {
        try await withEngine { engine in
            let output = try await engine.berth("run", "--rm", "--memory=\(value)", base, "true")
            #expect(output.status == 125, "\(output.all)")
            let cpus = try await engine.berth("run", "--rm", "--cpus=\(value)", base, "true")
            #expect(cpus.status == 125, "\(cpus.all)")
        }
    }
}
