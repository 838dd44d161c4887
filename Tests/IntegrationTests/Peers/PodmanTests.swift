import Glibc
import TestSupport
import Testing

/// Real Podman with this runtime in place of runc.
@Suite(.enabled(if: installed("podman", "conmon"))) struct PodmanPeerTests {
    private struct Podman: Sendable {
        let site: PeerSite

        @discardableResult
        func callAsFunction(_ words: String...) async throws -> Output {
            try await command(self.words(words), seconds: 60)
        }

        func words(_ words: [String]) -> [String] {
            [
                "podman", "--runtime", Repository.runtime, "--root", site.path + "/root", "--runroot",
                site.path + "/run",
                "--tmpdir", site.path + "/tmp", "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs",
                "--events-backend", "none",
            ] + words
        }

        /// Its own defaults of limits are beyond what this machine's root may set.
        func options(_ words: String...) -> [String] {
            [
                "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=1000:1000", "--network", "none", "--cgroup-parent",
                site.group,
            ]
                + words
        }

        @discardableResult
        func run(_ words: String...) async throws -> Output {
            try await command(self.words(["run"] + options() + words), seconds: 60)
        }
    }

    @Test func podmanRunsItsContainersOnIt() async throws {
        try await withPeer { site in
            let podman = Podman(site: site)
            #expect(try await podman("import", BaseImage.shared.tar(), "bb").status == 0)
            let version = try await podman("info", "--format", "{{.Host.OCIRuntime.Version}}")
            #expect(version.out.hasPrefix("berth-runtime version "), "\(version.all)")
            let hello = try await podman.run("--rm", "bb", "echo", "hello")
            #expect(hello.status == 0 && hello.text == "hello", "\(hello.all)")
            #expect(try await podman.run("--rm", "bb", "sh", "-c", "exit 42").status == 42)
            let missing = try await podman.run("--rm", "bb", "nosuch")
            #expect(missing.status == 127, "\(missing.all)")
            #expect(try await podman.run("--rm", "bb", "/etc/passwd").status == 126)
            try await workload(podman)
            let ended = try await podman.run(
                "--name", "oom", "-m", "16m", "--memory-swap", "16m", "bb", "sh", "-c", "x=a; while :; do x=$x$x; done")
            #expect(ended.status == 137)
            #expect(try await podman("rm", "-f", "-t", "0", "oom").status == 0)
            // conmon notes the event in the directory it was started in.
            unlink("oom")
        }
    }

    private func workload(_ podman: Podman) async throws {
        let started = try await podman.run(
            "-d", "--name", "web", "-m", "64m", "bb", "sh", "-c",
            "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done")
        #expect(started.status == 0, "\(started.all)")
        let exec = try await podman(
            "exec", "-u", "1000:1000", "-w", "/tmp", "-e", "A=1", "web", "sh", "-c", "id -u; pwd; echo $A; exit 9")
        #expect(exec.status == 9 && exec.out == "1000\n/tmp\n1\n", "\(exec.all)")
        #expect(try await podman("exec", "web", "nosuch").status == 127)
        try await expectExplained(
            pid_t(podman("inspect", "-f", "{{.State.Pid}}", "web").text) ?? 0, engine: "podman",
            id: podman("inspect", "-f", "{{.Id}}", "web").text, memory: 64 << 20)
        #expect(try await podman("pause", "web").status == 0)
        #expect(try await podman("ps", "-a", "--format", "{{.Status}}").text.hasPrefix("Paused"))
        #expect(try await podman("unpause", "web").status == 0)
        let updated = try await podman("update", "-m", "48m", "--cpus", "0.5", "web")
        #expect(updated.status == 0, "\(updated.all)")
        let files =
            exists("/sys/fs/cgroup/memory") ? "memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us" : "memory.max cpu.max"
        let limits = try await podman("exec", "web", "sh", "-c", "cd /sys/fs/cgroup; cat \(files)")
        #expect(limits.lines.first == "50331648" && limits.lines.last?.hasPrefix("50000") == true, "\(limits.all)")
        #expect(try await podman("stats", "--no-stream", "--format", "{{.PIDs}}", "web").status == 0)
        #expect(try await podman("top", "web").out.contains("line"))
        #expect(try await podman("logs", "--tail", "1", "web").out.contains("line "))
        let terminal = try Child(
            podman.words(["exec", "-it", "web", "sh"]), streams: .terminal(rows: 31, columns: 91))
        try await terminal.waitFor("# ")
        await terminal.send("until stty size | grep '31 91'; do sleep 0.1; done; exit 3\n")
        #expect(try await terminal.finish(seconds: 30).status == 3)
        #expect(try await podman("stop", "-t", "1", "web").status == 0)
        #expect(try await podman("start", "web").status == 0)
        #expect(try await podman("rm", "-f", "-t", "0", "web").status == 0)
    }
}
