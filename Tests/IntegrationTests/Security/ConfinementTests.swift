import TestSupport
import Testing

/// What a default container must not do to its host. Every target is harmless where the attack would work.
@Suite struct ConfinementTests {
    @Test(arguments: [
        "mount -t tmpfs x /mnt", "mount -o remount,rw /sys", "mount -o bind / /mnt", "mount -t proc p /tmp",
        "unshare -U true", "unshare -m true", "unshare -n true", "unshare -p true",
        "mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda",
        "hostname other", "echo x >/proc/sys/kernel/domainname", "echo 1 >/proc/sys/vm/drop_caches",
        "cat /proc/kcore | head -c 1 | grep .",
        "nsenter -t 1 -m true", "dmesg", "ip link add x type bridge", "umount /proc",
        "umount /sys/firmware || umount /proc/kcore",
    ])
    func denied(_ script: String) async throws {
        try await withEngine { engine in
            let output = try await engine.berth("run", "--rm", "--cap-drop", "NET_ADMIN", base, "sh", "-c", script)
            #expect(output.status != 0, "\(script): \(output.all)")
        }
    }

    @Test func controlGroupsAreReadOnly() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                "for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name release_agent -o -name memory.max -o -name memory.limit_in_bytes); do (echo 0 >$f) 2>/dev/null && echo wrote $f; done; mkdir /sys/fs/cgroup/x 2>/dev/null && echo made; echo end"
            )
            #expect(output.text == "end")
        }
    }

    @Test func aFloodingLogIsReadWhileItRuns() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "cc", base, "sh", "-c", "yes | head -c 30000000; echo last-line; sleep 100")
            let finished = try await eventually(seconds: 30) {
                try await engine.berth("logs", "--tail", "1", "cc").out.contains("last-line")
            }
            #expect(finished)
        }
    }

    @Test func aContainerThatStopsItselfCanBeRemoved() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "--init", base, "sh", "-c", "kill -STOP $$; sleep 100")
            try await Task.sleep(for: .milliseconds(200))
            try await engine.ok("rm", "-f", "cc", seconds: 20)
            try await engine.start(
                "--name", "dd", base, "sh", "-c",
                "(trap '' TERM HUP; setsid sleep 1000 &) ; (setsid sh -c 'sleep 1000' &); exit 0")
            let ended = try await eventually { try await engine.inspect("dd")["State"]["Running"].bool == false }
            #expect(ended)
        }
    }

    @Test func aTerminalThatNobodyReadsBlocksNobodyElse() async throws {
        try await withEngine { engine in
            try await engine.start("-t", "--name", "cc", base, "sh", "-c", "yes")
            try await Task.sleep(for: .milliseconds(300))
            #expect(try await engine.ok("exec", "cc", "echo", "well", seconds: 20).text == "well")
            try await engine.ok("rm", "-f", "cc", seconds: 20)
        }
    }
}
