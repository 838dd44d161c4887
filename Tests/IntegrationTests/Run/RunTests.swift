import TestSupport
import Testing

/// What a program in a container gets from the command line, and what comes back of it.
@Suite struct RunTests {
    @Test func theProgramsExitStatusIsReturned() async throws {
        try await withEngine { engine async throws in
            #expect(try await engine.berth("run", "--rm", base, "true").status == 0)
            #expect(try await engine.berth("run", "--rm", base, "sh", "-c", "exit 7").status == 7)
            #expect(try await engine.berth("run", "--rm", base, "sh", "-c", "exit 255").status == 255)
        }
    }

    @Test func aSignalThatEndsTheProgramIsInItsStatus() async throws {
        try await withEngine { engine in
            // The shell is PID 1's child here, and PID 1 passes on what ended it.
            let output = try await engine.berth("run", "--rm", "--init", base, "sh", "-c", "kill -TERM $$; sleep 9")
            #expect(output.status == 143, "\(output.all)")
        }
    }

    @Test func outputAndErrorsStayApart() async throws {
        try await withEngine { engine in
            let output = try await engine.sh("echo to-out; echo to-err >&2")
            #expect(output.out == "to-out\n")
            #expect(output.err == "to-err\n")
        }
    }

    @Test func largeOutputArrivesWhole() async throws {
        try await withEngine { engine in
            let output = try await engine.sh("seq 1 200000")
            #expect(output.lines.count == 200_000)
            #expect(output.lines.last == "200000")
        }
    }

    @Test func standardInputReachesTheProgramOnlyWithInteractive() async throws {
        try await withEngine { engine async throws in
            #expect(try await engine.berth("run", "--rm", "-i", base, "cat", input: "hello\n").out == "hello\n")
            #expect(try await engine.berth("run", "--rm", base, "cat", input: "hello\n").out == "")
            let big = String(repeating: "0123456789abcde\n", count: 20_000)
            #expect(try await engine.berth("run", "--rm", "-i", base, "md5sum", input: big).status == 0)
            #expect(try await engine.berth("run", "--rm", "-i", base, "wc", "-c", input: big).text == "320000")
        }
    }

    @Test func environment() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let file = scratch.path + "/env"
            try write("# a comment\n\nFROM_FILE=one two\nBOTH=file\nEMPTY=\n", to: file)
            let output = try await engine.sh(
                "echo \"[$A][$FROM_FILE][$BOTH][${EMPTY-unset}][$HOME][$PATH]\"", "-e", "A=x=y", "--env-file", file,
                "-e", "BOTH=flag")
            #expect(
                output.text
                    == "[x=y][one two][flag][][/root][/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin]")
            // A name alone takes the caller's value.
            let child = try Child(
                engine.words(["run", "--rm", "-e", "OUTER", "-e", "MISSING", base, "env"]),
                environment: ["OUTER": "from outside"])
            let environment = try await child.finish()
            #expect(environment.lines.contains("OUTER=from outside"))
            #expect(!environment.out.contains("MISSING"))
        }
    }

    @Test func workingDirectoryAndUser() async throws {
        try await withEngine { engine in
            #expect(try await engine.sh("pwd", "-w", "/var/www").text == "/var/www")
            // As Docker: a missing one is made.
            #expect(
                try await engine.sh("pwd; ls -ld . | cut -c1-10", "-w", "/new/place").text == "/new/place\ndrwxr-xr-x")
            #expect(
                try await engine.sh("id -u; id -g; id -G; echo $HOME", "-u", "www").text
                    == "1000\n1000\n1000 2000\n/home/www")
            #expect(try await engine.sh("id -u; id -g", "-u", "1234:5678").text == "1234\n5678")
            #expect(try await engine.sh("id -u; id -g", "-u", "www:nogroup").text == "1000\n65534")
            let unknown = try await engine.berth("run", "--rm", "-u", "nobody-knows", base, "true")
            #expect(unknown.status != 0)
            #expect(unknown.err.contains("nobody-knows"))
        }
    }

    @Test func hostname() async throws {
        try await withEngine { engine in
            #expect(
                try await engine.sh("hostname; cat /etc/hostname; grep -c box /etc/hosts", "--hostname", "box").text
                    == "box\nbox\n1")
            let id = try await engine.start("--name", "nn", base, "sleep", "100")
            #expect(try await engine.ok("exec", "nn", "hostname").text == String(id.prefix(12)))
        }
    }

    @Test func entrypoint() async throws {
        try await withEngine { engine async throws in
            #expect(try await engine.ok("run", "--rm", "--entrypoint", "echo", base, "a", "b").text == "a b")
            #expect(
                try await engine.ok("run", "--rm", "--entrypoint", "/bin/hostname", "--hostname", "x", base).text == "x"
            )
        }
    }

    @Test func readOnlyRootAndTmpfs() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                "touch /x 2>&1; touch /etc/x 2>&1; echo a >/scratch/f && cat /scratch/f; grep ' /scratch ' /proc/mounts; df -m /scratch | tail -1",
                "--read-only", "--tmpfs", "/scratch:size=7m,mode=1777")
            #expect(output.out.contains("Read-only file system"))
            #expect(!output.out.contains("touch: /x: Permission"))
            #expect(output.lines.contains("a"))
            #expect(output.out.contains("tmpfs /scratch tmpfs rw,nosuid,nodev,noexec"))
            #expect(output.out.contains("size=7168k"))
            #expect(!exists("/scratch"))
        }
    }

    @Test func labelsAndNamesAreKept() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "one", "--label", "a=b", "--label", "only", "-e", "K=V", base, "sleep", "100")
            let one = try await engine.inspect("one")
            #expect(one["Name"].string == "/one")
            #expect(one["Config"]["Labels"]["a"].string == "b")
            #expect(one["Config"]["Labels"]["only"].string == "")
            #expect(one["Config"]["Cmd"][0].string == "sleep")
            #expect(one["State"]["Running"].bool == true)
            #expect(one["Id"].string?.count == 64)
        }
    }

    @Test func initReapsOrphans() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "reaped", "--init", base, "sh", "-c", "while :; do (sleep 0.01 &); sleep 0.02; done")
            try await engine.start("--name", "plain", base, "sh", "-c", "(sleep 0.01 &) ; exec sleep 100")
            try await Task.sleep(for: .milliseconds(800))
            let zombies = "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l"
            #expect(Int(try await engine.ok("exec", "reaped", "sh", "-c", zombies).text) ?? 99 <= 2)
            // The counter-proof: sleep as PID 1 reaps nothing.
            #expect(try await engine.ok("exec", "plain", "sh", "-c", zombies).text == "1")
            #expect(try await engine.ok("exec", "reaped", "cat", "/proc/1/comm").text != "sh")
        }
    }

    @Test func commandsOfOneEngineDoNotMixWithAnother() async throws {
        try await withEngine { first in
            try await withEngine { second in
                try await first.start("--name", "same", base, "sleep", "100")
                try await second.start("--name", "same", base, "sleep", "100")
                try await first.ok("rm", "-f", "same")
                #expect(try await second.inspect("same")["State"]["Running"].bool == true)
            }
        }
    }
}
