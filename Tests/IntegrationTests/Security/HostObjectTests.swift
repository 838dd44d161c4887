import TestSupport
import Testing

/// Things of the host's that a container once could reach: each found by an attack.
@Suite struct HostObjectTests {
    /// Masked files are covered by the machine's own /dev/null: neither a start nor a container may change it.
    @Test func theHostsNullDeviceStaysAsItIs() async throws {
        try await withEngine { engine in
            let before = try await shell("stat -c '%a %u %g %Y' /dev/null").text
            try await engine.ok("run", "--rm", base, "true")
            for users in ["private", "host"] {
                let options = users == "host" ? "--userns=host" : "--network=none"
                for change in ["chmod 600", "chown 1", "touch -d 2001-01-01"] {
                    let output = try await engine.berth("run", "--rm", options, base, "sh", "-c", "\(change) /proc/keys")
                    #expect(output.status != 0, "\(users) \(change)")
                }
            }
            #expect(try await shell("stat -c '%a %u %g %Y' /dev/null").text == before)
        }
    }

    /// What `exec` hands in are pipes of its own, never the caller's terminal or files.
    @Test func execHandsInNothingOfTheCallers() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let output = try await shell(
                "\(Repository.program) --root \(engine.root) exec cc ls -l /proc/self/fd </etc/hostname >/var/tmp/berth-exec-out; cat /var/tmp/berth-exec-out; rm /var/tmp/berth-exec-out",
                seconds: 20)
            #expect(output.out.contains("pipe:"))
            #expect(!output.out.contains("berth-exec-out") && !output.out.contains("/etc/hostname"))
        }
    }

    @Test func execPassesInputAndOutputOfAnySize() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let program = "\(Repository.program) --root \(engine.root) exec -i cc"
            let piped = try await shell("head -c 3000000 /dev/zero | \(program) cat | wc -c", seconds: 30)
            #expect(piped.text == "3000000")
            let file = try await shell("head -c 500000 /dev/zero >\(engine.root)/f; \(program) wc -c <\(engine.root)/f", seconds: 30)
            #expect(file.text == "500000")
            #expect(try await engine.berth("exec", "cc", "sh", "-c", "echo o; echo e >&2; exit 3").status == 3)
        }
    }

    /// CVE-2019-5736: where root is the host's root, the program's file is seen through a read-only mount.
    @Test func theProgramCannotBeWrittenToFromInside() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "--userns=host", base, "sleep", "100")
            let monitor = try await engine.monitor("cc")
            let refused = try await shell("chmod 755 /proc/\(monitor)/exe 2>&1; (: >>/proc/\(monitor)/exe) 2>&1; echo end")
            #expect(refused.out.contains("Read-only file system"), "\(refused.all)")
            let own = try await engine.berth("run", "--rm", base, "/proc/self/exe", "version")
            #expect(own.status == 126)
        }
    }

    @Test func aReaderThatLeavesEndsTheCommand() async throws {
        try await withEngine { engine in
            let output = try await shell(
                "timeout 20 \(Repository.program) --root \(engine.root) run --name cc \(base) yes | head -n 1; echo ${PIPESTATUS[0]}",
                seconds: 30)
            #expect(output.out.contains("y\n141"), "\(output.all)")
            try await engine.ok("rm", "-f", "cc")
        }
    }

    @Test func aFastLogCanBeFollowed() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "yes")
            let output = try await shell("timeout 20 \(Repository.program) --root \(engine.root) logs -f cc | head -n 1", seconds: 30)
            #expect(output.text == "y")
        }
    }

    @Test func aReadOnlyContainerCannotEditItsNameFiles() async throws {
        try await withEngine { engine in
            let output = try await engine.berth(
                "run", "--rm", "--read-only", base, "sh", "-c",
                "for f in hosts hostname resolv.conf; do (echo x >>/etc/$f) 2>/dev/null && echo wrote $f; done; echo end")
            #expect(output.text == "end")
            #expect(try await engine.berth("run", "--rm", "-w", "/a/../var", base, "pwd").text == "/var")
        }
    }
}
