import Glibc
import TestSupport
import Testing

/// Real Docker with this runtime in place of runc.
@Suite(.enabled(if: installed("dockerd", "docker", "containerd"))) struct DockerPeerTests {
    /// A private daemon: no bridge, no rule, nothing of the machine's network.
    private struct Daemon: Sendable {
        let site: PeerSite
        var socket: String { site.path + "/sock" }

        func start() async throws -> Child {
            try write(
                """
                {"live-restore": true, "data-root": "\(site.path)/data", "exec-root": "\(site.path)/exec",
                 "pidfile": "\(site.path)/pid", "hosts": ["unix://\(socket)"], "iptables": false, "ip6tables": false,
                 "bridge": "none", "ip-forward": false, "storage-driver": "vfs", "cgroup-parent": "\(site.group)",
                 "runtimes": {"berth": {"path": "\(Repository.runtime)"}}, "default-runtime": "berth"}
                """, to: site.path + "/daemon.json")
            unlink(site.path + "/pid")
            let child = try site.daemon(["dockerd", "--config-file", site.path + "/daemon.json"])
            let up = try await eventually(seconds: 40) { try await docker("version").status == 0 }
            guard up else {
                throw ChildFailure(description: "dockerd did not start: \(contents(site.path + "/daemon.log"))")
            }
            return child
        }

        @discardableResult
        func docker(_ words: String..., input: String? = nil) async throws -> Output {
            try await command(
                ["docker"] + words, input: input,
                environment: ["DOCKER_HOST": "unix://\(socket)", "DOCKER_CONFIG": site.path + "/client"], seconds: 60)
        }
    }

    @Test func dockerRunsItsContainersOnIt() async throws {
        try await withPeer { site in
            let daemon = Daemon(site: site)
            // A child ends with its last owner: the one that runs is kept here.
            var process = try await daemon.start()
            do {
                #expect(try await daemon.docker("import", BaseImage.shared.tar(), "bb").status == 0)
                try await workload(daemon)
                try await outOfMemory(daemon)
                try await wrongPrograms(daemon)
                process = try await restart(daemon, process)
            } catch {
                Issue.record("\(error)")
            }
            try await shell("docker -H unix://\(daemon.socket) rm -f $(docker -H unix://\(daemon.socket) ps -aq)")
            try await site.stop(process)
        }
    }

    private func workload(_ daemon: Daemon) async throws {
        let hello = try await daemon.docker("run", "--rm", "bb", "echo", "hello")
        #expect(hello.status == 0 && hello.text == "hello", "\(hello.all)")
        let info = try await daemon.docker("info", "--format", "{{.DefaultRuntime}}")
        #expect(info.text == "berth")
        #expect(try await daemon.docker("run", "--rm", "-i", "bb", "cat", input: "through").text == "through")
        #expect(try await daemon.docker("run", "--rm", "bb", "sh", "-c", "exit 42").status == 42)

        let started = try await daemon.docker(
            "run", "-d", "--name", "web", "-m", "64m", "--pids-limit", "50", "--init", "bb", "sh", "-c",
            "trap 'echo got USR1' USR1; i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done")
        #expect(started.status == 0, "\(started.all)")
        let exec = try await daemon.docker(
            "exec", "-u", "1000:1000", "-w", "/tmp", "-e", "A=1", "web", "sh", "-c", "id -u; pwd; echo $A; exit 9")
        #expect(exec.status == 9 && exec.out == "1000\n/tmp\n1\n", "\(exec.all)")

        let process = try await daemon.docker("inspect", "-f", "{{.State.Pid}}", "web").text
        try await expectExplained(
            pid_t(process) ?? 0, engine: "docker", id: daemon.docker("inspect", "-f", "{{.Id}}", "web").text, memory: 64 << 20)

        #expect(try await daemon.docker("pause", "web").status == 0)
        #expect(try await daemon.docker("inspect", "-f", "{{.State.Status}}", "web").text == "paused")
        let lines = try await daemon.docker("logs", "web").lines.count
        try await Task.sleep(for: .milliseconds(400))
        #expect(try await daemon.docker("logs", "web").lines.count == lines, "a paused container goes on")
        #expect(try await daemon.docker("unpause", "web").status == 0)
        #expect(try await eventually { try await daemon.docker("logs", "web").lines.count > lines })

        #expect(try await daemon.docker("kill", "-s", "USR1", "web").status == 0)
        #expect(try await eventually { try await daemon.docker("logs", "web").out.contains("got USR1") })

        #expect(
            try await daemon.docker("update", "-m", "48m", "--memory-swap", "96m", "--cpus", "0.5", "web").status == 0)
        let files =
            exists("/sys/fs/cgroup/memory") ? "memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us" : "memory.max cpu.max"
        let limits = try await daemon.docker("exec", "web", "sh", "-c", "cd /sys/fs/cgroup; cat \(files)")
        #expect(limits.lines.first == "50331648" && limits.lines.last?.hasPrefix("50000") == true, "\(limits.all)")
        let stats = try await daemon.docker("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", "web")
        #expect(stats.text.contains("/ 48MiB"), "\(stats.all)")
        #expect(try await daemon.docker("top", "web").out.contains("line"))

        let terminal = try Child(
            ["docker", "-H", "unix://\(daemon.socket)", "run", "--rm", "-it", "bb", "sh"],
            streams: .terminal(rows: 31, columns: 91))
        try await terminal.waitFor("# ")
        // The client sets the size a moment after the start.
        await terminal.send("until stty size | grep '31 91'; do sleep 0.1; done; echo re''sized\n")
        try await terminal.waitFor("resized")
        await terminal.send("exit 3\n")
        #expect(try await terminal.finish(seconds: 30).status == 3)

        #expect(try await daemon.docker("restart", "-t", "1", "web").status == 0)
        #expect(try await daemon.docker("stop", "-t", "1", "web").status == 0)
        #expect(try await daemon.docker("rm", "web").status == 0)
    }

    private func outOfMemory(_ daemon: Daemon) async throws {
        let ended = try await daemon.docker(
            "run", "--name", "oom", "-m", "16m", "--memory-swap", "16m", "bb", "sh", "-c",
            "x=a; while :; do x=$x$x; done")
        #expect(ended.status == 137)
        #expect(
            try await daemon.docker("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", "oom").text
                == "true 137")
    }

    private func wrongPrograms(_ daemon: Daemon) async throws {
        let missing = try await daemon.docker("run", "--rm", "bb", "nosuch")
        #expect(missing.status == 127 && missing.err.contains("executable file not found"), "\(missing.all)")
        #expect(try await daemon.docker("run", "--rm", "bb", "/etc/passwd").status == 126)
        #expect(try await daemon.docker("run", "--rm", "bb", "/tmp").status == 126)
    }

    /// The daemon is killed; the container goes on, and the next daemon has it again.
    private func restart(_ daemon: Daemon, _ process: Child) async throws -> Child {
        let started = try await daemon.docker(
            "run", "-d", "--name", "lasting", "bb", "sh", "-c", "while :; do date +%s%N; sleep 0.1; done")
        #expect(started.status == 0, "\(started.all)")
        let pid = pid_t(try await daemon.docker("inspect", "-f", "{{.State.Pid}}", "lasting").text) ?? 0
        #expect(pid > 0)
        process.signal(SIGKILL)
        _ = try await process.finish(seconds: 20)
        #expect(Processes.isAlive(pid), "the container ended with the daemon")
        // Its containerd dies with it. A new daemon takes even a zombie for a running one and waits for its socket for ever: so
        // that this does not depend on how fast process 1 reaps, the number goes.
        let containerd = daemon.site.path + "/exec/containerd/containerd.pid"
        if let pid = pid_t(contents(containerd).trimmed) {
            _ = try await eventually(seconds: 10) { !Processes.isAlive(pid) }
        }
        unlink(containerd)
        let second = try await daemon.start()
        #expect(
            try await daemon.docker("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", "lasting").text
                == "\(pid) true")
        #expect(try await daemon.docker("exec", "lasting", "echo", "back").text == "back")
        let lines = try await daemon.docker("logs", "lasting").lines.count
        #expect(try await eventually { try await daemon.docker("logs", "lasting").lines.count > lines })
        #expect(try await daemon.docker("rm", "-f", "lasting").status == 0)
        return second
    }
}
