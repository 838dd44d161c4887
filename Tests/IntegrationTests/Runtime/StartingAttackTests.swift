import Glibc
import TestSupport
import Testing

/// Attacks on a container's start. Each would do something on a naive runtime; here it is refused, or harmless.
@Suite struct StartingAttackTests {
    /// To the kernel 4294967295 means "leave the id as it is": a process that asks for it must not stay root.
    @Test func theIDThatMeansNoneIsRefused() async throws {
        try await withBundle { bundle in
            for user: ConfigValue in [
                ["uid": 4_294_967_295, "gid": 0], ["uid": 0, "gid": 4_294_967_295],
                ["uid": 0, "gid": 0, "additionalGids": [4_294_967_295]],
            ] {
                var configuration = bundle.configuration("id; echo ran")
                configuration["process"]["user"] = user
                let output = try await bundle.run(configuration)
                #expect(output.status == 1 && !output.out.contains("ran"), "\(output.all)")
                try write(configuration["process"].text, to: bundle.path + "/process.json")
                #expect(try await bundle.create(bundle.configuration("sleep 100")).status == 0)
                try await bundle.runtime("start", bundle.name)
                let entered = try await bundle.runtime("exec", "--process", bundle.path + "/process.json", bundle.name)
                #expect(entered.status == 255 && !entered.out.contains("ran"), "\(entered.all)")
                try await bundle.runtime("delete", "--force", bundle.name)
            }
        }
    }

    /// Where compiled filters are kept is no container, and cannot be deleted as one.
    @Test func theFiltersPlaceIsNoContainer() async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("echo ran"))
            let run = try await bundle.runtime("run", "--bundle", bundle.path, ".seccomp")
            #expect(run.status == 1 && run.err.contains("invalid container ID"), "\(run.all)")
            #expect(try await bundle.runtime("delete", "--force", ".seccomp").status == 1)
        }
    }

    /// What must stay empty.
    private static func host(_ bundle: TestBundle) throws -> String {
        let path = bundle.path + "/host"
        try #require(mkdir(path, 0o755) == 0)
        return path
    }

    private func refusedOrHarmless(
        _ prepare: String, _ script: String = "echo ran",
        _ change: @Sendable (inout ConfigValue, TestBundle) -> Void = { _, _ in }
    ) async throws {
        try await withBundle { bundle in
            let host = try Self.host(bundle)
            // `../host` of the root file system is this directory: links lead there by both ways.
            let made = try await shell("set -e; cd \(bundle.rootfs); H=\(host); \(prepare)")
            try #require(made.status == 0, "\(made.all)")
            var configuration = bundle.configuration(script)
            change(&configuration, bundle)
            let output = try await bundle.run(configuration)
            #expect(list(host).isEmpty, "on the host: \(list(host)), \(output.all)")
            if output.status != 0 { #expect(output.err.split(separator: "\n").count == 1, "\(output.all)") }
        }
    }

    // CVE-2019-5736
    @Test func theRuntimeIsNotTheEntrypoint() async throws {
        try await withBundle { bundle in
            try await shell("ln -sf /proc/self/exe \(bundle.rootfs)/bin/entry")
            for path in ["/proc/self/exe", "/bin/entry"] {
                var configuration = bundle.configuration("true")
                configuration["process"]["args"] = [.string(path), "--version"]
                let output = try await bundle.run(configuration)
                #expect(output.status != 0 && !output.out.contains("berth"), "\(output.all)")
            }
        }
    }

    // CVE-2019-5736: from inside, through /proc/1/exe and an O_PATH descriptor that is opened again for writing.
    @Test func theRuntimesFileCannotBeWrittenTo() async throws {
        try await withBundle { bundle in
            let before = try await shell("sha256sum $(readlink -f \(Repository.runtime))")
            // `exec` puts the runtime into the container: the script goes for every process whose program is not its own.
            let configuration = bundle.configuration(
                "for i in $(seq 200); do for p in /proc/[0-9]*; do case $(readlink $p/exe) in */berth*) (echo bad >> $p/exe) 2>/dev/null && echo WROTE; ( exec 9<$p/exe; echo bad >> /proc/self/fd/9 ) 2>/dev/null && echo WROTE; esac; done; done; echo end"
            )
            let created = try await bundle.create(configuration)
            try #require(created.status == 0, "\(created.all)")
            _ = try await bundle.runtime("start", bundle.name)
            for _ in 0..<10 { _ = try await bundle.runtime("exec", bundle.name, "/bin/true") }
            _ = try await eventually(seconds: 60) { contents(bundle.path + "/out").contains("end") }
            #expect(!contents(bundle.path + "/out").contains("WROTE"))
            let after = try await shell("sha256sum $(readlink -f \(Repository.runtime))")
            #expect(before.out == after.out)
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    // CVE-2024-21626
    @Test func noWorkingDirectoryByADescriptor() async throws {
        try await withBundle { bundle in
            for number in 3..<20 {
                for path in ["/proc/self/fd/\(number)", "/proc/self/fd/\(number)/../..", "/lnk\(number)"] {
                    if path.hasPrefix("/lnk") {
                        try await shell("ln -sfn /proc/self/fd/\(number) \(bundle.rootfs)\(path)")
                    }
                    var configuration = bundle.configuration("pwd; ls /proc/self/cwd/ | head -3")
                    configuration["process"]["cwd"] = .string(path)
                    let output = try await bundle.run(configuration)
                    #expect(output.status != 0 && output.out.isEmpty, "\(path): \(output.all)")
                }
                // One of the three is enough to show it for the rest of the numbers.
                if number > 8, Repository.scale == 1 { break }
            }
        }
    }

    // CVE-2016-9962 and its like
    @Test func onlyTheStandardStreamsAreOpen() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("ls /proc/self/fd; ls -l /proc/1/fd")
            configuration["linux"]["seccomp"] = ["defaultAction": "SCMP_ACT_ALLOW"]
            let output = try await bundle.run(configuration)
            // ls has the directory itself open as 3.
            #expect(output.out.hasPrefix("0\n1\n2\n3\n"), "\(output.all)")
            let numbers = output.lines.dropFirst(4).filter { $0.contains("->") }.count
            #expect(numbers <= 3, "\(output.all)")
        }
    }

    @Test func aCreatedContainerShowsNothingOfTheHost() async throws {
        try await withBundle { bundle in
            let created = try await bundle.create(bundle.configuration("true"))
            try #require(created.status == 0, "\(created.all)")
            let state = try JSON(try await bundle.runtime("state", bundle.name).out)
            let pid = try #require(state["pid"].int)
            let descriptors = list("/proc/\(pid)/fd").compactMap { link("/proc/\(pid)/fd/\($0)") }
            for target in descriptors {
                let isOurs =
                    target.hasPrefix("socket:") || target == "/" || target.hasPrefix("/dev/")
                    || target.hasPrefix("anon_inode")
                    // The small program that waits for the start.
                    || target.hasPrefix("/memfd:berth-start") || target.hasPrefix("pipe:")
                    || target == bundle.path + "/out" || target == bundle.path + "/err"
                #expect(isOurs, "\(target) in \(descriptors)")
            }
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    // CVE-2019-19921, CVE-2023-27561
    @Test(arguments: ["proc", "sys", "dev"]) func aSystemDirectoryThatIsALink(_ name: String) async throws {
        try await refusedOrHarmless("rmdir \(name); ln -s $H \(name)")
        try await refusedOrHarmless("rmdir \(name); ln -s ../host \(name)")
        try await refusedOrHarmless("rmdir \(name); mkdir else; ln -s /else \(name)")
    }

    // CVE-2026-41579: also where the configuration mounts nothing on /dev.
    @Test func devAsALinkWithoutAMount() async throws {
        try await refusedOrHarmless("rmdir dev; ln -s $H dev") { configuration, _ in
            configuration["mounts"] = [["destination": "/proc", "type": "proc", "source": "proc"]]
        }
    }

    // CVE-2025-52881: a volume over /proc must not receive what is meant for the kernel.
    @Test func sysctlsDoNotGoThroughTheContainersProc() async throws {
        try await withBundle { bundle in
            try await shell(
                "mkdir -p \(bundle.path)/fake/sys/net/ipv4; touch \(bundle.path)/fake/sys/net/ipv4/ip_default_ttl")
            var configuration = bundle.configuration("cat /real/sys/net/ipv4/ip_default_ttl")
            configuration["linux"]["sysctl"] = ["net.ipv4.ip_default_ttl": "91"]
            configuration["mounts"].append(
                ["destination": "/proc", "type": "bind", "source": .string(bundle.path + "/fake"), "options": ["bind"]])
            configuration["mounts"].append(["destination": "/real", "type": "proc", "source": "proc"])
            let output = try await bundle.run(configuration)
            #expect(contents(bundle.path + "/fake/sys/net/ipv4/ip_default_ttl").isEmpty, "\(output.all)")
            #expect(output.status != 0 || output.text == "91", "\(output.all)")
        }
    }

    // CVE-2021-30465, CVE-2024-45310
    @Test func aMountTargetThroughALinkStaysInside() async throws {
        try await withBundle { bundle in
            let host = try Self.host(bundle)
            try await shell(
                "mkdir \(bundle.path)/volume; ln -s ../../host \(bundle.path)/volume/up; ln -s \(host) \(bundle.path)/volume/abs"
            )
            for name in ["up", "abs"] {
                var configuration = bundle.configuration("echo ran")
                configuration["mounts"].append(
                    [
                        "destination": "/a", "type": "bind", "source": .string(bundle.path + "/volume"),
                        "options": ["bind"],
                    ])
                configuration["mounts"].append(["destination": "/a/\(name)/new/deep", "type": "tmpfs", "source": "t"])
                configuration["mounts"].append(
                    ["destination": "/a/\(name)/file", "type": "bind", "source": "/etc/hostname", "options": ["bind"]])
                let output = try await bundle.run(configuration)
                #expect(list(host).isEmpty, "\(name): \(list(host)) \(output.all)")
            }
        }
    }

    // CVE-2025-31133: a masked path is covered by the host's null device, whatever the image calls /dev/null.
    @Test func theImagesNullDeviceMasksNothing() async throws {
        try await withBundle { bundle in
            try await shell(
                "mkdir -p \(bundle.rootfs)/dev; rm -f \(bundle.rootfs)/dev/null; ln -s /proc/sys/kernel/hostname \(bundle.rootfs)/dev/null; echo secret > \(bundle.rootfs)/etc/secret"
            )
            var configuration = bundle.configuration("cat /etc/secret; echo changed > /etc/secret; hostname")
            configuration["mounts"] = [["destination": "/proc", "type": "proc", "source": "proc"]]
            configuration["hostname"] = "before"
            configuration["linux"]["maskedPaths"] = ["/etc/secret"]
            let output = try await bundle.run(configuration)
            #expect(!output.out.contains("secret"), "\(output.all)")
            #expect(output.status != 0 || output.text == "before", "\(output.all)")
        }
    }

    // CVE-2025-52565
    @Test(arguments: ["console", "pts"]) func theTerminalsPlaceIsALink(_ name: String) async throws {
        try await withBundle { bundle in
            let host = try Self.host(bundle)
            try await shell(
                "echo untouched > \(host)/file; mkdir \(bundle.path)/devices; ln -s \(host)/file \(bundle.path)/devices/console; ln -s \(host) \(bundle.path)/devices/pts"
            )
            var configuration = bundle.configuration("echo ran; echo bad > /dev/console")
            configuration["process"]["terminal"] = true
            configuration["mounts"] = [
                ["destination": "/proc", "type": "proc", "source": "proc"],
                [
                    "destination": "/dev", "type": "bind", "source": .string(bundle.path + "/devices"),
                    "options": ["bind"],
                ],
                [
                    "destination": name == "pts" ? "/dev/pts" : "/pts", "type": "devpts", "source": "devpts",
                    "options": ["newinstance"],
                ],
            ]
            let output = try await bundle.run(configuration)
            #expect(contents(host + "/file") == "untouched\n" && list(host) == ["file"], "\(output.all)")
        }
    }

    // CVE-2022-29162
    @Test func nothingIsInheritable() async throws {
        try await withBundle { bundle in
            let created = try await bundle.create(bundle.configuration("grep CapInh /proc/self/status; sleep 60"))
            try #require(created.status == 0, "\(created.all)")
            _ = try await bundle.runtime("start", bundle.name)
            let inside = try await bundle.runtime(
                "exec", "--cap", "CAP_KILL", bundle.name, "/bin/grep", "CapInh", "/proc/self/status")
            #expect(inside.text == "CapInh:\t0000000000000000", "\(inside.all)")
            #expect(contents(bundle.path + "/out").trimmed == "CapInh:\t0000000000000000")
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    static let refusals: [Refusal] = [
        // CVE-2022-0811
        Refusal("a sysctl's value with a second line", "control character") {
            $0["linux"]["sysctl"] = ["net.ipv4.ip_default_ttl": "64\nkernel.core_pattern=|x"]
        },
        Refusal("a sysctl's name with a plus", "other characters") {
            $0["linux"]["sysctl"] = ["net.ipv4.x+kernel.y": "1"]
        },
        Refusal("a sysctl's name that climbs", "not the name of a setting") {
            $0["linux"]["sysctl"] = ["net/../kernel/core_pattern": "x"]
        },
        Refusal("a group path that climbs", "it holds \"..\"") {
            $0["linux"]["cgroupsPath"] = "/../../../tmp/berth-test-x"
        },
        Refusal("a relative group path that climbs", "it holds \"..\"") {
            $0["linux"]["cgroupsPath"] = "../berth-test-x"
        },
        Refusal("a group path with a newline", "control character") { $0["linux"]["cgroupsPath"] = "/berth-t\nx" },
        Refusal("the root group", "it is the root group") { $0["linux"]["cgroupsPath"] = "/" },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }

    @Test(arguments: ["../x", "", "a/b", "a\nb", "-x", ".", "..", String(repeating: "x", count: 2000)])
    func idsThatAreRefused(_ id: String) async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("echo ran"))
            let output = try await command(bundle.words(["run", "--bundle", bundle.path, "--", id]))
            #expect(output.status != 0 && !output.out.contains("ran"), "\(output.all)")
            #expect(list(bundle.state).filter { $0 != ".seccomp" }.isEmpty)
            #expect(!output.err.utf8.contains(0x1B) && output.err.split(separator: "\n").count <= 3, "\(output.all)")
        }
    }
}
