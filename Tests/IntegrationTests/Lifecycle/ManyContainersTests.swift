import TestSupport
import Testing

/// Many at once.
@Suite struct ManyContainersTests {
    @Test func fiftyAtOnce() async throws {
        try await withEngine { engine in
            let run = engine.words(["run", "-d", "--name"]).joined(separator: " ")
            let output = try await shell(
                """
                for i in $(seq 50); do
                    \(run) many$i \(base) sh -c 'echo up; exec sleep 600' >/dev/null 2>\(engine.root)/err.$i &
                    pids="$pids $!"
                done
                failed=0; for p in $pids; do wait $p || failed=$((failed + 1)); done
                cat \(engine.root)/err.*; echo "failed $failed"
                """, seconds: 180)
            #expect(output.lines.last == "failed 0", "\(output.all)")
            #expect(try await engine.ok("ps", "-q").lines.count == 50)
            let names = (1...50).map { "many\($0)" }
            let inspected = try JSON(try await command(engine.words(["inspect"] + names)).out)
            var addresses: Set<String> = [], bases: Set<String> = []
            for index in 0..<50 {
                let one = inspected[index]
                #expect(one["State"]["Running"].bool == true)
                if let address = one["NetworkSettings"]["IPAddress"].string { addresses.insert(address) }
                if let pid = one["State"]["Pid"].int { bases.insert(contents("/proc/\(pid)/uid_map")) }
            }
            #expect(addresses.count == 50)
            #expect(bases.count == 50)
            #expect(try await engine.ok("exec", "many50", "cat", "/proc/1/comm").text == "sleep")
            let removed = try await command(engine.words(["rm", "-f"] + names), seconds: 120)
            #expect(removed.status == 0, "\(removed.all)")
            #expect(try await engine.ok("ps", "-a", "-q").text == "")
            // Without a trace even before the engine itself is removed.
            var rest: [String] = []
            let clean = try await eventually {
                rest =
                    list("/sys/class/net").filter { $0.hasPrefix("v\(engine.token)-") }
                    + list("\(engine.root)/containers") + list("\(engine.root)/names")
                    + list("\(engine.root)/run/containers")
                    + Processes.mentioning(engine.root).map(\.command)
                    + contents("/proc/self/mountinfo").split(separator: "\n").map(String.init).filter {
                        $0.contains(engine.root)
                    }
                return rest.isEmpty
            }
            #expect(clean, "\(rest)")
        }
    }

    @Test func manyShortOnesLeaveNothing() async throws {
        try await withEngine { engine in
            let run = engine.words(["run", "--rm", base, "true"]).joined(separator: " ")
            let count = 40 * Repository.scale
            let output = try await shell(
                "for i in $(seq \(count)); do \(run) || echo failed $i $?; done; echo end", seconds: 60 + Double(count))
            #expect(output.text == "end", "\(output.all)")
            #expect(try await engine.ok("ps", "-a", "-q").text == "")
            #expect(list("\(engine.root)/containers").isEmpty)
        }
    }
}
