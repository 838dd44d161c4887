import Glibc
import TestSupport
import Testing

/// `berth explain`: what it says is held against what the tests themselves read from the kernel.
@Suite struct ExplainTests {
    private func explained(_ engine: TestEngine, _ words: String...) async throws -> JSON {
        let output = try await command(engine.words(["explain", "--format", "json"] + words))
        try #require(output.status == 0, "\(output.all)")
        return try JSON(output.out)
    }

    @Test func aContainerOfOurs() async throws {
        try await withEngine { engine in
            let id = try await engine.start(
                "--name", "web", "-m", "32m", "--pids-limit", "50", "--cpus", "0.5", "--cap-drop", "CHOWN", "-v",
                "/var/tmp:/shared:ro",
                "-p", "127.0.0.1::8080", base, "httpd", "-f", "-p", "8080")
            try await engine.start("--name", "beside", "--network", "container:web", base, "sleep", "1000")
            let pid = try await engine.process("web")
            let found = try await explained(engine, "web")
            #expect(found["Process"]["PID"].int == Int(pid) && found["Name"].string == "web")
            #expect(found["Process"]["Container"]["ID"].string == id)
            #expect(found["Process"]["Container"]["Engine"].string == "berth")
            #expect(found["Differences"].count == 0, "\(found["Differences"])")

            for namespace in 0..<found["Namespaces"].count {
                let part = found["Namespaces"][namespace]
                let kind = part["Kind"].string ?? ""
                #expect(link("/proc/\(pid)/ns/\(kind)") == "\(kind):[\(part["Inode"].int ?? 0)]")
                #expect(
                    part["Host"].bool
                        == (link("/proc/1/ns/\(kind)") == link("/proc/\(pid)/ns/\(kind)") || kind == "time"), "\(kind)")
                if kind == "net" { #expect(part["SharedWith"][0]["Name"].string?.contains("(beside)") == true) }
                if kind == "mnt" { #expect(part["SharedWith"].count == 0) }
            }
            #expect(
                contents("/proc/\(pid)/uid_map").contains(" \(found["UserMapping"]["Users"][0]["Outside"].int ?? -1) "))

            var limits: [String: JSON] = [:]
            for group in 0..<found["ControlGroups"].count {
                let part = found["ControlGroups"][group]
                for place in 0..<part["Limits"].count {
                    limits[part["Limits"][place]["Name"].string ?? ""] = part["Limits"][place]
                }
            }
            #expect(limits["memory"]?["Limit"].int == 32 << 20 && (limits["memory"]?["Use"].int ?? 0) > 0)
            #expect(limits["processes"]?["Limit"].int == 50 && limits["processes"]?["Use"].int == 1)
            #expect(limits["processor time"] != nil)

            #expect(found["Root"]["Type"].string == "overlay" && found["Root"]["Layers"].count == 1)
            #expect((found["Root"]["Layers"][0]["Bytes"].int ?? 0) > 1 << 20)
            #expect(found["Root"]["Layers"][0]["SharedWith"][0].string == "beside")
            let published = found["Network"]["Published"]
            #expect(
                published.count == 1 && published[0]["Port"].int == 8080
                    && published[0]["HostAddress"].string == "127.0.0.1")
            #expect(published[0]["Bridge"].string == "berth-\(engine.token)")
            #expect(exists("/sys/class/net/\(published[0]["HostEnd"].string ?? "?")"))
            #expect(
                try await eventually {
                    try await explained(engine, "web")["Network"]["Published"][0]["Listener"]["PID"].int == Int(pid)
                })
            let dropped = found["Security"]["Capabilities"]["Dropped"]
            #expect((0..<dropped.count).contains { dropped[$0].string == "CAP_CHOWN" })
            #expect(found["Security"]["Seccomp"].string == "filter")

            // The same process by its number, and as a tree without an escape code.
            #expect(try await explained(engine, "--process", "\(pid)")["Process"]["Container"]["ID"].string == id)
            let tree = try await engine.ok("explain", "web").out
            #expect(
                tree.contains("tcp port") && tree.contains("32 MiB") && tree.contains("mounts")
                    && !tree.contains("\u{1B}"))
            #expect(!tree.contains("not as it was asked for"))
        }
    }

    @Test func whatIsNotAsAskedForIsSaid() async throws {
        try await withEngine { engine in
            let id = try await engine.start(
                "--name", "web", "-m", "32m", "--pids-limit", "50", "-p", "127.0.0.1::80", base, "sleep", "1000")
            let pids = try #require(engine.groups(id)["pids"])
            try write("70", to: pids + "/pids.max")
            let tables = try await command(["nft", "flush", "map", "inet", "berth_\(engine.token)", "published"])
            #expect(tables.status == 0, "\(tables.all)")
            let tree = try await engine.ok("explain", "web").out
            #expect(tree.contains("processes: asked 50, found 70"), "\(tree)")
            #expect(
                tree.contains("published port: asked 127.0.0.1:") && tree.contains("no element in the kernel's map"),
                "\(tree)")
            #expect(!tree.contains("memory: asked"))
        }
    }

    @Test func refusals() async throws {
        try await withEngine { engine in
            try await engine.ok("run", "--name", "done", base, "true")
            let stopped = try await engine.berth("explain", "done")
            #expect(stopped.status == 1 && stopped.err.contains("container done does not run"), "\(stopped.all)")
            #expect(try await engine.berth("explain", "nobody").err == "berth: No such container: nobody\n")
            let gone = try await engine.berth("explain", "--process", "2147483647")
            #expect(
                gone.status == 1 && gone.err == "berth: cannot explain process 2147483647: there is no such process\n")
            for words in [
                ["explain"], ["explain", "a", "-p", "1"], ["explain", "-p", "0"], ["explain", "-p", "-1"],
                ["explain", "-p", "1\u{301}"],
            ] {
                #expect(try await command(engine.words(words)).status == 125, "\(words)")
            }
        }
    }

    /// Processes that come and go while they are read: an answer or a sentence, never anything else.
    @Test func processesThatVanish() async throws {
        try await withEngine(images: false) { engine in
            for _ in 0..<(10 * Repository.scale) {
                let sleeper = try Child(["/bin/sleep", "0.0\(Int.random(in: 1...9))"])
                let output = try await engine.berth("explain", "--process", "\(sleeper.pid)")
                #expect(output.status == 0 || output.err.contains("cannot explain process"), "\(output.all)")
                _ = try await sleeper.finish()
            }
            // One that has ended and is not reaped.
            let parent = try Child(["/bin/sh", "-c", "sleep 0.01 & echo $!; exec sleep 1000"])
            let line = try await parent.waitFor("\n").trimmed
            #expect(try await eventually { contents("/proc/\(line)/status").contains("State:\tZ") })
            let zombie = try await engine.berth("explain", "--process", line)
            #expect(zombie.status == 1 && zombie.err.contains("it ended meanwhile"), "\(zombie.all)")
        }
    }

    /// Names that try to move the cursor or to look like another line.
    @Test func hostileNames() async throws {
        try await withEngine(images: false) { engine in
            let scratch = try Scratch()
            let name = "a\u{1B}[2J\n0::-docker\\040"
            mkdir("\(scratch.path)/\(name)", 0o755)
            let child = try Child([
                "unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
                "mount -t tmpfs x \"$1\" && exec sleep 1000",
                "sh", "\(scratch.path)/\(name)",
            ])
            #expect(try await eventually { contents("/proc/\(child.pid)/comm").trimmed == "sleep" })
            let tree = try await engine.berth("explain", "--process", "\(child.pid)")
            #expect(
                tree.status == 0 && !tree.out.contains("\u{1B}") && tree.out.contains("\\x1b[2J\\n0::-docker\\040"),
                "\(tree.all)")
            let found = try await engine.berth("explain", "--format", "json", "--process", "\(child.pid)")
            let mounts = try JSON(found.out)["Mounts"]
            #expect((0..<mounts.count).contains { mounts[$0]["Destination"].string == "\(scratch.path)/\(name)" })
            child.signalGroup(SIGKILL)
            _ = try await child.finish()
        }
    }
}
