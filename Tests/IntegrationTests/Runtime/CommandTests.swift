import Glibc
import TestSupport
import Testing

/// The runtime's commands as engines call them: grammar, output, exit status.
@Suite struct RuntimeCommandTests {
    @Test func aContainerGoesThroughItsLife() async throws {
        try await withBundle { bundle in
            let created = try await bundle.create(bundle.configuration("echo started; sleep 100"))
            #expect(created.status == 0, "\(created.all)")
            let id = bundle.name
            func state() async throws -> JSON { try JSON(await bundle.runtime("state", id).out) }
            let first = try await state()
            #expect(first["status"].string == "created")
            #expect(first["id"].string == id && first["ociVersion"].string == "1.3.0")
            #expect(first["bundle"].string == bundle.path && first["rootfs"].string == bundle.rootfs)
            #expect(first["owner"].string == "root")
            let pid = pid_t(first["pid"].int ?? 0)
            #expect(contents("/proc/\(pid)/comm").trimmed == "berth-start")
            #expect(contents(bundle.path + "/out") == "", "the program runs before start")

            #expect(try await bundle.runtime("start", id).status == 0)
            #expect(try await state()["status"].string == "running")
            #expect(try await eventually { contents(bundle.path + "/out") == "started\n" })
            let again = try await bundle.runtime("start", id)
            #expect(again.status == 1 && again.err.contains("cannot start an already running container"))

            #expect(try await bundle.runtime("pause", id).status == 0)
            #expect(try await state()["status"].string == "paused")
            #expect(try await bundle.runtime("pause", id).status == 1)
            let paused = try await bundle.runtime("exec", id, "true")
            #expect(paused.status == 255 && paused.err.contains("cannot exec in a paused container"))
            #expect(try await bundle.runtime("resume", id).status == 0)
            #expect(try await state()["status"].string == "running")
            let unpaused = try await bundle.runtime("resume", id)
            #expect(unpaused.status == 1 && unpaused.err.contains("container not paused"))

            let early = try await bundle.runtime("delete", id)
            #expect(
                early.status == 1 && early.err.contains("cannot delete container \(id) that is not stopped: running"))
            #expect(try await bundle.runtime("kill", id, "0").status == 0)
            #expect(try await bundle.runtime("kill", id, "KILL").status == 0)
            #expect(try await eventually { try await state()["status"].string == "stopped" })
            #expect(try await state()["pid"].int == 0)
            let dead = try await bundle.runtime("kill", id, "SIGTERM")
            #expect(dead.status == 1 && dead.err.contains("container not running"))
            let late = try await bundle.runtime("exec", id, "true")
            #expect(late.status == 255 && late.err.contains("cannot exec in a stopped container"))
            #expect(try await bundle.runtime("delete", id).status == 0)
            let gone = try await bundle.runtime("state", id)
            #expect(gone.status == 1 && gone.err.contains("container does not exist"))
            #expect(try await bundle.runtime("delete", id).status == 1)
            #expect(try await bundle.runtime("delete", "--force", id).status == 0)
        }
    }

    @Test func listAndPsPrintTablesAndJSON() async throws {
        try await withBundle { bundle in
            #expect(try await bundle.runtime("list", "--format", "json").text == "[]")
            _ = try await bundle.create(bundle.configuration("sleep 71 & sleep 72; true"))
            let id = bundle.name
            try await bundle.runtime("start", id)
            let json = try JSON(await bundle.runtime("list", "--format", "json").out)
            #expect(json.array?.count == 1 && json[0]["id"].string == id)
            #expect(json[0].keys == ["bundle", "created", "id", "ociVersion", "owner", "pid", "rootfs", "status"])
            let table = try await bundle.runtime("list").lines
            #expect(
                table.count == 2 && table[0].hasPrefix("ID ") && table[0].contains("   PID         STATUS      BUNDLE"))
            #expect(table[1].hasPrefix("\(id)   \(json[0]["pid"].int ?? 0) "))
            #expect(try await bundle.runtime("list", "-q").lines == [id])

            #expect(
                try await eventually {
                    try await bundle.runtime("ps", "-f", "json", id).out.split(separator: ",").count == 3
                })
            let pids = try JSON(await bundle.runtime("ps", "--format", "json", id).out).array?.compactMap(\.int) ?? []
            #expect(pids.contains(json[0]["pid"].int ?? 0))
            let processes = try await bundle.runtime("ps", id).lines
            #expect(
                processes.count == 4 && processes[0].contains("PID") && processes.contains { $0.contains("sleep 72") })
            let some = try await bundle.runtime("ps", id, "-o", "pid,args").lines
            #expect(some.count == 4 && some[0].contains("COMMAND"))
            let odd = try await bundle.runtime("ps", id, "-o", "args")
            #expect(odd.status == 1 && odd.err.contains("no PID column"))
        }
    }

    @Test func execTakesItsFlags() async throws {
        try await withBundle { bundle in
            _ = try await bundle.create(bundle.configuration("sleep 100"))
            let id = bundle.name
            try await bundle.runtime("start", id)
            func exec(_ words: String...) async throws -> Output {
                try await command(bundle.words(["exec"] + words))
            }
            let plain = try await exec("--env", "A=b", "--cwd", "/var", id, "sh", "-c", "echo $A; pwd; exit 7")
            #expect(plain.status == 7 && plain.out == "b\n/var\n", "\(plain.all)")
            #expect(
                try await exec("--user", "1000:33", "-g", "7", "-g", "8", id, "id").text
                    == "uid=1000(www) gid=33 groups=7,8")
            for user in ["1000:", ":5", "0x0", "+0", " 0", "4294967296", "4294967295", "-1", "www"] {
                let output = try await exec("--user", user, id, "id")
                #expect(output.status == 255 && output.err.contains("UID[:GID]"), "\(user): \(output.all)")
            }
            let status = "grep -E 'NoNewPrivs|CapEff|CapInh' /proc/self/status | tr -d '\\n\\t'"
            #expect(
                try await exec(id, "sh", "-c", status).text
                    == "CapInh:0000000000000000CapEff:00000000000004e1NoNewPrivs:0")
            let more = try await exec("--cap", "CAP_SYS_TIME", "--no-new-privs", id, "sh", "-c", status)
            #expect(more.text == "CapInh:0000000000000000CapEff:00000000020004e1NoNewPrivs:1")
            let unknown = try await exec("--cap", "CAP_FUN", id, "true")
            #expect(unknown.status != 0 && unknown.err.contains("there is none of that name"), "\(unknown.all)")

            let missing = try await exec(id, "nosuch")
            #expect(missing.status == 255 && missing.err.contains("executable file not found in $PATH"))
            #expect(try await exec(id).err.contains("process args cannot be empty"))

            try write(
                #"{"cwd":"/tmp","args":["sh","-c","pwd; echo $X; id -u"],"env":["PATH=/bin","X=y"],"user":{"uid":1000,"gid":1000}}"#,
                to: bundle.path + "/process.json")
            #expect(try await exec("--process", bundle.path + "/process.json", id).out == "/tmp\ny\n1000\n")
            try write("{", to: bundle.path + "/process.json")
            #expect(try await exec("--process", bundle.path + "/process.json", id).status == 255)

            let detached = try await shell(
                "\(bundle.words(["exec", "-d", "--pid-file", bundle.path + "/pid", id, "sleep", "55"]).joined(separator: " ")) >/dev/null 2>&1 </dev/null; echo $?"
            )
            #expect(detached.text == "0")
            let pid = contents(bundle.path + "/pid")
            #expect(contents("/proc/\(pid)/cmdline").hasPrefix("sleep"))
            #expect(try await bundle.runtime("ps", "--format", "json", id).out.contains(pid))
        }
    }

    @Test func execIntoASubgroup() async throws {
        try await withBundle { bundle in
            _ = try await bundle.create(bundle.configuration("sleep 100"))
            let id = bundle.name
            try await bundle.runtime("start", id)
            mkdir(bundle.group("pids") + "/below", 0o755)
            let output = try await bundle.runtime("exec", "--cgroup", "pids:below", id, "cat", "/proc/self/cgroup")
            #expect(output.status == 0 && output.out.contains("pids:/below"), "\(output.all)")
            #expect(output.out.contains("memory:/\n"))
            for wrong in ["nothere", "pids:../..", "pids:nothere", "nosuch:below"] {
                let refused = try await bundle.runtime("exec", "--cgroup", wrong, id, "true")
                #expect(refused.status == 255, "\(wrong): \(refused.all)")
            }
        }
    }

    @Test func updateChangesEveryLimit() async throws {
        try await withBundle { bundle in
            _ = try await bundle.create(bundle.configuration("sleep 100"))
            let id = bundle.name
            try await bundle.runtime("start", id)
            func value(_ controller: String, _ file: String) -> String {
                contents(bundle.group(controller) + "/" + file).trimmed
            }
            let one = try await bundle.runtime(
                "update", "--memory", "64m", "--memory-swap", "128m", "--memory-reservation", "32m", "--pids-limit",
                "77",
                "--cpu-share", "512", "--cpu-quota", "40000", "--cpu-period", "80000", "--cpu-burst", "1000", id)
            #expect(one.status == 0, "\(one.all)")
            let isVersion1 = exists("/sys/fs/cgroup/memory")
            if isVersion1 {
                #expect(value("memory", "memory.limit_in_bytes") == "67108864")
                #expect(value("memory", "memory.memsw.limit_in_bytes") == "134217728")
                #expect(value("memory", "memory.soft_limit_in_bytes") == "33554432")
                #expect(value("cpu", "cpu.shares") == "512")
                #expect(value("cpu", "cpu.cfs_quota_us") == "40000" && value("cpu", "cpu.cfs_period_us") == "80000")
            } else {
                #expect(value("memory", "memory.max") == "67108864" && value("memory", "memory.swap.max") == "67108864")
                #expect(value("cpu", "cpu.max") == "40000 80000")
            }
            #expect(value("pids", "pids.max") == "77")
            // A new period leaves the quota, smaller swap than memory is refused, what is not given stays.
            #expect(try await bundle.runtime("update", "--cpu-period", "50000", id).status == 0)
            if isVersion1 {
                #expect(value("cpu", "cpu.cfs_quota_us") == "40000" && value("cpu", "cpu.cfs_period_us") == "50000")
            }
            let less = try await bundle.runtime(
                "update", "--resources", "-", id,
                input: #"{"memory":{"limit":33554432,"swap":33554432},"pids":{"limit":-1}}"#)
            #expect(less.status == 0, "\(less.all)")
            if isVersion1 { #expect(value("memory", "memory.limit_in_bytes") == "33554432") }
            #expect(value("pids", "pids.max") == "max")
            for wrong in [
                ["--memory", "1x"], ["--pids-limit", "a"], ["--cpu-idle", "2"], ["--cpuset-cpus", "0-"],
                ["--cpuset-cpus", "512"],
            ] {
                #expect(try await command(bundle.words(["update"] + wrong + [id])).status == 1, "\(wrong)")
            }
            let cache = try await bundle.runtime("update", "--l3-cache-schema", "0=f", id)
            if !exists("/sys/fs/resctrl/info/L3") { #expect(cache.status == 1 && cache.err.contains("Intel RDT/CAT")) }
            let bandwidth = try await bundle.runtime("update", "--mem-bw-schema", "0=10", id)
            if !exists("/sys/fs/resctrl/info/MB") {
                #expect(bandwidth.status == 1 && bandwidth.err.contains("Intel RDT/MBA"))
            }
            let broken = try await bundle.runtime("update", "--resources", "-", id, input: "[]")
            #expect(broken.status == 1 && broken.err.contains("an object was expected"))
        }
    }

    @Test func eventsTellUseAndMemoryRunningOut() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("sleep 1; x=a; while :; do x=$x$x; done")
            configuration["linux"]["resources"]["memory"] = ["limit": 16_777_216, "swap": 16_777_216]
            _ = try await bundle.create(configuration)
            let id = bundle.name
            try await bundle.runtime("start", id)
            let stats = try JSON(await bundle.runtime("events", "--stats", id).out)
            #expect(stats["type"].string == "stats" && stats["id"].string == id)
            #expect(
                stats["data"].keys == [
                    "blkio", "cpu", "cpuset", "hugetlb", "intel_rdt", "memory", "network_interfaces", "pids",
                ])
            #expect(stats["data"]["memory"]["usage"]["limit"].int == 16_777_216)
            #expect(stats["data"]["pids"]["current"].int ?? 0 >= 1)
            #expect(stats["data"]["cpu"]["usage"]["total"].int ?? 0 > 0)
            // It ends by itself, with the container.
            let events = try await bundle.runtime("events", "--interval", "100ms", id)
            #expect(events.status == 0, "\(events.all)")
            let types = try events.lines.map { try JSON($0)["type"].string ?? "" }
            #expect(types.contains("oom") && types.filter { $0 == "stats" }.count >= 2, "\(types)")
            #expect(try await bundle.runtime("events", "--stats", id).status == 1)
            #expect(try await bundle.runtime("events", "--interval", "0s", id).status == 1)
        }
    }

    @Test func documents() async throws {
        try await withBundle { bundle in
            let spec = bundle.path + "/spec"
            mkdir(spec, 0o755)
            #expect(try await bundle.runtime("spec", "--bundle", spec).status == 0)
            let plain = try JSON(contents(spec + "/config.json"))
            #expect(plain["process"]["args"][0].string == "sh" && plain["root"]["path"].string == "rootfs")
            let second = try await bundle.runtime("spec", "--bundle", spec)
            #expect(second.status == 1 && second.err.contains("file config.json exists"))
            unlink(spec + "/config.json")
            #expect(try await bundle.runtime("spec", "--rootless", "--bundle", spec).status == 0)
            let rootless = try JSON(contents(spec + "/config.json"))
            #expect(rootless["linux"]["uidMappings"][0]["size"].int == 1)
            #expect(rootless["linux"]["namespaces"].array?.contains { $0["type"].string == "user" } == true)
            #expect(rootless["linux"]["namespaces"].array?.contains { $0["type"].string == "network" } == false)

            let features = try JSON(await bundle.runtime("features").out)
            #expect(features["ociVersionMax"].string == "1.3.0" && features["ociVersionMin"].string == "1.0.0")
            #expect(features["linux"]["namespaces"].array?.count == 8)
            #expect(features["hooks"].array?.count == 6)
            // systemd's system instance is asked; a user's own one is not.
            let groups = features["linux"]["cgroup"]
            #expect(groups["systemd"].bool == true && groups["systemdUser"].bool == false)
            #expect(groups["v1"].bool == true && groups["v2"].bool == true && groups["rdma"].bool == true)
            #expect(features["linux"]["intelRdt"]["schemata"].bool == true)
            #expect(features["linux"]["intelRdt"]["monitoring"].bool == true)
            #expect(features["linux"]["memoryPolicy"]["modes"].array?.count == 7)
            #expect(features["linux"]["memoryPolicy"]["flags"].array?.count == 3)
            let version = try await bundle.runtime("--version").lines
            #expect(version.count == 3 && version[0].hasPrefix("berth-runtime version "))
            #expect(version[1].hasPrefix("commit: ") && version[2] == "spec: 1.3.0")
        }
    }

    /// The configuration that `spec` writes runs as it is.
    @Test func theWrittenConfigurationRuns() async throws {
        try await withBundle { bundle in
            try await bundle.runtime("spec", "--bundle", bundle.path)
            let child = try Child(
                bundle.words(["run", "--bundle", bundle.path, bundle.name]), streams: .terminal(rows: 30, columns: 90))
            try await child.waitFor("# ")
            await child.send("stty size; echo \"[$(hostname)]\"\n")
            try await child.waitFor("30 90")
            try await child.waitFor("[berth]")
            await child.send("exit 4\n")
            #expect(try await child.finish(seconds: 20).status == 4)
        }
    }

    @Test func errorsGoIntoTheLogAsEnginesReadThem() async throws {
        try await withBundle { bundle in
            let log = bundle.path + "/log.json"
            for verb in ["state", "start"] {
                let output = try await bundle.runtime("--log", log, "--log-format", "json", verb, "missing")
                #expect(output.status == 1 && output.err.contains("container does not exist"))
            }
            let lines = contents(log).split(separator: "\n").map(String.init)
            #expect(lines.count == 2)
            let entry = try JSON(lines[1])
            #expect(entry["level"].string == "error" && entry.keys == ["level", "msg", "time"])
            #expect(entry["msg"].string?.contains("container does not exist") == true)
            let time = entry["time"].string ?? ""
            #expect(time.count == 20 && time.hasSuffix("Z"))
            _ = try await bundle.runtime("--log", log + ".txt", "--debug", "exec", "missing", "a\"b")
            let text = contents(log + ".txt")
            #expect(text.contains(" level=debug msg=") && text.contains(" level=error msg=\""))
            let stderr = try await bundle.runtime("--log-format", "json", "state", "missing")
            #expect(try JSON(stderr.err)["level"].string == "error")
        }
    }

    @Test func wrongCommandLinesAreRefusedBeforeAnythingIsMade() async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("true"))
            for id in ["../x", "", ".", "..", "a/b", "a b", "a\nb", "-x", String(repeating: "y", count: 300)] {
                let output = try await bundle.runtime("create", "--bundle", bundle.path, "--", id)
                #expect(output.status == 1, "\(id): \(output.all)")
                #expect(list(bundle.state).isEmpty)
            }
            for words in [
                ["create"], ["create", "a", "b"], ["nosuch"], ["kill", "a", "NOSUCH"], ["--log-format", "xml", "list"],
                ["list", "--format", "yaml"], ["delete", "--nosuch", "a"], ["--cgroup-manager", "other", "list"],
                ["run", "--preserve-fds", "-1", "a"], ["run", "--bundle", "/nosuch", "a"],
                ["run", "--bundle", bundle.path, "--preserve-fds", "5", "a"],
            ] {
                let output = try await command(bundle.words(words))
                #expect(output.status == 1, "\(words): \(output.all)")
            }
            #expect(list(bundle.state).isEmpty)
            var configuration = bundle.configuration("true")
            configuration["process"]["terminal"] = true
            try bundle.write(configuration)
            let terminal = try await bundle.runtime("create", "--bundle", bundle.path, "x")
            #expect(terminal.status == 1 && terminal.err.contains("console socket"), "\(terminal.all)")
            let socket = try await bundle.runtime("run", "--bundle", bundle.path, "--console-socket", "/x", "x")
            #expect(socket.status == 1 && socket.err.contains("console socket"))
            #expect(list(bundle.state).isEmpty)
        }
    }

    @Test func aWrongProgramIsToldAtCreation() async throws {
        try await withBundle { bundle in
            for (program, word) in [
                ("nosuch", "executable file not found in $PATH"), ("/nosuch", "no such file or directory"),
                ("/etc/passwd", "permission denied"), ("/tmp", "is a directory"),
            ] {
                var configuration = bundle.configuration("")
                configuration["process"]["args"] = [.string(program)]
                let output = try await bundle.create(configuration)
                #expect(output.status == 1 && output.err.contains(word), "\(program): \(output.all)")
                #expect(list(bundle.state).isEmpty)
            }
        }
    }

    @Test func runDetachesKeepsAndPassesDescriptors() async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("cat <&3; ls /proc/self/fd | tr '\\n' ' '; exit 5"))
            let words = bundle.words(["run", "--bundle", bundle.path, "--preserve-fds", "1", bundle.name]).joined(
                separator: " ")
            let passed = try await shell(
                "echo third >\(bundle.path)/three; \(words) 3<\(bundle.path)/three 7</etc/passwd")
            #expect(passed.status == 5 && passed.out == "third\n0 1 2 3 4 ", "\(passed.all)")

            try bundle.write(bundle.configuration("exit 6"))
            #expect(try await bundle.runtime("run", "--keep", "--bundle", bundle.path, bundle.name).status == 6)
            #expect(try JSON(await bundle.runtime("state", bundle.name).out)["status"].string == "stopped")
            #expect(try await bundle.runtime("delete", bundle.name).status == 0)

            try bundle.write(bundle.configuration("sleep 100"))
            let detached = try await shell(
                bundle.words(["run", "-d", "--pid-file", bundle.path + "/pid", "--bundle", bundle.path, bundle.name])
                    .joined(separator: " ")
                    + " </dev/null >/dev/null 2>&1; echo $?")
            #expect(detached.text == "0")
            let state = try JSON(await bundle.runtime("state", bundle.name).out)
            #expect(state["status"].string == "running" && contents(bundle.path + "/pid") == "\(state["pid"].int ?? 0)")
            #expect(try await bundle.runtime("kill", "--all", bundle.name, "9").status == 0)
        }
    }

    @Test func activationSocketsReachTheProgram() async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("echo $LISTEN_FDS $LISTEN_PID; cat <&3; cat <&4"))
            let words = bundle.words(["run", "--bundle", bundle.path, "--preserve-fds", "1", bundle.name]).joined(
                separator: " ")
            let output = try await shell(
                "cd \(bundle.path); echo a >a; echo b >b; sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec \(words)' 3<a 4<b")
            #expect(output.out == "1 1\na\nb\n", "\(output.all)")
        }
    }

    @Test func checkpointsAreRefusedWithTheReason() async throws {
        try await withBundle { bundle in
            _ = try await bundle.create(bundle.configuration("sleep 100"))
            let id = bundle.name
            let early = try await bundle.runtime("checkpoint", "--image-path", bundle.path + "/images", id)
            #expect(early.status == 1)
            try await bundle.runtime("start", id)
            let missing = try await bundle.runtime("--criu", "/nosuch/criu", "checkpoint", id)
            #expect(missing.status == 1 && missing.err.contains("no /nosuch/criu program"), "\(missing.all)")
            // Whatever CRIU can do on this kernel: either it is done, or the container goes on and the reason is told.
            let output = try await bundle.runtime("checkpoint", "--image-path", bundle.path + "/images", id)
            if output.status != 0 {
                print("checkpointsAreRefused: CRIU does not work here: \(output.err)")
                #expect(output.err.contains("criu"))
                #expect(try JSON(await bundle.runtime("state", id).out)["status"].string == "running")
                let restored = try await bundle.runtime(
                    "restore", "--image-path", bundle.path + "/images", "--bundle", bundle.path, "other")
                #expect(restored.status == 1 && restored.err.contains("holds no checkpoint"), "\(restored.all)")
            } else {
                #expect(try JSON(await bundle.runtime("state", id).out)["status"].string == "stopped")
                #expect(try await bundle.runtime("delete", id).status == 0)
                let restored = try await bundle.runtime(
                    "restore", "-d", "--image-path", bundle.path + "/images", "--bundle", bundle.path, id)
                #expect(restored.status == 0, "\(restored.all)")
                #expect(try JSON(await bundle.runtime("state", id).out)["status"].string == "running")
            }
        }
    }
}
