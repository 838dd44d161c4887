import Glibc
import TestSupport
import Testing

/// Attacks on the starting and entering of containers. Each aims at something harmless made for the test.
@Suite struct EnteringTests {
    /// An image whose root file system a script makes from the base's, in the directory it is started in.
    private func image(_ engine: TestEngine, _ name: String, _ script: String) async throws {
        let scratch = try Scratch()
        let tar = try await BaseImage.shared.tar()
        let made = try await shell(
            "set -e; mkdir \(scratch.path)/r; cd \(scratch.path)/r; tar -xf \(tar); \(script); tar -cf ../i.tar .")
        try #require(made.status == 0, "\(made.all)")
        try await engine.ok("import", scratch.path + "/i.tar", name)
    }

    // CVE-2019-5736
    @Test func theProgramCannotBeOverwritten() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            // A copy: an attack that works must not hit the program that the other tests run.
            let copy = scratch.path + "/berth"
            try await shell("cp \(Repository.program) \(copy)")
            let before = try await shell("sha256sum < \(copy)")
            let words = [copy, "--root", engine.root]
            for entry in ["/proc/self/exe", "/proc/1/exe"] {
                _ = try await command(words + ["run", "--rm", base, entry, "--help"], seconds: 20)
            }
            let attacker = """
                while :; do
                    for p in /proc/[0-9]*; do
                        { exec 9<$p/exe; } 2>/dev/null || continue
                        case $(readlink $p/exe) in *busybox) continue;; esac
                        echo seen; { echo broken >/proc/$$/fd/9; } 2>/dev/null && echo "WROTE $(readlink $p/exe)"
                    done
                done
                """
            let started = try await command(words + ["run", "-d", "--name", "cc", base, "sh", "-c", attacker])
            #expect(started.status == 0, "\(started.all)")
            for _ in 0..<(30 * Repository.scale) {
                _ = try await command(words + ["exec", "cc", "true"])
                _ = try await command(words + ["exec", "cc", "/proc/self/exe", "--help"], seconds: 20)
            }
            #expect(!(try await engine.ok("logs", "cc").out.contains("WROTE")))
            #expect(try await shell("sha256sum < \(copy)").text == before.text)
            try await engine.ok("rm", "-f", "cc")
        }
    }

    // CVE-2024-21626, CVE-2016-9962
    @Test func aLeakedDescriptorIsNoWorkingDirectory() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            try write("of the host", to: scratch.path + "/secret")
            try await image(engine, "links:1", "for n in $(seq 3 24); do ln -s /proc/self/fd/$n fd$n; done")
            try await engine.start("--name", "cc", "links:1", "sleep", "100")
            for number in 3..<24 {
                for path in ["/proc/self/fd/\(number)", "/fd\(number)"] {
                    // Any way up from there must not reach the host's files.
                    let script =
                        "cat ../../../../../../../../../../\(scratch.path)/secret .\(scratch.path)/secret 2>/dev/null"
                    let run = try await engine.berth("run", "--rm", "-w", path, "links:1", "sh", "-c", script)
                    #expect(run.status != 0 && !run.out.contains("of the host"), "run -w \(path): \(run.all)")
                    let exec = try await engine.berth("exec", "-w", path, "cc", "sh", "-c", script)
                    #expect(exec.status != 0 && !exec.out.contains("of the host"), "exec -w \(path): \(exec.all)")
                }
            }
        }
    }

    // CVE-2019-19921, CVE-2023-27561, CVE-2025-52881
    @Test func aFakeProcfs() async throws {
        try await withEngine { engine in
            try await image(engine, "proclink:1", "rmdir proc; mkdir -p fake/self/attr; ln -s fake proc")
            let linked = try await engine.berth(
                "run", "--rm", "proclink:1", "sh", "-c", "readlink /proc; grep Seccomp: /proc/self/status")
            #expect(linked.status != 0 || linked.out.contains("Seccomp:\t2"), "\(linked.all)")
            try await image(engine, "syslink:1", "rmdir sys; ln -s proc sys")
            let sys = try await engine.berth("run", "--rm", "syslink:1", "cat", "/proc/self/attr/current")
            #expect(sys.status != 128)
            for options in [
                ["--tmpfs", "/proc"], ["-v", "vol:/proc"], ["--tmpfs", "/proc/self"], ["-v", "vol:/proc/sys"],
            ] {
                let output = try await command(
                    engine.words(
                        ["run", "--rm"] + options + [base, "sh", "-c", "mount -t proc p /tmp 2>/dev/null; echo ran"]))
                #expect(output.status == 125 || output.text == "ran", "\(options): \(output.all)")
                #expect(!output.err.contains("Fatal"))
            }
        }
    }

    // CVE-2021-30465, CVE-2024-45310
    @Test func aMountTargetThroughASymbolicLink() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let host = scratch.path + "/host", volume = scratch.path + "/vol", other = scratch.path + "/other"
            for path in [host, volume, other] { mkdir(path, 0o777) }
            symlink("../../../../../../../../../..\(host)", volume + "/up")
            symlink(host, volume + "/absolute")
            symlink("/proc/self/cwd/../../../..\(host)", volume + "/proc")
            for name in ["up", "absolute", "proc"] {
                _ = try await engine.berth(
                    "run", "--rm", "-v", "\(volume):/a", "-v", "\(other):/a/\(name)/new", base, "sh", "-c",
                    "echo x >/a/\(name)/new/file")
                #expect(list(host).isEmpty, "\(name): \(list(host))")
            }
        }
    }

    // CVE-2025-31133, CVE-2025-52565, CVE-2026-41579
    @Test func devicesAndMaskedPathsThroughLinksOfTheImage() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let target = scratch.path + "/target"
            mkdir(target, 0o777)
            try await image(engine, "devlink:1", "rm -rf dev; ln -s \(target) dev")
            let dev = try await engine.berth("run", "--rm", "-t", "devlink:1", "true")
            #expect(list(target).isEmpty, "\(list(target)) \(dev.all)")
            _ = try await engine.berth("run", "--rm", "devlink:1", "true")
            #expect(list(target).isEmpty)

            let name = contents("/proc/sys/kernel/hostname")
            try await image(
                engine, "null:1",
                "rm -rf dev/*; ln -s /proc/sys/kernel/hostname dev/null; ln -s /proc/sys/kernel/hostname dev/console; mkdir -p dev/pts; ln -s /proc/sys/kernel/hostname dev/pts/0"
            )
            let null = try await engine.berth(
                "run", "--rm", "null:1", "sh", "-c", "echo x >/dev/null; ls -l /dev/null; cat /proc/keys")
            #expect(null.out.hasPrefix("crw") || null.status == 125, "\(null.all)")
            #expect(contents("/proc/sys/kernel/hostname") == name)

            let volume = scratch.path + "/pts"
            mkdir(volume, 0o777)
            symlink(target + "/written", volume + "/0")
            symlink(target + "/written", volume + "/console")
            let child = try engine.session(
                "run", "--rm", "-it", "-v", "\(volume):/dev/pts", base, "true",
                streams: .terminal(rows: 24, columns: 80))
            _ = try await child.finish(seconds: 20)
            #expect(list(target).isEmpty)
        }
    }

    // CVE-2016-3697, CVE-2026-30892
    @Test(arguments: [
        "1000:", ":5", "0x0", "+0", " 0", "0 ", "4294967296", "4294967295", "-1", "1000:x:0:0", "1000:4294967296",
        "0\n",
    ])
    func aUserIsReadExactlyOrRefused(_ user: String) async throws {
        try await withEngine { engine in
            let output = try await engine.berth("run", "--rm", "--user=\(user)", base, "id", "-u")
            #expect(output.status != 0, "--user=\(user) gave \(output.out)")
            #expect(!output.err.contains("Fatal"), "\(output.err)")
        }
    }

    // CVE-2016-3697: a numeric user name must not give another's id.
    @Test func aNumericUserNameGivesItsNumber() async throws {
        try await withEngine { engine in
            try await image(
                engine, "users:1", "echo '1000:x:0:0:root:/:/bin/sh' >etc/passwd; echo '1000:x:0:' >etc/group")
            let output = try await engine.berth("run", "--rm", "-u", "1000", "users:1", "sh", "-c", "id -u")
            #expect(output.text == "1000" || output.status != 0, "\(output.all)")
        }
    }

    // CVE-2022-0811
    @Test func sysctlInjection() async throws {
        try await withEngine { engine in
            let swappiness = contents("/proc/sys/vm/swappiness").trimmed
            for value in [
                "kernel.shm_rmid_forced=1\nkernel.domainname=x", "vm.swappiness=\(swappiness)",
                "kernel/../vm/swappiness=\(swappiness)",
                "net.ipv4.ip_forward=1+kernel.domainname=x", "../vm/swappiness=1", "=", "kernel.shm_rmid_forced",
            ] {
                let output = try await engine.berth("run", "--rm", "--sysctl", value, base, "true")
                #expect(output.status == 125, "--sysctl \(value): \(output.all)")
            }
            #expect(contents("/proc/sys/vm/swappiness").trimmed == swappiness)
            #expect(
                try await engine.sh("cat /proc/sys/net/ipv4/ip_default_ttl", "--sysctl", "net.ipv4.ip_default_ttl=33")
                    .text == "33")
        }
    }

    @Test(arguments: [
        "../x", "", "a\nb", "-x", "a/b", ".hidden", "a b", "\u{1b}[31m", String(repeating: "nn", count: 2000),
    ])
    func namesThatAreNone(_ name: String) async throws {
        try await withEngine { engine in
            for words in [
                ["run", "--rm", "--name=\(name)", base, "true"], ["run", "--rm", "-v", "\(name):/data", base, "true"],
            ] {
                if words[2] == "-v", name.isEmpty || name.contains("/") { continue }
                let output = try await command(engine.words(words))
                #expect(output.status == 125, "\(words): \(output.all)")
                #expect(!output.err.contains("\u{1b}"))
            }
            let image = try await engine.berth("run", "--rm", name, "true")
            #expect(image.status == 125, "\(image.all)")
            #expect(!image.err.contains("\u{1b}"))
            let tag = try await engine.berth(
                "import", try await BaseImage.shared.tar(), name.isEmpty ? "a:" : "x:\(name)")
            #expect(tag.status != 0, "\(tag.all)")
            #expect(!exists(engine.root + "/../x"))
        }
    }

    @Test func escapeSequencesArePrintedEscaped() async throws {
        try await withEngine { engine in
            let evil = "\u{1b}]0;owned\u{7}"
            try await engine.start(
                "--name", "cc", "--label", "k=\(evil)", "-e", "E=\(evil)", base, "sh", "-c", "sleep 100", evil)
            for words in [["ps"], ["ps", "-a", "--no-trunc"], ["inspect", "cc"]] {
                let output = try await command(engine.words(words))
                #expect(!output.out.contains("\u{1b}"), "\(words)")
                #expect(!output.out.contains("\u{7}"), "\(words)")
            }
            #expect(try await engine.inspect("cc")["Config"]["Labels"]["k"].string == evil)
        }
    }
}
