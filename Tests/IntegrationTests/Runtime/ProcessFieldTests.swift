import TestSupport
import Testing

/// A field of config.json, what is put there, and what the container then shows.
struct Field: Sendable, CustomTestStringConvertible {
    let name: String
    /// Runs in the container.
    let script: String
    /// What its output must hold.
    let expected: String
    let change: @Sendable (inout ConfigValue) -> Void

    init(
        _ name: String, _ script: String, _ expected: String, _ change: @escaping @Sendable (inout ConfigValue) -> Void
    ) {
        self.name = name
        self.script = script
        self.expected = expected
        self.change = change
    }

    var testDescription: String { name }

    /// Runs it with the field, and without: what is expected must come from the field alone.
    func verify() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration(script)
            let without = try await bundle.run(configuration)
            #expect(!without.out.contains(expected), "without \(name): \(without.all)")
            change(&configuration)
            let with = try await bundle.run(configuration)
            #expect(with.out.contains(expected), "with \(name): \(with.all)")
        }
    }
}

/// A configuration that must be refused, and what the sentence must say.
struct Refusal: Sendable, CustomTestStringConvertible {
    let name: String
    let words: String
    let change: @Sendable (inout ConfigValue) -> Void

    init(_ name: String, _ words: String, _ change: @escaping @Sendable (inout ConfigValue) -> Void) {
        self.name = name
        self.words = words
        self.change = change
    }

    var testDescription: String { name }

    func verify() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo ran")
            change(&configuration)
            let output = try await bundle.run(configuration)
            #expect(output.status != 0 && !output.out.contains("ran"), "\(name): \(output.all)")
            #expect(output.err.contains(words), "\(name): \(output.all)")
            #expect(output.err.split(separator: "\n").count == 1, "one sentence: \(output.err)")
        }
    }
}

@Suite struct ProcessFieldTests {
    static let fields: [Field] = [
        Field("args and env", "echo $WORD", "word=1") { $0["process"]["env"] = ["PATH=/bin", "WORD=word=1"] },
        Field("cwd", "pwd", "/var/www") { $0["process"]["cwd"] = "/var/www" },
        Field("user", "id", "uid=1000(www) gid=1000(www) groups=2000(extra)") {
            $0["process"]["user"] = ["uid": 1000, "gid": 1000, "additionalGids": [2000]]
        },
        Field("umask", "umask", "0077") { $0["process"]["user"]["umask"] = 0o77 },
        Field("rlimits", "ulimit -Sn; ulimit -Hn", "111\n222") {
            $0["process"]["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 111, "hard": 222]]
        },
        // So few that the set-up itself could not live with them.
        Field("rlimits, tiny", "ulimit -Sn; ulimit -Hn", "4\n4") {
            $0["process"]["rlimits"] = [
                ["type": "RLIMIT_NOFILE", "soft": 4, "hard": 4], ["type": "RLIMIT_FSIZE", "soft": 0, "hard": 0],
                ["type": "RLIMIT_NPROC", "soft": 1, "hard": 1],
                ["type": "RLIMIT_STACK", "soft": 131072, "hard": 131072],
            ]
        },
        Field("oomScoreAdj", "cat /proc/self/oom_score_adj", "321") { $0["process"]["oomScoreAdj"] = 321 },
        Field("noNewPrivileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1") {
            $0["process"]["noNewPrivileges"] = true
        },
        Field("capabilities.bounding", "grep CapBnd /proc/self/status", "CapBnd:\t0000000000000020") {
            $0["process"]["capabilities"] = [
                "bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
            ]
        },
        Field("capabilities.effective", "grep CapEff /proc/self/status", "CapEff:\t0000000000000020") {
            $0["process"]["user"] = ["uid": 1000, "gid": 1000]
            $0["process"]["capabilities"] = [
                "bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
                "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"],
            ]
        },
        Field("capabilities.inheritable", "grep CapInh /proc/self/status", "CapInh:\t0000000000000020") {
            $0["process"]["capabilities"]["inheritable"] = ["CAP_KILL"]
        },
        Field("capabilities.permitted", "grep CapPrm /proc/self/status", "CapPrm:\t0000000000000021") {
            let two: ConfigValue = ["CAP_KILL", "CAP_CHOWN"]
            $0["process"]["user"] = ["uid": 1000, "gid": 1000]
            $0["process"]["capabilities"] = [
                "bounding": two, "permitted": two, "inheritable": two, "ambient": two,
            ]
        },
        Field("capabilities.ambient", "grep CapAmb /proc/self/status", "CapAmb:\t0000000000000001") {
            $0["process"]["capabilities"]["inheritable"] = ["CAP_CHOWN"]
            $0["process"]["capabilities"]["ambient"] = ["CAP_CHOWN"]
        },
        // Field 41 of proc_pid_stat(5) is the policy, 19 the nice value.
        Field("scheduler", "awk '{print $41, $19}' /proc/self/stat", "3 7") {
            $0["process"]["scheduler"] = ["policy": "SCHED_BATCH", "nice": 7]
        },
        Field("ioPriority", "ionice -p 1", "best-effort: prio 6") {
            $0["process"]["ioPriority"] = ["class": "IOPRIO_CLASS_BE", "priority": 6]
        },
        Field("hostname", "hostname", "dark-star") { $0["hostname"] = "dark-star" },
        Field("domainname", "cat /proc/sys/kernel/domainname", "nis.example") { $0["domainname"] = "nis.example" },
        Field("personality", "uname -m", "i686") { $0["linux"]["personality"] = ["domain": "LINUX32"] },
        Field("memoryPolicy", "head -1 /proc/self/numa_maps", "bind=static:0") {
            $0["linux"]["memoryPolicy"] = ["mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]]
        },
        Field("sysctl", "cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax", "77\n8191") {
            $0["linux"]["sysctl"] = ["net.ipv4.ip_default_ttl": "77", "kernel.msgmax": "8191"]
        },
        Field("unknown properties and a newer minor version", "hostname", "newer") {
            $0["ociVersion"] = "1.99.0-rc.1"
            $0["hostname"] = "newer"
            $0["fromTheFuture"] = ["a": [1, 2]]
            $0["linux"]["fromTheFuture"] = true
        },
    ]

    @Test(arguments: fields) func field(_ field: Field) async throws { try await field.verify() }

    static let refusals: [Refusal] = [
        Refusal("a newer major version", "version 2.0.0 is not supported") { $0["ociVersion"] = "2.0.0" },
        Refusal("a version that is none", "is not supported") { $0["ociVersion"] = "1" },
        Refusal("an unknown limit", "there is no such limit") {
            $0["process"]["rlimits"] = [["type": "RLIMIT_FUN", "soft": 1, "hard": 1]]
        },
        Refusal("a limit twice", "it is listed twice") {
            $0["process"]["rlimits"] = [
                ["type": "RLIMIT_NOFILE", "soft": 1, "hard": 1], ["type": "RLIMIT_NOFILE", "soft": 2, "hard": 2],
            ]
        },
        Refusal("a soft limit over the hard", "over the hard limit") {
            $0["process"]["rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 2, "hard": 1]]
        },
        Refusal("an argument with a zero byte", "holds a zero byte") {
            $0["process"]["args"] = ["/bin/echo", "ran\u{0}x"]
        },
        Refusal("a variable with a zero byte", "holds a zero byte") { $0["process"]["env"] = ["A=\u{0}"] },
        Refusal("a hook's argument with a zero byte", "holds a zero byte") {
            $0["hooks"]["createRuntime"] = [["path": "/bin/true", "args": ["\u{0}"]]]
        },
        Refusal("a relative cwd", "must be an absolute path") { $0["process"]["cwd"] = "var" },
        Refusal("oomScoreAdj 1001", "is not between -1000 and 1000") { $0["process"]["oomScoreAdj"] = 1001 },
        Refusal("AppArmor where there is none", "AppArmor is not enabled") {
            $0["process"]["apparmorProfile"] = "docker-default"
        },
        Refusal("SELinux where there is none", "SELinux is not enabled") {
            $0["process"]["selinuxLabel"] = "system_u:system_r:container_t:s0"
        },
        Refusal("a mount label without SELinux", "SELinux is not enabled") {
            $0["linux"]["mountLabel"] = "system_u:object_r:container_file_t:s0"
        },
        Refusal("an unknown scheduler", "there is no policy") { $0["process"]["scheduler"] = ["policy": "SCHED_FUN"] },
        Refusal("a priority for a fair scheduler", "does not fit") {
            $0["process"]["scheduler"] = ["policy": "SCHED_OTHER", "priority": 5]
        },
        Refusal("an unknown scheduler flag", "there is no flag") {
            $0["process"]["scheduler"] = ["policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_FUN"]]
        },
        Refusal("an unknown I/O class", "there is no class") {
            $0["process"]["ioPriority"] = ["class": "IOPRIO_CLASS_FUN", "priority": 0]
        },
        Refusal("I/O priority 8", "is not between 0 and 7") {
            $0["process"]["ioPriority"] = ["class": "IOPRIO_CLASS_BE", "priority": 8]
        },
        Refusal("an unknown personality", "there is no domain") { $0["linux"]["personality"] = ["domain": "BSD"] },
        Refusal("personality flags", "are unknown") {
            $0["linux"]["personality"] = ["domain": "LINUX", "flags": ["READ_IMPLIES_EXEC"]]
        },
        Refusal("an unknown memory policy", "there is no mode") { $0["linux"]["memoryPolicy"] = ["mode": "MPOL_FUN"] },
        Refusal("a memory policy without nodes", "needs nodes") { $0["linux"]["memoryPolicy"] = ["mode": "MPOL_BIND"] },
        Refusal("Intel RDT where there is none", "no resctrl file system") {
            $0["linux"]["intelRdt"] = ["closID": "c1", "schemata": ["L3:0=f"]]
        },
        Refusal("a closID that climbs", "no name of a directory") { $0["linux"]["intelRdt"] = ["closID": "../x"] },
        Refusal("a hostname without a uts namespace", "no uts namespace") {
            $0["hostname"] = "berth-test-must-not-be-set"
            $0["linux"]["namespaces"] = [["type": "mount"], ["type": "pid"], ["type": "network"]]
        },
        Refusal("a sysctl of the machine", "belongs to the whole machine") {
            $0["linux"]["sysctl"] = ["kernel.panic_on_warn": "0"]
        },
        Refusal("a sysctl of a shared namespace", "shares the namespace") {
            $0["linux"]["sysctl"] = ["net.ipv4.ip_default_ttl": "64"]
            $0["linux"]["namespaces"] = [["type": "mount"], ["type": "pid"]]
        },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }

    @Test func consoleSizeAndTerminal() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("stty size; test -c /dev/console && tty")
            configuration["process"]["terminal"] = true
            configuration["process"]["consoleSize"] = ["height": 33, "width": 99]
            let output = try await bundle.run(configuration)
            #expect(output.out.contains("33 99"), "\(output.all)")
            #expect(output.out.contains("/dev/"), "\(output.all)")
        }
    }

    @Test func aRealTimePolicyIsSetOrExplained() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("awk '{print $41}' /proc/self/stat")
            configuration["process"]["scheduler"] = ["policy": "SCHED_FIFO", "priority": 5]
            let output = try await bundle.run(configuration)
            // Kernels that share real-time among groups give a new group none.
            if output.status == 0 {
                #expect(output.text == "1")
            } else {
                #expect(output.err.contains("realtimeRuntime"))
            }
        }
    }
}
