import Glibc
import TestSupport
import Testing

@Suite struct HookTests {
    /// A shell script of the host's as a hook.
    private static func hook(_ script: String, _ more: [String: ConfigValue] = [:]) -> ConfigValue {
        var hook: ConfigValue = ["path": "/bin/sh", "args": ["hook", "-c", .string(script)]]
        for (key, value) in more { hook[key] = value }
        return hook
    }

    /// What the runtime's caller left open is not for hooks.
    @Test func noDescriptorIsHandedDown() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo program")
            let script = "for n in /proc/$$/fd/*; do echo ${n##*/} $(readlink $n); done >\(bundle.path)/open"
            configuration["hooks"] = ["createRuntime": [Self.hook(script)]]
            try bundle.write(configuration)
            let words = bundle.words(["run", "--bundle", bundle.path, bundle.name]).joined(separator: " ")
            let output = try await shell("\(words) 7</etc/passwd 9</ </dev/null")
            #expect(output.status == 0, "\(output.all)")
            let open = contents(bundle.path + "/open")
            #expect(open.contains("hook-state") && !open.contains("/etc/passwd") && !open.contains("9 /\n"), "\(open)")
        }
    }

    /// The kinds that `create` and `start` run, in the order of the specification, each noting itself.
    @Test func orderNamespacesAndState() async throws {
        try await withBundle { bundle in
            let note = bundle.path + "/notes"
            func noting(_ kind: String) -> ConfigValue {
                // The container's host name tells in whose namespaces a hook runs.
                [Self.hook("{ echo \(kind) $(hostname); cat; echo; } >> \(note)")]
            }
            var configuration = bundle.configuration("cat /started; echo program")
            configuration["hostname"] = "inside"
            configuration["annotations"] = ["org.example.note": "x"]
            configuration["hooks"] = [
                "prestart": noting("prestart"), "createRuntime": noting("createRuntime"),
                "createContainer": noting("createContainer"),
                "startContainer": [
                    [
                        "path": "/bin/sh",
                        "args": ["sh", "-c", "{ echo startContainer $(hostname) $PATH; cat; } > /started"],
                    ]
                ],
            ]
            let created = try await bundle.create(configuration)
            #expect(created.status == 0, "\(created.all)")
            let host = contents("/proc/sys/kernel/hostname").trimmed
            let lines = contents(note).split(separator: "\n").map(String.init)
            #expect(lines.count == 6, "\(lines)")
            #expect(lines[0] == "prestart \(host)" && lines[2] == "createRuntime \(host)", "\(lines)")
            #expect(lines[4] == "createContainer inside", "\(lines)")
            for index in [1, 3, 5] {
                let state = try JSON(lines[index])
                #expect(state["id"].string == bundle.name && state["status"].string == "creating")
                #expect(state["bundle"].string == bundle.path && state["ociVersion"].string == "1.3.0")
                #expect(state["annotations"]["org.example.note"].string == "x")
                let pid = try #require(state["pid"].int)
                #expect(contents("/proc/\(pid)/comm").trimmed == "berth-start", "\(state)")
            }
            #expect(!exists(bundle.rootfs + "/started"))
            let started = try await bundle.runtime("start", bundle.name)
            #expect(started.status == 0, "\(started.all)")
            _ = try await eventually { contents(bundle.path + "/out").contains("program") }
            let output = contents(bundle.path + "/out")
            #expect(output.hasPrefix("startContainer inside /bin\n{"), "\(output)")
            #expect(output.contains("\"status\":\"created\""), "\(output)")
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    @Test func environmentAndArguments() async throws {
        try await withBundle { bundle in
            let note = bundle.path + "/notes"
            var configuration = bundle.configuration("true")
            configuration["hooks"]["createRuntime"] = [
                Self.hook("/usr/bin/env > \(note); pwd >> \(note)", ["env": ["ONE=1", "TWO=a=b"]])
            ]
            let output = try await bundle.run(configuration)
            let lines = contents(note).split(separator: "\n").map(String.init)
            #expect(
                lines.contains("ONE=1") && lines.contains("TWO=a=b") && lines.last == bundle.path,
                "\(lines) \(output.all)")
            #expect(!lines.contains { $0.hasPrefix("PATH=") || $0.hasPrefix("HOME=") }, "\(lines)")
        }
    }

    @Test(arguments: ["prestart", "createRuntime", "createContainer"])
    func failureEndsTheCreation(_ kind: String) async throws {
        try await withBundle { bundle in
            let note = bundle.path + "/notes"
            var configuration = bundle.configuration("echo ran")
            configuration["hooks"][kind] = [Self.hook("echo why it failed >&2; exit 7"), Self.hook("touch \(note)")]
            let output = try await bundle.create(configuration)
            #expect(output.status != 0 && output.err.contains("status 7: why it failed"), "\(output.all)")
            #expect(output.err.contains("\(kind) hook"), "\(output.all)")
            #expect(!exists(note), "the next hook ran")
            #expect(list(bundle.state).filter { !$0.hasPrefix(".") }.isEmpty, "the container is still there")
        }
    }

    @Test func failureOfStartContainerEndsTheStart() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo ran")
            configuration["hooks"]["startContainer"] = [["path": "/bin/false"]]
            let output = try await bundle.run(configuration)
            #expect(output.status != 0 && output.err.contains("startContainer hook /bin/false"), "\(output.all)")
            #expect(!output.out.contains("ran"))
        }
    }

    @Test func poststartAndPoststop() async throws {
        try await withBundle { bundle in
            let note = bundle.path + "/notes"
            var configuration = bundle.configuration("sleep 60")
            configuration["hooks"] = [
                "poststart": [Self.hook("{ echo poststart; cat; echo; } >> \(note)")],
                "poststop": [
                    Self.hook("exit 9"),
                    Self.hook("{ echo poststop; cat; echo; ls \(bundle.state)/\(bundle.name); } >> \(note) 2>&1"),
                ],
            ]
            let created = try await bundle.create(configuration)
            try #require(created.status == 0, "\(created.all)")
            #expect(!exists(note))
            // Changes of the bundle after `create` have no effect (runtime.md, "Create").
            try write("{}", to: bundle.path + "/config.json")
            let started = try await bundle.runtime("start", bundle.name)
            #expect(started.status == 0, "\(started.all)")
            var lines = contents(note).split(separator: "\n").map(String.init)
            #expect(lines.first == "poststart" && lines.count == 2, "\(lines)")
            #expect(lines.last?.contains("\"status\":\"running\"") == true, "\(lines)")
            let deleted = try await bundle.runtime("delete", "--force", bundle.name)
            // The first one's failure is a warning, and keeps the second from nothing.
            #expect(deleted.status == 0 && deleted.err.contains("status 9"), "\(deleted.all)")
            lines = contents(note).split(separator: "\n").map(String.init)
            #expect(
                lines.count == 5 && lines[2] == "poststop" && lines[3].contains("\"status\":\"stopped\""), "\(lines)")
            #expect(lines.last?.contains("No such file") == true, "after the deletion: \(lines)")
        }
    }

    @Test func aFailingPoststartEndsTheContainer() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("sleep 60")
            configuration["hooks"]["poststart"] = [Self.hook("echo sorry; exit 4")]
            let created = try await bundle.create(configuration)
            try #require(created.status == 0, "\(created.all)")
            let started = try await bundle.runtime("start", bundle.name)
            #expect(started.status != 0 && started.err.contains("status 4: sorry"), "\(started.all)")
            let stopped = try await eventually {
                try JSON(try await bundle.runtime("state", bundle.name).out)["status"].string == "stopped"
            }
            #expect(stopped)
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    @Test func theTimeLimitKillsTheHookAndItsChildren() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo ran")
            configuration["hooks"]["createRuntime"] = [
                Self.hook("\(bundle.rootfs)/bin/sleep 50 & \(bundle.rootfs)/bin/sleep 60", ["timeout": 1])
            ]
            let start = ContinuousClock.now
            let output = try await bundle.run(configuration)
            #expect(output.err.contains("time limit of 1 s"), "\(output.all)")
            #expect(ContinuousClock.now - start < .seconds(20))
            // The leak check of the bundle looks for the sleeping ones.
        }
    }

    @Test func aHookThatKeepsItsOutputOpenDoesNotHoldTheContainer() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo ran")
            configuration["hooks"]["createRuntime"] = [Self.hook("\(bundle.rootfs)/bin/sleep 2 & exit 0")]
            let output = try await bundle.run(configuration, seconds: 10)
            #expect(output.text == "ran", "\(output.all)")
        }
    }

    @Test func aHookMayNotBeTheRuntimeItself() async throws {
        try await withBundle { bundle in
            try await shell("ln -sf /proc/self/exe \(bundle.rootfs)/bin/hook")
            var configuration = bundle.configuration("echo ran")
            configuration["hooks"]["startContainer"] = [["path": "/bin/hook", "args": ["berth-runtime", "--version"]]]
            let output = try await bundle.run(configuration)
            #expect(output.status != 0 && !output.out.contains("ran"), "\(output.all)")
        }
    }

    static let refusals: [Refusal] = [
        Refusal("a relative path", "must be absolute") { $0["hooks"]["createRuntime"] = [["path": "bin/true"]] },
        Refusal("no such program", "no such file") { $0["hooks"]["createRuntime"] = [["path": "/not/there"]] },
        Refusal("a timeout of zero", "not above zero") {
            $0["hooks"]["createRuntime"] = [["path": "/bin/true", "timeout": 0]]
        },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }
}
