import CommandLine
import ContainerRuntime
import OCI
import Testing

@testable import berth

/// berth-runtime's command line without anything behind it.
@Suite struct RuntimeVerbTests {
    private func invocation(_ words: String...) throws -> Invocation {
        switch RuntimeProgram.command.parse(words) {
        case .run(let invocation): return invocation
        case .help(let text): throw ValueError(text)
        case .failure(let error): throw error
        }
    }

    @Test func execReadsEveryFlag() throws {
        let given = try invocation(
            "exec", "--cwd", "/w", "-e", "A=b", "--env=C=d", "-t", "-u", "1:2", "-g", "3", "--additional-gids", "4",
            "-d",
            "--process-label", "l", "--apparmor", "p", "--no-new-privs", "-c", "CAP_KILL", "--cap", "CAP_CHOWN",
            "--cgroup",
            "cpu:x", "--ignore-paused", "--pid-file", "/pid", "--console-socket", "/s", "--pidfd-socket", "/p", "web",
            "sh",
            "-c", "echo")
        let options = try ExecVerb.options(given)
        #expect(given.container == "web" && options.arguments == ["sh", "-c", "echo"])
        #expect(options.workingDirectory == "/w" && options.environment == ["A=b", "C=d"] && options.terminal)
        #expect(options.user == "1:2" && options.additionalGroups == [3, 4] && options.detached)
        #expect(options.processLabel == "l" && options.apparmorProfile == "p" && options.noNewPrivileges)
        #expect(
            options.capabilities == ["CAP_KILL", "CAP_CHOWN"] && options.subgroups == ["cpu:x"] && options.ignoresPaused
        )
        #expect(options.pidFile == "/pid" && options.consoleSocket == "/s" && options.pidfdSocket == "/p")
        let file = try ExecVerb.options(invocation("exec", "--process", "/f", "--console-socket", "", "web"))
        #expect(file.processFile == "/f" && file.consoleSocket == nil)
        #expect(throws: RuntimeError.self) { try ExecVerb.options(invocation("exec", "web")) }
        #expect(throws: RuntimeError.self) { try ExecVerb.options(invocation("exec", "-p", "/f", "web", "sh")) }
        #expect(throws: UsageError.self) { try invocation("exec", "-g", "x", "web", "sh") }
    }

    @Test func updateReadsEveryFlag() throws {
        let given = try invocation(
            "update", "--blkio-weight", "100", "--cpu-period", "1", "--cpu-quota", "-1", "--cpu-burst", "2",
            "--cpu-share", "3",
            "--cpu-rt-period", "4", "--cpu-rt-runtime", "5", "--cpuset-cpus", "0-1", "--cpuset-mems", "0", "--cpu-idle",
            "1",
            "--memory", "1g", "--memory-reservation", "1m", "--memory-swap", "-1", "--pids-limit", "-1", "web")
        let resources = UpdateVerb.resources(given.flags)
        #expect(resources.blockIO?.weight == 100 && resources.pidsLimit == -1)
        #expect(resources.cpu?.period == 1 && resources.cpu?.quota == -1 && resources.cpu?.burst == 2)
        #expect(resources.cpu?.shares == 3 && resources.cpu?.realtimePeriod == 4 && resources.cpu?.realtimeRuntime == 5)
        #expect(resources.cpu?.cpus == "0-1" && resources.cpu?.mems == "0" && resources.cpu?.idle == 1)
        #expect(
            resources.memory?.limit == 1 << 30 && resources.memory?.reservation == 1 << 20
                && resources.memory?.swap == -1)
        let none = UpdateVerb.resources(try invocation("update", "web").flags)
        #expect(none.memory?.limit == nil && none.cpu?.period == nil && none.pidsLimit == nil && none.blockIO == nil)
    }

    @Test func logLines() {
        var log = RuntimeLog()
        #expect(log.line("error", "a \"b\"\n", time: "T") == "time=\"T\" level=error msg=\"a \\\"b\\\"\\n\"\n")
        log.isJSON = true
        #expect(log.line("error", "a \"b\"\n", time: "T") == #"{"level":"error","msg":"a \"b\"\n","time":"T"}"# + "\n")
    }

    @Test func tables() {
        #expect(ListingFormat.table([["ID", "PID"], ["a", "1"]]) == "ID          PID\na           1\n")
        #expect(ListingFormat.table([["a\u{1B}[31m", "x"]]) == "a\\x1b[31m   x\n")
        let text = "USER PID CMD\nroot 1 init\nroot 22 x 33\nroot\n"
        #expect(ListingFormat.rows(of: text, pids: [22, 33]) == "USER PID CMD\nroot 22 x 33\n")
        #expect(ListingFormat.rows(of: "USER CMD\nroot x\n", pids: [1]) == nil)
    }

    @Test func checkpointsAndRestores() throws {
        let given = try invocation(
            "checkpoint", "--image-path", "/i", "--work-path", "/w", "--tcp-established", "--ext-unix-sk",
            "--shell-job",
            "--file-locks", "--lazy-pages", "--auto-dedup", "--manage-cgroups-mode", "full", "--empty-ns", "network",
            "web")
        let options = try CheckpointFlags.options(given.flags, RuntimeSettings(given.globals))
        #expect(options.imagePath == "/i" && options.workPath == "/w" && options.groupMode == "full")
        #expect(
            options.allowsConnections && options.allowsOuterSockets && options.allowsOuterTerminal
                && options.keepsFileLocks)
        #expect(options.isLazy && options.dropsDuplicates && options.leavesNetworkEmpty)
        #expect(throws: UsageError.self) { try invocation("checkpoint", "--empty-ns", "pid", "web") }
        #expect(throws: UsageError.self) { try invocation("restore", "--manage-cgroups-mode", "other", "web") }
    }

    @Test func globalFlags() throws {
        let given = try invocation(
            "--root", "/r", "--log", "/l", "--log-format", "json", "--debug", "--criu", "/c", "list")
        let settings = try RuntimeSettings(given.globals)
        #expect(settings.root == "/r" && settings.criu == "/c")
        #expect(settings.log.path == "/l" && settings.log.isJSON && settings.log.isVerbose)
        for wrong in [["--rootless", "maybe"], ["--cgroup-manager", "x"], ["--log-format", "x"]] {
            guard case .failure = RuntimeProgram.command.parse(wrong + ["list"]) else {
                Issue.record("\(wrong) was taken")
                continue
            }
        }
        guard case .help(let text) = RuntimeProgram.command.parse(["--help"]) else {
            Issue.record("no help")
            return
        }
        for verb in [
            "create", "start", "run", "exec", "state", "kill", "delete", "list", "ps", "pause", "resume", "update",
            "events", "spec", "features", "checkpoint", "restore",
        ] { #expect(text.contains("\n  \(verb) "), "\(verb)") }
    }
}
