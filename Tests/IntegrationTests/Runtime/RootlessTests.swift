import Glibc
import TestSupport
import Testing

@Suite struct RootlessTests {
    /// Runs the runtime as an ordinary user, who owns the bundle.
    private func run(
        _ bundle: TestBundle, _ configuration: ConfigValue, _ options: [String] = []
    ) async throws -> Output {
        try await prepare(bundle, configuration)
        return try await runtime(bundle, options + ["run", "--bundle", bundle.path, bundle.name])
    }

    private func prepare(_ bundle: TestBundle, _ configuration: ConfigValue) async throws {
        try bundle.write(configuration)
        try await shell("mkdir -p \(bundle.state); chown -hR 64321:64322 \(bundle.path)")
        // A copy that this user may read and execute, wherever the package lies.
        try await shell(
            "cp -L \(Repository.runtime) \(bundle.path)/berth-runtime; chmod 755 \(bundle.path)/berth-runtime")
    }

    /// Runs a command of the runtime as the ordinary user.
    private func runtime(_ bundle: TestBundle, _ words: [String]) async throws -> Output {
        try await command(
            [
                "setpriv", "--reuid", "64321", "--regid", "64322", "--clear-groups", bundle.path + "/berth-runtime",
                "--root", bundle.state,
            ] + words, seconds: 30)
    }

    /// Further processes, and signals to all, in a container that has no control group.
    @Test func anOrdinaryUserEntersAndSignals() async throws {
        try await withBundle { bundle in
            let script = """
                (trap 'echo child >>/tmp/signals' USR1; while :; do sleep 100; done) &
                trap 'echo first >>/tmp/signals' USR1; echo ready >/tmp/ready; while :; do sleep 100; done
                """
            var configuration = configuration(bundle, script)
            configuration["hostname"] = "entered"
            try await prepare(bundle, configuration)
            let words =
                "setpriv --reuid 64321 --regid 64322 --clear-groups \(bundle.path)/berth-runtime --root \(bundle.state)"
            let run = try await shell(
                "\(words) run -d --bundle \(bundle.path) \(bundle.name) </dev/null >\(bundle.path)/out 2>&1")
            #expect(run.status == 0, "\(run.all) \(contents(bundle.path + "/out"))")
            let ready = try await eventually(seconds: 10) { exists(bundle.rootfs + "/tmp/ready") }
            #expect(ready)
            let inside = try await runtime(
                bundle,
                [
                    "exec", "--env", "A=b", bundle.name, "/bin/sh", "-c",
                    "id -u; hostname; for n in user pid mnt uts net ipc; do [ $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) ] && echo same; done; echo $A; ls /proc/self/fd | wc -l; exit 7",
                ])
            #expect(
                inside.status == 7
                    && inside.lines == ["0", "entered"] + Array(repeating: "same", count: 6) + ["b", "4"],
                "\(inside.all)")
            let listed = try await runtime(bundle, ["ps", "--format", "json", bundle.name])
            #expect(try JSON(listed.out).array?.count ?? 0 >= 4, "\(listed.all)")
            let signal = try await runtime(bundle, ["kill", "--all", bundle.name, "USR1"])
            #expect(signal.status == 0, "\(signal.all)")
            let both = try await eventually(seconds: 10) {
                let said = contents(bundle.rootfs + "/tmp/signals")
                return said.contains("first") && said.contains("child")
            }
            #expect(both, "\(contents(bundle.rootfs + "/tmp/signals"))")
            let end = try await runtime(bundle, ["kill", "--all", bundle.name, "KILL"])
            #expect(end.status == 0, "\(end.all)")
            let gone = try await eventually(seconds: 10) {
                try await runtime(bundle, ["state", bundle.name]).out.contains("stopped")
            }
            #expect(gone)
            #expect(try await runtime(bundle, ["kill", "--all", bundle.name, "KILL"]).status == 0)
            let deleted = try await runtime(bundle, ["delete", bundle.name])
            #expect(deleted.status == 0, "\(deleted.all)")
        }
    }

    private func configuration(_ bundle: TestBundle, _ script: String) -> ConfigValue {
        var configuration = bundle.configuration(script)
        configuration["linux"]["namespaces"].append(["type": "user"])
        configuration["linux"]["uidMappings"] = [["containerID": 0, "hostID": 64321, "size": 1]]
        configuration["linux"]["gidMappings"] = [["containerID": 0, "hostID": 64322, "size": 1]]
        // Group 5 is not mapped.
        configuration["mounts"] = .array(
            configuration["mounts"].elements.map { mount in
                guard mount["type"].text == "\"devpts\"" else { return mount }
                var copy = mount
                copy["options"] = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
                return copy
            })
        return configuration
    }

    @Test func anOrdinaryUserRunsAContainer() async throws {
        try await withBundle { bundle in
            let script = """
                id -u; id -g; cat /proc/self/uid_map; hostname; touch /made; echo x > /dev/null && head -c 2 /dev/zero | od -An -tx1
                ps | wc -l; ip link | grep -c lo
                """
            var configuration = configuration(bundle, script)
            configuration["hostname"] = "rootless"
            let output = try await run(bundle, configuration)
            let lines = output.lines
            #expect(output.status == 0 && lines.count == 7, "\(output.all)")
            guard lines.count == 7 else { return }
            #expect(
                lines[0] == "0" && lines[1] == "0" && lines[3] == "rootless" && lines[4].contains("00 00"),
                "\(output.all)")
            #expect(lines[2].split(separator: " ").map(String.init) == ["0", "64321", "1"])
            let made = owner(bundle.rootfs + "/made")
            #expect(made?.uid == 64321 && made?.gid == 64322)
        }
    }

    @Test func bindsHooksAndSeccompWork() async throws {
        try await withBundle { bundle in
            var configuration = configuration(
                bundle, "cat /mnt/file; mkdir /tmp/d 2>&1; grep Seccomp: /proc/self/status")
            try await shell("mkdir \(bundle.path)/tree; echo bound > \(bundle.path)/tree/file")
            configuration["mounts"].append([
                "destination": "/mnt", "type": "bind", "source": .string(bundle.path + "/tree"),
                "options": ["bind", "ro"],
            ])
            configuration["process"]["noNewPrivileges"] = true
            configuration["linux"]["seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"]],
            ]
            configuration["hooks"]["createRuntime"] = [
                ["path": "/bin/sh", "args": ["sh", "-c", .string("id -u > \(bundle.path)/hook")]]
            ]
            let output = try await run(bundle, configuration)
            #expect(
                output.out.contains("bound") && output.out.contains("not permitted")
                    && output.out.contains("Seccomp:\t2"), "\(output.all)")
            #expect(contents(bundle.path + "/hook").trimmed == "0")
        }
    }

    @Test func limitsThatCannotBeSetAreRefused() async throws {
        try await withBundle { bundle in
            var configuration = configuration(bundle, "echo ran")
            configuration["linux"]["resources"] = ["pids": ["limit": 50]]
            let output = try await run(bundle, configuration, ["--rootless=true"])
            #expect(output.status != 0 && output.err.contains("control group"), "\(output.all)")
        }
    }

    @Test func whatOnlyRootMayIsRefusedInOneSentence() async throws {
        try await withBundle { bundle in
            var without = configuration(bundle, "echo ran")
            without["linux"]["namespaces"] = [["type": "mount"], ["type": "pid"]]
            without["linux"]["uidMappings"] = []
            without["linux"]["gidMappings"] = []
            let none = try await run(bundle, without)
            #expect(none.status != 0 && none.err.contains("no user namespace"), "\(none.all)")
            var many = configuration(bundle, "echo ran")
            many["linux"]["uidMappings"] = [["containerID": 0, "hostID": 64321, "size": 2]]
            let foreign = try await run(bundle, many)
            #expect(foreign.status != 0 && foreign.err.contains("maps one id"), "\(foreign.all)")
            var other = configuration(bundle, "echo ran")
            other["linux"]["uidMappings"] = [["containerID": 0, "hostID": 0, "size": 1]]
            let stolen = try await run(bundle, other)
            #expect(stolen.status != 0 && stolen.err.contains("maps one id"), "\(stolen.all)")
        }
    }
}
