import Glibc
import TestSupport
import Testing

/// The runtime's own file in containers whose root is the host's root (CVE-2019-5736).
@Suite struct RuntimeProtectionTests {
    private static let script = """
        #!/proc/self/exe --version
        """

    /// The program's file, its hash, and every way from inside to write to it.
    /// Once with a capability to look into other processes, and once with few: the runtime protects itself in two ways.
    @Test(arguments: [true, false]) func aContainerCannotOverwriteTheRuntime(traces: Bool) async throws {
        let capabilities = Self.capabilities(traces: traces)
        try await withBundle { bundle in
            // A copy, so that an attack that works harms nobody.
            let copy = bundle.path + "/berth-runtime"
            #expect(try await command(["cp", Repository.runtime, copy]).status == 0)
            let before = try await shell("sha256sum <'\(copy)'").text
            func runtime(_ words: String...) async throws -> Output {
                try await command([copy, "--root", bundle.state] + words, seconds: 20)
            }

            // The container's program is a script whose interpreter is the runtime itself: it runs inside, and another process
            // of the container's takes its file and writes to it when it has ended.
            try write(Self.script, to: bundle.rootfs + "/attack")
            chmod(bundle.rootfs + "/attack", 0o755)
            var configuration = bundle.configuration("")
            configuration["process"]["args"] = ["/attack"]
            configuration["process"]["capabilities"] = capabilities
            try bundle.write(configuration)
            _ = try await runtime("run", "--bundle", bundle.path, bundle.name)
            #expect(try await shell("sha256sum <'\(copy)'").text == before)

            // A further process is seen from inside while it comes in; what its exe leads to is held open and written to.
            let watcher = """
                while :; do
                    for p in /proc/[0-9]*; do
                        [ "${p##*/}" -gt 2 ] || continue
                        { : >>$p/exe; } 2>/dev/null && echo "wrote $p" >>/log
                        { exec 9<$p/exe; } 2>/dev/null && { readlink /proc/self/fd/9 >>/seen; { : >>/proc/self/fd/9; } 2>/dev/null && \
                echo "wrote fd" >>/log; }
                    done
                done
                """
            var victim = bundle.configuration(watcher)
            victim["process"]["capabilities"] = capabilities
            try bundle.write(victim)
            _ = try await shell(
                "'\(copy)' --root \(bundle.state) run -d --bundle \(bundle.path) \(bundle.name) </dev/null >/dev/null 2>&1"
            )
            for _ in 0..<(10 * Repository.scale) {
                _ = try await runtime("exec", bundle.name, "/attack")
                _ = try await runtime("exec", bundle.name, "true")
                let magic = try await runtime("exec", bundle.name, "/proc/self/exe")
                #expect(magic.status == 255, "\(magic.all)")
            }
            _ = try await runtime("delete", "--force", bundle.name)
            #expect(
                try await shell("sha256sum <'\(copy)'").text == before,
                "the runtime was overwritten: \(contents(bundle.rootfs + "/log"))")
        }
    }

    /// Where the container's root is nobody on the host nothing is done; where it could look into the process that enters, that
    /// one executes from a read-only mount; elsewhere a sealed stub stands between the runtime and the program.
    @Test func eachContainerHasTheProtectionItNeeds() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("sleep 100")
            configuration["process"]["capabilities"] = Self.capabilities(traces: true)
            _ = try await bundle.create(configuration)
            let pid = try JSON(await bundle.runtime("state", bundle.name).out)["pid"].int ?? 0
            let refused = try await shell("chmod 755 /proc/\(pid)/exe 2>&1; echo end")
            #expect(refused.out.contains("Read-only file system"), "\(refused.all)")
            try await bundle.runtime("delete", "--force", bundle.name)
            guard exists("/usr/bin/strace") else { return }

            /// How often something is executed by descriptor, by the command itself and by its children.
            func executions(_ configuration: ConfigValue) async throws -> [Int] {
                try bundle.write(configuration)
                let words = bundle.words(["run", "--bundle", bundle.path, bundle.name]).joined(separator: " ")
                var counts: [Int] = []
                for follow in ["", "-f"] {
                    let log = bundle.path + "/executions"
                    try await shell(
                        "strace \(follow) -qq -o \(log) -e trace=execveat \(words) >/dev/null 2>&1 </dev/null")
                    counts.append(contents(log).split(separator: "\n").count { $0.contains("execveat(") })
                }
                return counts
            }
            var mapped = bundle.configuration("true")
            mapped["process"]["capabilities"] = Self.capabilities(traces: true)
            #expect(try await executions(mapped) == [1, 1])
            #expect(try await executions(bundle.configuration("true")) == [0, 1])
            mapped["linux"]["namespaces"].append(["type": "user"])
            mapped["linux"]["uidMappings"] = [["containerID": 0, "hostID": 300_000, "size": 65536]]
            mapped["linux"]["gidMappings"] = [["containerID": 0, "hostID": 300_000, "size": 65536]]
            #expect(try await executions(mapped) == [0, 0])
        }
    }

    /// Where the mount that the program lies on cannot be cloned, the program executes from a sealed copy in memory.
    @Test func aSealedCopyWhereTheMountCannotBeCloned() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("sleep 100")
            configuration["process"]["capabilities"] = Self.capabilities(traces: true)
            try bundle.write(configuration)
            let place = bundle.path + "/unbindable"
            let script = """
                set -e; mkdir \(place); mount -t tmpfs none \(place); cp '\(Repository.runtime)' \(place)/berth-runtime
                mount --make-unbindable \(place); r="\(place)/berth-runtime --root \(bundle.state)"
                sha256sum <\(place)/berth-runtime
                $r create --pid-file \(bundle.path)/pid --bundle \(bundle.path) \(bundle.name) </dev/null >/dev/null
                pid=$(cat \(bundle.path)/pid); readlink /proc/$pid/exe
                python3 -c 'import fcntl,os,sys; print("seals", fcntl.fcntl(os.open(sys.argv[1], 0), 1034) & 15)' /proc/$pid/exe
                (: >>/proc/$pid/exe) 2>/dev/null && echo opened
                $r start \(bundle.name); readlink /proc/$pid/exe; $r exec \(bundle.name) echo entered
                $r delete --force \(bundle.name); sha256sum <\(place)/berth-runtime
                """
            let output = try await command(
                ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script], seconds: 30)
            let lines = output.lines
            #expect(output.status == 0 && lines.count == 6, "\(output.all)")
            guard lines.count == 6 else { return }
            #expect(lines[1].hasPrefix("/memfd:berth") && lines[2] == "seals 15", "\(output.all)")
            #expect(lines[3].hasSuffix("busybox") && lines[4] == "entered" && lines[0] == lines[5], "\(output.all)")
        }
    }

    /// A program named as its own interpreter finds the stub there, never the runtime; and programs that cannot be executed
    /// are told in the same words, with the same status, whether a stub stands between or not.
    @Test func theStubIsNotToBeNoticed() async throws {
        try await withBundle { bundle in
            let programs: [(name: String, text: String, mode: mode_t)] = [
                ("self", "#!/proc/self/exe --version\n", 0o755), ("interpreter", "#!/nowhere/sh\n", 0o755),
                ("format", "\u{1}\u{2}garbage", 0o755), ("denied", "#!/bin/sh\necho ran\n", 0o644),
                ("good", "#!/bin/sh\necho \"$0 $1\"; exit 9\n", 0o755),
            ]
            for program in programs {
                try write(program.text, to: "\(bundle.rootfs)/bin/p-\(program.name)")
                chmod("\(bundle.rootfs)/bin/p-\(program.name)", program.mode)
            }
            let hash = try await shell("sha256sum <'\(Repository.runtime)'").text
            var said: [[String]] = [[], []]
            for (index, mapped) in [false, true].enumerated() {
                for name in ["self", "interpreter", "format", "denied", "missing", "good"] {
                    for prefix in ["/bin/p-", "p-"] {
                        var configuration = bundle.configuration("")
                        configuration["process"]["args"] = [.string(prefix + name), "word"]
                        if mapped {
                            configuration["linux"]["namespaces"].append(["type": "user"])
                            configuration["linux"]["uidMappings"] = [["containerID": 0, "hostID": 0, "size": 65536]]
                            configuration["linux"]["gidMappings"] = [["containerID": 0, "hostID": 0, "size": 65536]]
                            configuration["process"]["capabilities"] = Self.capabilities(traces: true)
                        }
                        let run = try await bundle.run(configuration)
                        #expect(!run.out.contains("berth-runtime version"), "\(name): \(run.all)")
                        let created = try await bundle.create(configuration)
                        let started = try await bundle.runtime("start", bundle.name)
                        try await bundle.runtime("delete", "--force", bundle.name)
                        var living = configuration
                        living["process"]["args"] = ["/bin/sleep", "100"]
                        _ = try await bundle.create(living)
                        try await bundle.runtime("start", bundle.name)
                        let entered = try await bundle.runtime("exec", bundle.name, prefix + name, "word")
                        #expect(!entered.out.contains("berth-runtime version"), "\(name): \(entered.all)")
                        try await bundle.runtime("delete", "--force", bundle.name)
                        // What our own program does inside, where it is executed again from a read-only mount, is its own affair.
                        if name == "self" { continue }
                        let words = [run, created, started, entered].map { "\($0.status) \($0.err)" }
                        said[index].append("\(prefix)\(name): \(words) \(run.out) \(entered.out)")
                        if name == "good" {
                            #expect(
                                run.status == 9 && run.text == "/bin/p-good word" && entered.status == 9, "\(words)")
                        } else {
                            // Told by whichever of the two finds it out.
                            #expect(run.status == 1 && entered.status == 255 && started.status == 1, "\(words)")
                            #expect(created.status == (name == "missing" || name == "denied" ? 1 : 0), "\(words)")
                        }
                        let expected = [
                            "interpreter": "its interpreter or loader is missing", "format": "exec format error",
                            "denied": "permission denied",
                        ]
                        for output in [run, entered] {
                            #expect(output.err.contains(expected[name] ?? ""), "\(name): \(output.all)")
                        }
                    }
                }
            }
            #expect(said[0] == said[1])
            #expect(try await shell("sha256sum <'\(Repository.runtime)'").text == hash)
        }
    }

    private static func capabilities(traces: Bool) -> ConfigValue {
        var all: ConfigValue = [
            "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
            "CAP_SYS_CHROOT", "CAP_MKNOD",
        ]
        if traces { all.append("CAP_SYS_PTRACE") }
        return ["bounding": all, "effective": all, "permitted": all]
    }
}
