import Glibc
import TestSupport
import Testing

/// Real terminals: sizes, resizing, keys that become signals, signals of the command itself.
@Suite struct TerminalTests {
    @Test func runWithATerminal() async throws {
        try await withEngine { engine in
            let child = try engine.session(
                "run", "--rm", "-it", base, "sh", streams: .terminal(rows: 33, columns: 101))
            await child.send("tty; stty size; echo term=$TERM\n")
            try await child.waitFor("term=xterm")
            let text = await child.outputSoFar()
            #expect(text.contains("/dev/pts/0") || text.contains("/dev/console"), "\(text)")
            #expect(text.contains("33 101"), "\(text)")
            await child.resize(rows: 20, columns: 66)
            try await Task.sleep(for: .milliseconds(300))
            await child.send("stty size\n")
            try await child.waitFor("20 66")
            await child.send("exit 5\n")
            #expect(try await child.finish(seconds: 15).status == 5)
        }
    }

    @Test func controlCInterruptsTheProgramNotTheContainer() async throws {
        try await withEngine { engine in
            let child = try engine.session("run", "--rm", "-it", base, "sh", streams: .terminal(rows: 24, columns: 80))
            await child.send("echo re''ady; sleep 100\n")
            try await child.waitFor("ready")
            try await Task.sleep(for: .milliseconds(200))
            await child.send("\u{3}")
            await child.send("echo al''ive; exit 3\n")
            try await child.waitFor("alive", seconds: 10)
            #expect(try await child.finish(seconds: 15).status == 3)
        }
    }

    @Test func execWithATerminal() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let child = try engine.session("exec", "-it", "cc", "sh", streams: .terminal(rows: 30, columns: 90))
            await child.send("stty size; tty\n")
            try await child.waitFor("30 90")
            await child.resize(rows: 12, columns: 34)
            try await Task.sleep(for: .milliseconds(300))
            await child.send("stty size; exit 9\n")
            try await child.waitFor("12 34")
            #expect(try await child.finish(seconds: 15).status == 9)
            #expect(try await engine.inspect("cc")["State"]["Running"].bool == true)
        }
    }

    @Test func theCallersTerminalIsRestored() async throws {
        try await withEngine { engine in
            let script =
                "stty -a >/tmp/berth-stty-$$.1; \(engine.words(["run", "--rm", "-it", base, "true"]).joined(separator: " ")); "
                + "stty -a >/tmp/berth-stty-$$.2; cmp /tmp/berth-stty-$$.1 /tmp/berth-stty-$$.2 && echo sa''me; rm -f /tmp/berth-stty-$$.*"
            let child = try Child(["/bin/bash", "-c", script], streams: .terminal(rows: 24, columns: 80))
            try await child.waitFor("same")
            _ = try await child.finish()
        }
    }

    @Test func aTerminalIsRefusedWithoutOne() async throws {
        try await withEngine { engine in
            let output = try await engine.berth("run", "--rm", "-it", base, "true", input: "")
            #expect(output.status != 0)
            #expect(output.err.lowercased().contains("tty") || output.err.contains("terminal"), "\(output.all)")
        }
    }

    @Test(arguments: [(SIGTERM, "TERM"), (SIGINT, "INT"), (SIGHUP, "HUP"), (SIGUSR1, "USR1")])
    func signalsAreForwarded(_ number: Int32, _ name: String) async throws {
        try await withEngine { engine in
            let child = try engine.session(
                "run", "--rm", base, "sh", "-c",
                "trap 'echo got-\(name); exit 42' \(name); echo ready; while :; do sleep 0.05; done")
            try await child.waitFor("ready")
            child.signal(number)
            let output = try await child.finish(seconds: 15)
            #expect(output.out.contains("got-\(name)"))
            #expect(output.status == 42)
        }
    }
}
