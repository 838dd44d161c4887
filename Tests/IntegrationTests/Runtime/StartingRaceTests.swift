import Glibc
import TestSupport
import Testing

/// The attacks that need luck: a program renames things on a shared volume while containers start on it.
@Suite struct StartingRaceTests {
    /// Exchanges two names as fast as it can (`renameat2(RENAME_EXCHANGE)`), until it is killed.
    private static let renamer = """
        import ctypes, sys, os
        libc = ctypes.CDLL(None, use_errno=True); a, b = sys.argv[1].encode(), sys.argv[2].encode()
        print("ready", flush=True)
        while os.getppid() > 1: libc.renameat2(-100, a, -100, b, 2)
        """

    private func race(
        _ bundle: TestBundle, _ first: String, _ second: String, _ configuration: ConfigValue, count: Int = 25
    ) async throws -> Int {
        let renamer = try Child(["python3", "-c", Self.renamer, first, second])
        try await renamer.waitFor("ready")
        try bundle.write(configuration)
        var started = 0
        for index in 0..<(count * Repository.scale) {
            let output = try await command(bundle.words(["run", "--bundle", bundle.path, "r\(index)"]), seconds: 20)
            if output.out.contains("ran") { started += 1 }
        }
        renamer.signal(SIGKILL)
        _ = try? await renamer.finish()
        return started
    }

    // CVE-2021-30465
    @Test func mountTargetsOnASharedVolume() async throws {
        try await withBundle { bundle in
            let host = bundle.path + "/host"
            try await shell("mkdir -p \(host) \(bundle.path)/volume/dir; ln -s \(host) \(bundle.path)/volume/link")
            var configuration = bundle.configuration("echo ran")
            // All containers share one group's path: one after the other.
            configuration["mounts"].append(
                ["destination": "/a", "type": "bind", "source": .string(bundle.path + "/volume"), "options": ["bind"]])
            configuration["mounts"].append(["destination": "/a/dir/new", "type": "tmpfs", "source": "t"])
            let started = try await race(
                bundle, bundle.path + "/volume/dir", bundle.path + "/volume/link", configuration)
            #expect(list(host).isEmpty, "on the host: \(list(host))")
            #expect(started > 0, "no start met the directory")
        }
    }

    // CVE-2025-52881, CVE-2019-19921: what is written to /proc while a volume over it changes.
    @Test func procOnASharedVolume() async throws {
        try await withBundle { bundle in
            let host = bundle.path + "/host"
            try await shell(
                "mkdir -p \(host)/sys/net/ipv4 \(bundle.path)/volume/dir; touch \(host)/sys/net/ipv4/ip_default_ttl; ln -s \(host) \(bundle.path)/volume/link"
            )
            var configuration = bundle.configuration("echo ran")
            configuration["linux"]["sysctl"] = ["net.ipv4.ip_default_ttl": "91"]
            configuration["linux"]["maskedPaths"] = ["/a/dir/sys", "/proc/kcore"]
            configuration["linux"]["readonlyPaths"] = ["/a/dir"]
            configuration["mounts"].append(
                ["destination": "/a", "type": "bind", "source": .string(bundle.path + "/volume"), "options": ["bind"]])
            configuration["mounts"].append(["destination": "/a/dir", "type": "proc", "source": "proc"])
            _ = try await race(bundle, bundle.path + "/volume/dir", bundle.path + "/volume/link", configuration)
            #expect(contents(host + "/sys/net/ipv4/ip_default_ttl").isEmpty)
            #expect(list(host) == ["sys"])
        }
    }

    // CVE-2026-41579: the image's own /dev changes while nodes are made in it.
    @Test func devicesInAChangingRoot() async throws {
        try await withBundle { bundle in
            let host = bundle.path + "/host"
            try await shell("mkdir -p \(host) \(bundle.rootfs)/var/dir; ln -s \(host) \(bundle.rootfs)/var/link")
            var configuration = bundle.configuration("echo ran")
            configuration["linux"]["devices"] = [
                ["type": "c", "path": "/var/dir/null", "major": 1, "minor": 3],
                ["type": "p", "path": "/var/dir/sub/pipe"],
            ]
            _ = try await race(bundle, bundle.rootfs + "/var/dir", bundle.rootfs + "/var/link", configuration)
            #expect(list(host).isEmpty, "on the host: \(list(host))")
        }
    }

    // CVE-2024-21626, CVE-2018-15664: the working directory.
    @Test func theWorkingDirectoryOnASharedVolume() async throws {
        try await withBundle { bundle in
            let host = bundle.path + "/host"
            try await shell(
                "mkdir -p \(host) \(bundle.path)/volume/dir; touch \(host)/outside; ln -s \(host) \(bundle.path)/volume/link"
            )
            var configuration = bundle.configuration("ls; echo ran; [ -e outside ] && echo OUT || true")
            configuration["process"]["cwd"] = "/a/dir"
            configuration["mounts"].append(
                ["destination": "/a", "type": "bind", "source": .string(bundle.path + "/volume"), "options": ["bind"]])
            let renamer = try Child([
                "python3", "-c", Self.renamer, bundle.path + "/volume/dir", bundle.path + "/volume/link",
            ])
            try await renamer.waitFor("ready")
            for _ in 0..<(25 * Repository.scale) {
                let output = try await bundle.run(configuration)
                #expect(!output.out.contains("OUT"), "\(output.all)")
            }
            renamer.signal(SIGKILL)
            _ = try? await renamer.finish()
        }
    }
}
