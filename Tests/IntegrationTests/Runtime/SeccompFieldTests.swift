import Glibc
import TestSupport
import Testing

@Suite struct SeccompFieldTests {
    /// Everything allowed but `mkdir`, which gets an action.
    private static func profile(_ action: String, _ more: [String: ConfigValue] = [:]) -> ConfigValue {
        var rule: ConfigValue = ["names": ["mkdir", "mkdirat"], "action": .string(action)]
        for (key, value) in more { rule[key] = value }
        return ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]]
    }

    private static let script = "rm -rf /tmp/d; mkdir /tmp/d 2>&1; echo status $?"

    private static let argumentScript =
        "touch /tmp/a; for m in 700:a 711:b; do chmod ${m%:*} /tmp/a 2>/dev/null && echo set ${m#*:} || echo refused ${m#*:}; done"

    /// Refuses modes by a comparison; which argument the mode is depends on the call.
    private static func modes(_ comparison: String, _ values: [String: ConfigValue]) -> ConfigValue {
        func rule(_ name: String, _ index: Int) -> ConfigValue {
            var condition: ConfigValue = ["index": .integer(index), "op": .string(comparison)]
            for (key, value) in values { condition[key] = value }
            return ["names": [.string(name)], "action": "SCMP_ACT_ERRNO", "args": [condition]]
        }
        return ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("chmod", 1), rule("fchmodat", 2)]]
    }

    static let fields: [Field] = [
        Field("SCMP_ACT_ERRNO", script, "Operation not permitted\nstatus 1") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO")
        },
        Field("errnoRet", script, "No such process") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO", ["errnoRet": 3])
        },
        Field("SCMP_ACT_KILL_PROCESS", script, "status 159") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_KILL_PROCESS")
        },
        Field("SCMP_ACT_KILL", script, "status 159") { $0["linux"]["seccomp"] = profile("SCMP_ACT_KILL") },
        Field("SCMP_ACT_KILL_THREAD", script, "status 159") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_KILL_THREAD")
        },
        Field("SCMP_ACT_TRAP", script, "status 159") { $0["linux"]["seccomp"] = profile("SCMP_ACT_TRAP") },
        // Without a tracer the call fails with ENOSYS.
        Field("SCMP_ACT_TRACE", script, "Function not implemented") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_TRACE", ["errnoRet": 5])
        },
        Field("defaultAction with defaultErrnoRet", "exec /bin/sh -c 'hostname x 2>&1'", "No such device") {
            $0["process"]["capabilities"]["effective"].append("CAP_SYS_ADMIN")
            $0["process"]["capabilities"]["permitted"].append("CAP_SYS_ADMIN")
            $0["process"]["capabilities"]["bounding"].append("CAP_SYS_ADMIN")
            $0["linux"]["seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [["names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 19]],
            ]
        },
        Field("args", argumentScript, "refused a\nset b") {
            $0["linux"]["seccomp"] = modes("SCMP_CMP_EQ", ["value": 0o700])
        },
        Field("SCMP_CMP_NE", argumentScript, "set a\nrefused b") {
            $0["linux"]["seccomp"] = modes("SCMP_CMP_NE", ["value": 0o700])
        },
        Field("SCMP_CMP_LT", argumentScript, "refused a\nset b") {
            $0["linux"]["seccomp"] = modes("SCMP_CMP_LT", ["value": 0o701])
        },
        Field("SCMP_CMP_LE", argumentScript, "refused a\nset b") {
            $0["linux"]["seccomp"] = modes("SCMP_CMP_LE", ["value": 0o700])
        },
        Field("SCMP_CMP_GE", argumentScript, "set a\nrefused b") {
            $0["linux"]["seccomp"] = modes("SCMP_CMP_GE", ["value": 0o711])
        },
        Field("SCMP_CMP_GT", argumentScript, "set a\nrefused b") {
            $0["linux"]["seccomp"] = modes("SCMP_CMP_GT", ["value": 0o700])
        },
        Field("SCMP_CMP_MASKED_EQ", argumentScript, "refused a\nset b") {
            $0["linux"]["seccomp"] = modes("SCMP_CMP_MASKED_EQ", ["value": 0o7, "valueTwo": 0])
        },
        Field("architectures", "grep Seccomp: /proc/self/status", "Seccomp:\t2") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO")
            $0["linux"]["seccomp"]["architectures"] = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
        },
        Field("SECCOMP_FILTER_FLAG_TSYNC and LOG", script, "status 1") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO")
            $0["linux"]["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"]
        },
        Field("SCMP_ACT_LOG", "grep Seccomp: /proc/self/status", "Seccomp:\t2") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_LOG")
        },
    ]

    @Test(arguments: fields) func field(_ field: Field) async throws { try await field.verify() }

    /// With this flag the mitigation that a filter switches on stays as it was.
    @Test func speculationFlagReachesTheKernel() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("grep Speculation_Store_Bypass /proc/self/status || echo none")
            configuration["linux"]["seccomp"] = Self.profile("SCMP_ACT_ERRNO")
            configuration["linux"]["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
            let output = try await bundle.run(configuration)
            #expect(output.status == 0 && !output.out.contains("force mitigated"), "\(output.all)")
        }
    }

    static let refusals: [Refusal] = [
        Refusal("an unknown action", "is unknown") { $0["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_FUN"] },
        Refusal("an unknown flag", "flag SECCOMP_FUN is unknown") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO")
            $0["linux"]["seccomp"]["flags"] = ["SECCOMP_FUN"]
        },
        Refusal("an unknown architecture", "is unknown") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO")
            $0["linux"]["seccomp"]["architectures"] = ["SCMP_ARCH_PDP11"]
        },
        Refusal("an errno where none can be", "takes no errnoRet") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_KILL", ["errnoRet": 5])
        },
        Refusal("argument 6", "on argument 6 is unknown") {
            $0["linux"]["seccomp"] = profile(
                "SCMP_ACT_ERRNO", ["args": [["index": 6, "value": 0, "op": "SCMP_CMP_EQ"]]])
        },
        Refusal("an unknown comparison", "is unknown") {
            $0["linux"]["seccomp"] = profile(
                "SCMP_ACT_ERRNO", ["args": [["index": 0, "value": 0, "op": "SCMP_CMP_FUN"]]])
        },
        Refusal("a rule without names", "names no system call") {
            $0["linux"]["seccomp"] = [
                "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [["names": [], "action": "SCMP_ACT_KILL"]],
            ]
        },
        Refusal("notify without a listener", "needs a listenerPath") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_NOTIFY")
        },
        Refusal("notify by default", "cannot be the default action") {
            $0["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/tmp/x"]
        },
        Refusal("metadata without a listener", "needs a listenerPath") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO")
            $0["linux"]["seccomp"]["listenerMetadata"] = "x"
        },
        Refusal("a listener that is not there", "connect to seccomp listener /not/there") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_NOTIFY")
            $0["linux"]["seccomp"]["listenerPath"] = "/not/there"
        },
        Refusal("WAIT_KILLABLE_RECV without notify", "is for profiles with SCMP_ACT_NOTIFY") {
            $0["linux"]["seccomp"] = profile("SCMP_ACT_ERRNO")
            $0["linux"]["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]
        },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }

    /// A listener in Python, independent of our code: it receives the state and the descriptor, and answers one call.
    private static let listener = """
        import socket, sys, array, json, struct, fcntl, os
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind(sys.argv[1]); s.listen(1); print("ready", flush=True)
        c, _ = s.accept()
        data, fds = b"", array.array("i")
        while True:
            d, anc, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(64))
            for level, kind, cmsg in anc:
                if kind == socket.SCM_RIGHTS: fds.frombytes(cmsg[:len(cmsg) // 4 * 4])
            if not d: break
            data += d
            if fds: break
        print(data.decode(), flush=True); print("fds", len(fds), flush=True)
        n = fds[0]
        while True:
            req = bytearray(80); 
            try: fcntl.ioctl(n, 0xC0502100, req)
            except OSError: break
            ident, pid = struct.unpack_from("QI", req)
            print("call of", pid, flush=True)
            fcntl.ioctl(n, 0xC0182101, bytearray(struct.pack("QqiI", ident, 0, -17, 0)))
        """

    @Test(arguments: [false, true]) func listenerGetsStateAndDescriptor(_ killable: Bool) async throws {
        try await withBundle { bundle in
            let socket = bundle.path + "/agent"
            let agent = try Child(["python3", "-c", Self.listener, socket])
            try await agent.waitFor("ready")
            var configuration = bundle.configuration("mkdir /tmp/d 2>&1; echo status $?; echo done")
            configuration["linux"]["seccomp"] = Self.profile("SCMP_ACT_NOTIFY")
            // Also the calls that hand the descriptor over must not wait for an agent that has none yet.
            configuration["linux"]["seccomp"]["syscalls"].append(
                ["names": ["sendmsg", "futex"], "action": "SCMP_ACT_NOTIFY"])
            configuration["linux"]["seccomp"]["listenerPath"] = .string(socket)
            configuration["linux"]["seccomp"]["listenerMetadata"] = "the metadata"
            if killable {
                configuration["linux"]["seccomp"]["flags"] = [
                    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC",
                ]
            }
            configuration["annotations"] = ["a": "b"]
            let output = try await bundle.run(configuration)
            #expect(output.out.contains("File exists") && output.out.contains("done"), "\(output.all)")
            let told = await agent.outputSoFar().split(separator: "\n").map(String.init)
            agent.signal(SIGKILL)
            _ = try? await agent.finish()
            try #require(told.count > 3, "\(told)")
            let state = try JSON(told[1])
            #expect(state["fds"][0].string == "seccompFd" && told[2] == "fds 1", "\(told)")
            #expect(state["metadata"].string == "the metadata" && state["ociVersion"].string == "1.3.0")
            #expect(state["state"]["id"].string == bundle.name && state["state"]["annotations"]["a"].string == "b")
            #expect(state["state"]["status"].string == "creating" && state["state"]["bundle"].string == bundle.path)
            #expect((state["pid"].int ?? 0) > 1 && state["pid"].int == state["state"]["pid"].int)
        }
    }

    @Test func theListenersPathIsIgnoredWithoutNotify() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo ran")
            configuration["linux"]["seccomp"] = Self.profile("SCMP_ACT_ERRNO")
            configuration["linux"]["seccomp"]["listenerPath"] = "/not/there"
            let output = try await bundle.run(configuration)
            #expect(output.text == "ran", "\(output.all)")
        }
    }

    @Test func theSecondStartTakesTheFilterFromTheCache() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration(Self.script)
            configuration["linux"]["seccomp"] = Self.profile("SCMP_ACT_ERRNO", ["errnoRet": 95])
            #expect(try await bundle.run(configuration).out.contains("not supported"))
            let place = bundle.state + "/.seccomp"
            let files = list(place)
            try #require(files.count == 1, "\(files)")
            let before = try await shell("stat -c '%i %a %u' \(place)/\(files[0]); stat -c %a \(place)")
            #expect(before.out.contains(" 600 0") && before.out.contains("\n700"), "\(before.out)")
            // One that answers otherwise under the same text shows which is used: what is in the file.
            try await shell("perl -0777 -pi -e 's/\\x5f\\x00\\x05\\x00/\\x03\\x00\\x05\\x00/g' \(place)/\(files[0])")
            #expect(try await bundle.run(configuration).out.contains("No such process"))
            // A file that others could have written is not believed.
            try await shell("chmod 666 \(place)/\(files[0])")
            #expect(try await bundle.run(configuration).out.contains("not supported"))
        }
    }
}
