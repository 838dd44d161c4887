import Glibc
import TestSupport
import Testing

@Suite struct NamespaceFieldTests {
    private static let kinds = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]
    private static let files = [
        "pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup",
        "time": "time",
    ]

    private func mapped(_ configuration: inout ConfigValue) {
        configuration["linux"]["uidMappings"] = [["containerID": 0, "hostID": 0, "size": 65536]]
        configuration["linux"]["gidMappings"] = [["containerID": 0, "hostID": 0, "size": 65536]]
    }

    @Test(arguments: kinds) func newOrInherited(_ kind: String) async throws {
        let file = try #require(Self.files[kind])
        let own = try #require(link("/proc/self/ns/\(file)"))
        try await withBundle { bundle in
            for isNew in [true, false] where isNew || kind != "mount" {
                var configuration = bundle.configuration("readlink /proc/self/ns/\(file)")
                var list: [ConfigValue] = [["type": "mount"], ["type": "pid"], ["type": "network"]]
                list.removeAll { $0["type"].text == "\"\(kind)\"" }
                if isNew { list.append(["type": .string(kind)]) }
                configuration["linux"]["namespaces"] = .array(list)
                if kind == "network", !isNew {
                    // sysfs belongs to a network namespace: another's is bound, not mounted.
                    configuration["mounts"] = .array(
                        configuration["mounts"].elements.filter { $0["type"].text != "\"sysfs\"" })
                }
                if kind == "user", isNew { mapped(&configuration) }
                let output = try await bundle.run(configuration)
                #expect(output.status == 0 && (output.text != own) == isNew, "\(kind) new \(isNew): \(output.all)")
            }
        }
    }

    /// A process with namespaces of its own that the container joins by path.
    @Test(arguments: kinds) func joined(_ kind: String) async throws {
        let file = try #require(Self.files[kind])
        try await withBundle { bundle in
            let options = [
                "pid": "--pid --fork --kill-child", "network": "--net", "mount": "--mount", "ipc": "--ipc",
                "uts": "--uts",
                "user": "--user --map-root-user", "cgroup": "--cgroup", "time": "--time",
            ]
            // busybox of the bundle, so that the leak check sees a forgotten one.
            let holder = try Child(
                ["unshare"] + (options[kind] ?? "").split(separator: " ").map(String.init) + [
                    "\(bundle.rootfs)/bin/sleep", "60",
                ])
            var target = holder.pid
            _ = try await eventually {
                if kind == "pid" {
                    let children = contents("/proc/\(holder.pid)/task/\(holder.pid)/children")
                    guard let child = children.split(separator: " ").first.flatMap({ pid_t($0) }) else { return false }
                    target = child
                }
                return contents("/proc/\(target)/cmdline").hasPrefix(bundle.rootfs)
            }
            let path = "/proc/\(target)/ns/\(file)"
            var configuration = bundle.configuration("readlink /proc/self/ns/\(file)")
            var list: [ConfigValue] = [["type": "mount"], ["type": "pid"], ["type": "network"]]
            list.removeAll { $0["type"].text == "\"\(kind)\"" }
            list.append(["type": .string(kind), "path": .string(path)])
            configuration["linux"]["namespaces"] = .array(list)
            if kind == "mount" {
                // Its root and mounts are another's: the container's process looks at them as they are.
                configuration["mounts"] = []
                configuration["root"]["path"] = "/"
                configuration["process"]["args"] = ["/bin/sh", "-c", "readlink /proc/self/ns/mnt"]
                configuration["linux"]["namespaces"] = [["type": "mount", "path": .string(path)]]
            }
            if kind == "user" {
                // One id is mapped there, and so no group 5 for terminals.
                configuration["mounts"] = .array(
                    configuration["mounts"].elements.filter { $0["type"].text != "\"devpts\"" })
            }
            let expected = link(path)
            let output = try await bundle.run(configuration)
            holder.signalGroup(SIGKILL)
            _ = try? await holder.finish()
            #expect(output.text == expected, "\(output.all)")
        }
    }

    /// Joined without mappings in the configuration: the owners of the container's /dev come from the namespace's own map.
    @Test func ownersInAJoinedUserNamespace() async throws {
        try await withBundle { bundle in
            try await shell("chown -hR 100000:100000 \(bundle.rootfs)")
            var first = bundle.configuration("sleep 60")
            first["linux"]["namespaces"].append(["type": "user"])
            first["linux"]["uidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            first["linux"]["gidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            let created = try await bundle.create(first)
            try #require(created.status == 0, "\(created.all)")
            let pid = try #require(try JSON(try await bundle.runtime("state", bundle.name).out)["pid"].int)
            var second = bundle.configuration("stat -c %u:%g /dev /dev/null /dev/shm; readlink /proc/self/ns/net")
            second["linux"]["cgroupsPath"] = .string("/berth-t-runtime/\(bundle.name)-2")
            second["linux"]["namespaces"] = [
                ["type": "mount"], ["type": "pid"], ["type": "ipc"],
                ["type": "user", "path": .string("/proc/\(pid)/ns/user")],
                ["type": "network", "path": .string("/proc/\(pid)/ns/net")],
            ]
            try bundle.write(second)
            let output = try await command(bundle.words(["run", "--bundle", bundle.path, "second"]), seconds: 30)
            #expect(output.out == "0:0\n0:0\n0:0\n" + (link("/proc/\(pid)/ns/net") ?? "") + "\n", "\(output.all)")
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    @Test func timeOffsets() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime")
            configuration["linux"]["namespaces"].append(["type": "time"])
            configuration["linux"]["timeOffsets"] = [
                "monotonic": ["secs": 100, "nanosecs": 7], "boottime": ["secs": 900_000],
            ]
            let output = try await bundle.run(configuration)
            let words = output.out.split { $0 == " " || $0 == "\n" }.map(String.init)
            #expect(words.prefix(6) == ["monotonic", "100", "7", "boottime", "900000", "0"], "\(output.all)")
            #expect((words.last.flatMap { Int($0) } ?? 0) > 900_000)
        }
    }

    @Test func userNamespaceWithMaps() async throws {
        try await withBundle { bundle in
            try await shell("chown -hR 200000:300000 \(bundle.rootfs)")
            var configuration = bundle.configuration(
                "cat /proc/self/uid_map /proc/self/gid_map; stat -c '%u %g' /bin /dev/null; touch /made; echo x > /dev/null && echo ok"
            )
            configuration["linux"]["namespaces"].append(["type": "user"])
            configuration["linux"]["uidMappings"] = [
                ["containerID": 0, "hostID": 200000, "size": 1000],
                ["containerID": 1000, "hostID": 400000, "size": 10],
            ]
            configuration["linux"]["gidMappings"] = [["containerID": 0, "hostID": 300000, "size": 1000]]
            let output = try await bundle.run(configuration)
            let words = output.out.split { $0 == " " || $0 == "\n" }.map(String.init)
            #expect(
                words.prefix(9) == ["0", "200000", "1000", "1000", "400000", "10", "0", "300000", "1000"],
                "\(output.all)")
            #expect(words.suffix(5) == ["0", "0", "0", "0", "ok"], "\(output.all)")
            let made = owner(bundle.rootfs + "/made")
            #expect(made?.uid == 200000 && made?.gid == 300000)
        }
    }

    /// Runs the runtime in a network namespace of the test's own, which plays the host and has a pair of links.
    private func runBesideLinks(_ bundle: TestBundle, _ configuration: ConfigValue, then: String = "true") async throws
        -> Output
    {
        try bundle.write(configuration)
        let links = """
            ip link add lent0 type veth peer name stays0 && ip addr add 192.0.2.77/24 dev lent0 && \
            ip addr add 2001:db8::7/64 dev lent0 && ip link set lent0 mtu 1333 address 02:00:00:00:77:01 && "$@"; \
            echo status $?; \(then)
            """
        return try await command(
            ["unshare", "-n", "sh", "-c", links, "sh"] + bundle.words(["run", "--bundle", bundle.path, bundle.name]),
            seconds: 30)
    }

    @Test func networkDevices() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("ip addr show dev inside0")
            configuration["linux"]["netDevices"] = ["lent0": ["name": "inside0"]]
            let output = try await runBesideLinks(bundle, configuration)
            for words in ["mtu 1333", "02:00:00:00:77:01", "192.0.2.77/24", "2001:db8::7/64", ",UP", "status 0"] {
                #expect(output.out.contains(words), "\(words): \(output.all)")
            }
            configuration["linux"]["netDevices"] = ["lent0": [:]]
            configuration["process"]["args"] = ["/bin/sh", "-c", "ip addr show dev lent0"]
            let sameName = try await runBesideLinks(bundle, configuration)
            #expect(sameName.out.contains("192.0.2.77/24") && sameName.out.contains("status 0"), "\(sameName.all)")
        }
    }

    /// A creation, or a start, that fails gives them back under their old names.
    @Test(arguments: ["/not/there", "/"]) func networkDevicesComeBack(_ directory: String) async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("true")
            configuration["linux"]["netDevices"] = ["lent0": ["name": "inside0"]]
            configuration["process"]["cwd"] = .string(directory)
            if directory == "/" { configuration["process"]["args"] = ["/not/there"] }
            let output = try await runBesideLinks(bundle, configuration, then: "ip addr show dev lent0")
            #expect(!output.out.contains("status 0"), "\(output.all)")
            #expect(output.out.contains("mtu 1333") && output.out.contains("192.0.2.77/24"), "\(output.all)")
        }
    }

    static let refusals: [Refusal] = [
        Refusal("a kind twice", "listed twice") { $0["linux"]["namespaces"].append(["type": "pid"]) },
        Refusal("a kind that does not exist", "there is no such kind") {
            $0["linux"]["namespaces"].append(["type": "fun"])
        },
        Refusal("a path of another kind", "another kind") {
            $0["linux"]["namespaces"] = [["type": "mount"], ["type": "network", "path": "/proc/self/ns/ipc"]]
        },
        Refusal("a path that is no namespace", "invalid argument") {
            $0["linux"]["namespaces"] = [["type": "mount"], ["type": "network", "path": "/etc/hostname"]]
        },
        Refusal("a relative path", "must be absolute") {
            $0["linux"]["namespaces"] = [["type": "mount"], ["type": "network", "path": "proc/1/ns/net"]]
        },
        Refusal("a path of 70 kB", "longer than 4095 bytes") {
            let path = String(repeating: "/proc", count: 14_000)
            $0["linux"]["namespaces"] = [["type": "mount"], ["type": "network", "path": .string(path)]]
        },
        Refusal("mappings without a user namespace", "need a user namespace") {
            $0["linux"]["uidMappings"] = [["containerID": 0, "hostID": 0, "size": 1]]
        },
        Refusal("a user namespace without mappings", "1 to 340") { $0["linux"]["namespaces"].append(["type": "user"]) },
        Refusal("400 mappings", "not 400 and 1") {
            $0["linux"]["namespaces"].append(["type": "user"])
            $0["linux"]["uidMappings"] = .array(
                (0..<400).map { ["containerID": .integer($0), "hostID": .integer($0), "size": 1] })
            $0["linux"]["gidMappings"] = [["containerID": 0, "hostID": 0, "size": 1]]
        },
        Refusal("offsets without a time namespace", "no time namespace") {
            $0["linux"]["timeOffsets"] = ["monotonic": ["secs": 1]]
        },
        Refusal("an offset of another clock", "neither monotonic nor boottime") {
            $0["linux"]["namespaces"].append(["type": "time"])
            $0["linux"]["timeOffsets"] = ["realtime": ["secs": 1]]
        },
        Refusal("network devices in the host's namespace", "no network namespace") {
            $0["linux"]["namespaces"] = [["type": "mount"], ["type": "pid"]]
            $0["linux"]["netDevices"] = ["eth0": [:]]
        },
        Refusal("a network device that is not there", "find the link btnothere") {
            $0["linux"]["netDevices"] = ["btnothere": [:]]
        },
        Refusal("a network device's name that climbs", "a name has 1 to 15 bytes") {
            $0["linux"]["netDevices"] = ["btnothere": ["name": "../x"]]
        },
        Refusal("two devices of one name", "one name in the container") {
            $0["linux"]["netDevices"] = ["bta": ["name": "x"], "btb": ["name": "x"]]
        },
        Refusal("mounts in a joined mount namespace", "need a new mount namespace") {
            $0["linux"]["namespaces"] = [["type": "mount", "path": "/proc/1/ns/mnt"]]
        },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }
}
