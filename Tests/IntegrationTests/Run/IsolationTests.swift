import Glibc
import TestSupport
import Testing

/// What a container sees of itself, and that it sees nothing of the host.
@Suite struct IsolationTests {
    @Test func ownProcessTree() async throws {
        try await withEngine { engine in
            let output = try await engine.sh("echo $$; ps -o pid,comm | tail -n +2")
            #expect(output.lines.first == "1")
            #expect(output.lines.count <= 5, "\(output.out)")
        }
    }

    @Test func everyNamespaceIsItsOwn() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let pid = try await engine.process("cc")
            for kind in ["pid", "mnt", "net", "uts", "ipc", "user", "cgroup"] {
                let own = link("/proc/\(pid)/ns/\(kind)"), host = link("/proc/self/ns/\(kind)")
                #expect(own != nil && own != host, "\(kind): \(own ?? "nil")")
            }
        }
    }

    @Test func rootIsNobodyOnTheHost() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let pid = try await engine.process("cc")
            let map = contents("/proc/\(pid)/uid_map").split { $0.isWhitespace }.compactMap { Int($0) }
            try #require(map.count == 3)
            #expect(map[0] == 0)
            #expect(map[1] >= 65536)
            #expect(map[2] >= 65536)
            #expect(owner("/proc/\(pid)")?.uid == UInt32(map[1]))
            #expect(try await engine.ok("exec", "cc", "id", "-u").text == "0")
            #expect(contents("/proc/\(pid)/setgroups").hasPrefix("allow"))
            // Another container has other ids.
            try await engine.start("--name", "dd", base, "sleep", "100")
            let other = contents("/proc/\(try await engine.process("dd"))/uid_map").split { $0.isWhitespace }.compactMap
            { Int($0) }
            #expect(other.count == 3 && (other[1] >= map[1] + map[2] || map[1] >= other[1] + other[2]))
        }
    }

    @Test func hostUsersOnRequest() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "--userns=host", base, "sleep", "100")
            let pid = try await engine.process("cc")
            #expect(link("/proc/\(pid)/ns/user") == link("/proc/self/ns/user"))
            #expect(owner("/proc/\(pid)")?.uid == 0)
        }
    }

    @Test func mountsOfTheHostAreNotThere() async throws {
        try await withEngine { engine in
            let output = try await engine.sh("cut -d' ' -f2 /proc/mounts; ls /")
            let host = contents("/proc/self/mounts").split(separator: "\n").map { String($0.split(separator: " ")[1]) }
            let shared: Set = ["/", "/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"]
            let standard = ["/proc/", "/sys/", "/dev/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]
            for line in output.lines where line.hasPrefix("/") && !shared.contains(line) {
                if standard.contains(where: line.hasPrefix) { continue }
                #expect(!host.contains(line), "\(line) is a mount of the host")
            }
            #expect(!output.out.contains(engine.root))
        }
    }

    @Test func ownInterfaceAddressAndRoute() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let output = try await engine.ok("exec", "cc", "ip", "-4", "-o", "addr", "show")
            #expect(output.lines.count == 2, "\(output.out)")
            let address = try #require(try await engine.inspect("cc")["NetworkSettings"]["IPAddress"].string)
            #expect(output.out.contains(" \(address)/"))
            #expect(try await engine.ok("exec", "cc", "ip", "route").out.contains("default via "))
            // Both directions.
            #expect(try await command(["ping", "-c1", "-W2", address]).status == 0)
            let gateway = try #require(try await engine.inspect("cc")["NetworkSettings"]["Gateway"].string)
            #expect(try await engine.berth("exec", "cc", "ping", "-c1", "-W2", gateway).status == 0)
        }
    }

    @Test func networkNoneHasOnlyLoopback() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                "ls /sys/class/net; ping -c1 -W1 127.0.0.1 >/dev/null && echo up; ip route", "--network", "none")
            #expect(output.text == "lo\nup")
        }
    }

    @Test func networkHostIsTheHosts() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", "--network", "host", base, "sleep", "100")
            let pid = try await engine.process("cc")
            #expect(link("/proc/\(pid)/ns/net") == link("/proc/self/ns/net"))
            #expect(link("/proc/\(pid)/ns/pid") != link("/proc/self/ns/pid"))
        }
    }

    @Test func ownControlGroupRoot() async throws {
        try await withEngine { engine in
            let output = try await engine.sh("cat /proc/self/cgroup")
            for line in output.lines { #expect(line.hasSuffix(":/"), "\(line)") }
            #expect(!output.lines.isEmpty)
        }
    }

    @Test func capabilitiesSeccompAndPrivileges() async throws {
        try await withEngine { engine in
            let status = try await engine.sh("grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status")
            func value(_ name: String) -> String? {
                status.lines.first { $0.hasPrefix(name + ":") }?.split(separator: "\t").last.map { String($0).trimmed }
            }
            // Docker's fourteen.
            #expect(value("CapBnd") == "00000000a80425fb")
            #expect(value("CapEff") == "00000000a80425fb")
            #expect(value("CapInh") == "0000000000000000")
            #expect(value("Seccomp") == "2")
            #expect(value("NoNewPrivs") == "0")
            let strict = try await engine.sh("grep NoNewPrivs /proc/self/status", "--security-opt", "no-new-privileges")
            #expect(strict.text.hasSuffix("1"))
            let user = try await engine.sh("grep -E '^Cap(Eff|Prm|Inh|Amb)' /proc/self/status", "-u", "www")
            for line in user.lines { #expect(line.hasSuffix("0000000000000000"), "\(line)") }
        }
    }

    @Test func execHasTheSameBounds() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let status = try await engine.ok(
                "exec", "cc", "sh", "-c", "grep -E '^(Cap|Seccomp:)' /proc/self/status; cat /proc/self/cgroup; id -u")
            #expect(status.out.contains("CapBnd:\t00000000a80425fb"))
            #expect(status.out.contains("CapInh:\t0000000000000000"))
            #expect(status.out.contains("Seccomp:\t2"))
            for line in status.lines where line.contains(":/") { #expect(line.hasSuffix(":/"), "\(line)") }
            let pid = try await engine.process("cc")
            let child = try engine.session("exec", "cc", "sleep", "31415")
            var inner: pid_t?
            _ = try await eventually {
                inner = Processes.mentioning("sleep 31415").map(\.pid).first {
                    link("/proc/\($0)/ns/pid") == link("/proc/\(pid)/ns/pid")
                }
                return inner != nil
            }
            let found = try #require(inner)
            for kind in ["mnt", "net", "uts", "ipc", "user", "cgroup"] {
                #expect(link("/proc/\(found)/ns/\(kind)") == link("/proc/\(pid)/ns/\(kind)"), "\(kind)")
            }
            child.signalGroup(9)
            _ = try await child.finish()
        }
    }

    @Test func maskedAndReadOnlyPaths() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                """
                cat /proc/kcore 2>&1 | head -c 10 | wc -c; cat /proc/keys 2>/dev/null | wc -c; ls /proc/scsi /sys/firmware 2>/dev/null | wc -l
                for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
                    (echo x >$f) 2>/dev/null && echo "wrote $f"
                done
                (echo 1 >/sys/kernel/mm/ksm/run) 2>/dev/null && echo "wrote sys"; echo end
                """)
            #expect(output.lines.suffix(1) == ["end"])
            #expect(!output.out.contains("wrote"), "\(output.out)")
        }
    }

    @Test func devicesAreTheUsualOnes() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                "echo x >/dev/null && head -c 4 /dev/urandom | wc -c; ls /dev; mknod /tmp/d c 1 3 2>&1; readlink /dev/fd; readlink /dev/ptmx; df /dev/shm | tail -1"
            )
            for name in [
                "null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "mqueue", "fd", "stdin", "stdout",
                "stderr", "ptmx",
            ] {
                #expect(output.lines.contains(name), "/dev/\(name)")
            }
            #expect(!output.lines.contains("kmsg"))
            #expect(output.out.contains("/proc/self/fd"))
        }
    }

    @Test func onlyTheThreeStandardDescriptorsAreOpen() async throws {
        try await withEngine { engine in
            // ls has the directory itself open too.
            let run = try await engine.berth("run", "--rm", base, "ls", "/proc/self/fd")
            #expect(run.lines == ["0", "1", "2", "3"], "\(run.out)")
            try await engine.start("--name", "cc", base, "sleep", "100")
            let exec = try await engine.ok("exec", "cc", "ls", "/proc/self/fd")
            #expect(exec.lines == ["0", "1", "2", "3"], "\(exec.out)")
            let pid = try await engine.process("cc")
            #expect(list("/proc/\(pid)/fd").sorted() == ["0", "1", "2"])
        }
    }

    @Test func anUnprivilegedUserServesPort80AndPings() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "web", "-u", "www", base, "httpd", "-f", "-p", "80", "-h", "/var/www")
            let address = try #require(try await engine.inspect("web")["NetworkSettings"]["IPAddress"].string)
            let answered = try await eventually {
                try await shell("curl -s -m 2 http://\(address)/").out.contains("Hello from")
            }
            #expect(answered)
            #expect(try await engine.berth("exec", "web", "id", "-u").text == "1000")
            // Busybox's ping takes a raw socket, which only root has; others take the kernel's own ping socket (icmp(7)),
            // as iputils does. Asked for from inside, by a program of the host.
            #expect(try await engine.berth("exec", "-u", "0", "web", "ping", "-c1", "-W2", "127.0.0.1").status == 0)
            let pid = try await engine.process("web")
            let socket = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)"
            let ping = try await command([
                "nsenter", "-t", "\(pid)", "-U", "-n", "-S", "1000", "-G", "1000", "python3", "-c", socket,
            ])
            #expect(ping.status == 0, "\(ping.all)")
        }
    }
}
