import Glibc
import TestSupport
import Testing

/// The fields of `process` for a further process (`exec --process`).
@Suite struct ExecFieldTests {
    private func exec(_ script: String, _ change: (inout ConfigValue) -> Void) async throws -> Output {
        var result: Output?
        try await withBundle { bundle in
            let created = try await bundle.create(bundle.configuration("sleep 60"))
            try #require(created.status == 0, "\(created.all)")
            _ = try await bundle.runtime("start", bundle.name)
            var process = bundle.configuration(script)["process"]
            change(&process)
            try write(process.text, to: bundle.path + "/process.json")
            result = try await bundle.runtime("exec", "--process", bundle.path + "/process.json", bundle.name)
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
        return try #require(result)
    }

    @Test func affinityBeginsAndGoesOn() async throws {
        let script = "grep Cpus_allowed_list /proc/self/status"
        let plain = try await exec(script) { _ in }
        let final = try await exec(script) { $0["execCPUAffinity"] = ["initial": "0", "final": "1"] }
        #expect(final.text == "Cpus_allowed_list:\t1" && plain.text != final.text, "\(plain.all) \(final.all)")
        let wrong = try await exec(script) { $0["execCPUAffinity"] = ["final": "fun"] }
        #expect(wrong.status != 0 && wrong.err.contains("is no list of processors"), "\(wrong.all)")
    }

    @Test func schedulerAndPriority() async throws {
        let output = try await exec("awk '{print $41, $19}' /proc/self/stat; ionice -p $$") {
            $0["scheduler"] = ["policy": "SCHED_BATCH", "nice": 3]
            $0["ioPriority"] = ["class": "IOPRIO_CLASS_IDLE", "priority": 0]
        }
        #expect(output.out.hasPrefix("3 3\nidle"), "\(output.all)")
    }

    @Test func limitsCapabilitiesAndTheRest() async throws {
        let output = try await exec(
            "ulimit -n; umask; pwd; id; grep -E 'CapEff|NoNewPrivs' /proc/self/status; cat /proc/self/oom_score_adj"
        ) {
            $0["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 5, "hard": 5]]
            $0["user"] = ["uid": 1000, "gid": 1000, "umask": 0o27, "additionalGids": [2000]]
            $0["cwd"] = "/var/www"
            $0["noNewPrivileges"] = true
            $0["oomScoreAdj"] = 77
            $0["capabilities"] = [:]
        }
        for words in [
            "5\n0027\n/var/www", "uid=1000(www)", "2000(extra)", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "\n77",
        ] {
            #expect(output.out.contains(words), "\(words): \(output.all)")
        }
    }

    @Test func clocksOfTheContainersTimeNamespace() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("sleep 60")
            configuration["linux"]["namespaces"].append(["type": "time"])
            configuration["linux"]["timeOffsets"] = ["boottime": ["secs": 900_000]]
            let created = try await bundle.create(configuration)
            try #require(created.status == 0, "\(created.all)")
            _ = try await bundle.runtime("start", bundle.name)
            let output = try await bundle.runtime("exec", bundle.name, "/bin/cut", "-d.", "-f1", "/proc/uptime")
            #expect((Int(output.text) ?? 0) > 900_000, "\(output.all)")
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    @Test func labelsAreRefusedWhereThereAreNone() async throws {
        let output = try await exec("echo ran") { $0["apparmorProfile"] = "x" }
        #expect(output.status != 0 && output.err.contains("AppArmor is not enabled"), "\(output.all)")
    }
}
