import Glibc
import TestSupport
import Testing

/// Real containerd with this runtime in place of runc.
@Suite(.enabled(if: installed("containerd", "ctr", "skopeo"))) struct ContainerdPeerTests {
    private struct Containerd: Sendable {
        let site: PeerSite

        func start() async throws -> Child {
            try write(
                """
                version = 2
                root = "\(site.path)/root"
                state = "\(site.path)/state"
                disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
                [grpc]
                address = "\(site.path)/sock"
                [ttrpc]
                address = "\(site.path)/ttrpc"
                """, to: site.path + "/config.toml")
            let child = try site.daemon(["containerd", "-c", site.path + "/config.toml"])
            let up = try await eventually(seconds: 30) { try await ctr("version").status == 0 }
            guard up else {
                throw ChildFailure(description: "containerd did not start: \(contents(site.path + "/daemon.log"))")
            }
            return child
        }

        @discardableResult
        func ctr(_ words: String...) async throws -> Output {
            try await command(["ctr", "-a", site.path + "/sock"] + words, seconds: 60)
        }

        @discardableResult
        func run(_ options: [String], _ name: String, _ words: String...) async throws -> Output {
            try await command(
                [
                    "ctr", "-a", site.path + "/sock", "run", "--snapshotter", "native", "--runc-binary",
                    Repository.runtime,
                ]
                    + ["--cgroup", "\(site.group)/\(name)"] + options + ["docker.io/library/bb:latest", name] + words,
                seconds: 60)
        }
    }

    @Test func containerdRunsItsContainersOnIt() async throws {
        try await withPeer { site in
            let containerd = Containerd(site: site)
            let process = try await containerd.start()
            do { try await workload(containerd) } catch { Issue.record("\(error)") }
            try await containerd.ctr("task", "kill", "-s", "KILL", "web")
            try await containerd.ctr("task", "delete", "--force", "web")
            try await containerd.ctr("container", "delete", "web")
            try await site.stop(process)
        }
    }

    private func workload(_ containerd: Containerd) async throws {
        let archive = containerd.site.path + "/bb.tar"
        let copied = try await command([
            "skopeo", "copy", "--insecure-policy", "tarball:\(BaseImage.shared.tar())",
            "oci-archive:\(archive):docker.io/library/bb:latest",
        ])
        #expect(copied.status == 0, "\(copied.all)")
        let loaded = try await containerd.ctr("images", "import", "--snapshotter", "native", archive)
        #expect(loaded.status == 0, "\(loaded.all)")
        let hello = try await containerd.run(["--rm"], "hello", "echo", "hello")
        #expect(hello.status == 0 && hello.text == "hello", "\(hello.all)")
        #expect(try await containerd.run(["--rm"], "code", "sh", "-c", "exit 42").status == 42)
        let missing = try await containerd.run(["--rm"], "wrong", "nosuch")
        #expect(missing.status != 0 && missing.err.contains("executable file not found"), "\(missing.all)")

        let started = try await containerd.run(
            ["-d", "--memory-limit", "67108864"], "web", "sh", "-c", "while :; do sleep 0.2; done")
        #expect(started.status == 0, "\(started.all)")
        #expect(try await containerd.ctr("task", "exec", "--exec-id", "e1", "web", "echo", "inside").text == "inside")
        #expect(try await containerd.ctr("task", "exec", "--exec-id", "e2", "web", "sh", "-c", "exit 9").status == 9)
        let terminal = try Child(
            ["ctr", "-a", containerd.site.path + "/sock", "task", "exec", "-t", "--exec-id", "e3", "web", "sh"],
            streams: .terminal(rows: 31, columns: 91))
        try await terminal.waitFor("# ")
        await terminal.send("tty; exit 3\n")
        try await terminal.waitFor("/dev/pts/")
        #expect(try await terminal.finish(seconds: 30).status == 3)
        #expect(try await containerd.ctr("task", "pause", "web").status == 0)
        #expect(try await containerd.ctr("task", "ls").out.contains("PAUSED"))
        #expect(try await containerd.ctr("task", "resume", "web").status == 0)
        #expect(try await containerd.ctr("task", "ls").out.contains("RUNNING"))
        let metrics = try await containerd.ctr("task", "metrics", "web")
        #expect(metrics.out.contains("67108864") || !exists("/sys/fs/cgroup/memory"), "\(metrics.all)")
        #expect(try await containerd.ctr("task", "ps", "web").lines.count >= 2)
        #expect(try await containerd.ctr("task", "kill", "-s", "KILL", "web").status == 0)
        #expect(try await eventually { try await containerd.ctr("task", "ls").out.contains("STOPPED") })
    }
}
