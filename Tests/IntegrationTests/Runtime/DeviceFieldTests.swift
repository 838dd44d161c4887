import Glibc
import TestSupport
import Testing

@Suite struct DeviceFieldTests {
    @Test func defaultDevices() async throws {
        try await withBundle { bundle in
            let script = """
                cd /dev; stat -c '%n %t:%T %a' null zero full random urandom tty; for l in ptmx fd stdin stdout stderr; do readlink $l; done
                head -c 3 zero | od -An -tx1; echo x > full || echo is full
                """
            let output = try await bundle.run(bundle.configuration(script))
            for line in [
                "null 1:3 666", "zero 1:5 666", "full 1:7 666", "random 1:8 666", "urandom 1:9 666", "tty 5:0 666",
                "pts/ptmx",
                "/proc/self/fd", "00 00 00", "is full",
            ] { #expect(output.out.contains(line), "\(line): \(output.all)") }
        }
    }

    private static let more: ConfigValue = [
        ["type": "c", "path": "/dev/fuse", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 7, "gid": 8],
        ["type": "p", "path": "/dev/sub/pipe", "fileMode": 0o600],
        ["type": "b", "path": "/var/disk", "major": 7, "minor": 200, "fileMode": 0o600],
        ["type": "u", "path": "/var/raw", "major": 1, "minor": 5],
    ]

    @Test func listedDevicesAlsoOutsideDev() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration(
                "stat -c '%n %F %t:%T %a %u:%g' /dev/fuse /dev/sub/pipe /var/disk /var/raw; head -c 1 /var/raw | od -An -tx1"
            )
            configuration["linux"]["devices"] = Self.more
            // Twice: the nodes outside /dev are there the second time, and are taken as they are.
            for _ in 0..<2 {
                let output = try await bundle.run(configuration)
                for line in [
                    "/dev/fuse character special file a:e5 640 7:8", "/dev/sub/pipe fifo 0:0 600 0:0",
                    "/var/disk block special file 7:c8 600 0:0", "/var/raw character special file 1:5 666 0:0", "00",
                ] { #expect(output.out.contains(line), "\(line): \(output.all)") }
            }
        }
    }

    @Test func devicesWithoutADevMount() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("stat -c '%n %t:%T' /dev/null /dev/fuse; readlink /dev/fd")
            configuration["linux"]["devices"] = Self.more
            configuration["mounts"] = [["destination": "/proc", "type": "proc", "source": "proc"]]
            let output = try await bundle.run(configuration)
            #expect(output.out == "/dev/null 1:3\n/dev/fuse a:e5\n/proc/self/fd\n", "\(output.all)")
        }
    }

    @Test func ownersInAUserNamespace() async throws {
        try await withBundle { bundle in
            try await shell("chown -hR 100000:100000 \(bundle.rootfs)")
            var configuration = bundle.configuration("stat -c '%n %a %u:%g' /dev/fuse /dev/null /var/raw")
            configuration["linux"]["devices"] = Self.more
            configuration["linux"]["namespaces"].append(["type": "user"])
            configuration["linux"]["uidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            configuration["linux"]["gidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            let output = try await bundle.run(configuration)
            #expect(output.out == "/dev/fuse 640 7:8\n/dev/null 666 0:0\n/var/raw 666 0:0\n", "\(output.all)")
        }
    }

    @Test func somethingElseInADevicesPlaceIsRefused() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo ran")
            configuration["linux"]["devices"] = [["type": "c", "path": "/etc/passwd", "major": 1, "minor": 3]]
            let output = try await bundle.run(configuration)
            #expect(output.status != 0 && output.err.contains("something else is there already"), "\(output.all)")
            #expect(contents(bundle.rootfs + "/etc/passwd").contains("root:"))
        }
    }

    static let refusals: [Refusal] = [
        Refusal("a type that does not exist", "is none of c, u, b, p") {
            $0["linux"]["devices"] = [["type": "x", "path": "/dev/x", "major": 1, "minor": 3]]
        },
        Refusal("a number out of range", "is no device number") {
            $0["linux"]["devices"] = [["type": "c", "path": "/dev/x", "major": -1, "minor": 3]]
        },
        Refusal("a path that climbs", "absolute and without ..") {
            $0["linux"]["devices"] = [["type": "c", "path": "/var/../../x", "major": 1, "minor": 3]]
        },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }
}
