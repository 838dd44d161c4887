import Glibc
import TestSupport
import Testing

@Suite struct MountFieldTests {
    /// A tmpfs with options at `/mnt`, and how the container sees it.
    private static func tmpfs(_ name: String, _ options: [ConfigValue], _ expected: String) -> Field {
        Field("tmpfs \(name)", "mkdir -p /mnt; grep ' /mnt ' /proc/self/mountinfo", expected) {
            $0["mounts"].append(["destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": .array(options)])
        }
    }

    static let fields: [Field] = [
        tmpfs("ro", ["ro"], "/mnt ro,"),
        tmpfs("rw", ["ro", "rw"], "/mnt rw,"),
        tmpfs("nosuid", ["nosuid"], "rw,nosuid,relatime"),
        tmpfs("nodev", ["nodev"], "rw,nodev,relatime"),
        tmpfs("noexec", ["noexec"], "rw,noexec,relatime"),
        tmpfs("undone flags", ["nosuid", "nodev", "noexec", "suid", "dev", "exec", "size=12k"], "/mnt rw,relatime - "),
        tmpfs("noatime", ["noatime"], "rw,noatime"),
        tmpfs("strictatime", ["strictatime"], "/mnt rw - "),
        tmpfs("relatime", ["noatime", "relatime", "size=8k"], "rw,relatime"),
        tmpfs("nodiratime", ["nodiratime"], "nodiratime"),
        tmpfs("nosymfollow", ["nosymfollow"], "nosymfollow"),
        tmpfs("size", ["size=128k"], "size=128k"),
        tmpfs("mode", ["mode=0711"], "mode=711"),
        tmpfs("rro", ["rro"], "/mnt ro,"),
        tmpfs("rnosuid", ["rnosuid"], "rw,nosuid,relatime"),
        tmpfs("rnodev", ["rnodev"], "rw,nodev,relatime"),
        tmpfs("rnoexec", ["rnoexec"], "rw,noexec,relatime"),
        tmpfs("rnoatime", ["rnoatime"], "rw,noatime"),
        tmpfs("shared", ["shared"], "shared:"),
        tmpfs("unbindable", ["unbindable"], "unbindable"),
        tmpfs("sync", ["sync"], "tmpfs rw,sync"),
        Field(
            "tmpcopyup", "cat /etc/origin; touch /etc/new && grep -c ' /etc ' /proc/self/mountinfo", "of the image\n1"
        ) {
            $0["mounts"].append(
                ["destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "mode=755"]])
        },
        Field(
            "readonly root", "touch /x 2>&1; touch /dev/shm/y && echo dev is not", "Read-only file system\ndev is not"
        ) {
            $0["root"]["readonly"] = true
        },
        Field(
            "read-only /dev", "touch /dev/x 2>&1; ls /dev/pts/ptmx",
            "touch: /dev/x: Read-only file system\n/dev/pts/ptmx"
        ) {
            $0["mounts"] = .array(
                $0["mounts"].elements.map { mount in
                    guard mount["destination"].text == "\"/dev\"" else { return mount }
                    var copy = mount
                    copy["options"].append("ro")
                    return copy
                })
        },
        Field("maskedPaths of a file", "wc -c < /proc/filesystems", "0") {
            $0["linux"]["maskedPaths"] = ["/proc/filesystems"]
        },
        Field("maskedPaths of a directory", "ls /sys/class | wc -l; ls /var/www | wc -l", "0\n0") {
            $0["linux"]["maskedPaths"] = ["/sys/class", "/var/www", "/not/there"]
        },
        Field("readonlyPaths", "touch /var/www/x 2>&1", "Read-only file system") {
            $0["linux"]["readonlyPaths"] = ["/var/www", "/not/there"]
        },
        Field(
            "rootfsPropagation shared", "grep ' / / ' /proc/self/mountinfo || grep ' / ' /proc/self/mountinfo",
            "shared:"
        ) {
            $0["linux"]["rootfsPropagation"] = "shared"
        },
        Field("rootfsPropagation unbindable", "grep ' / ' /proc/self/mountinfo", "unbindable") {
            $0["linux"]["rootfsPropagation"] = "unbindable"
        },
        Field("mqueue", "mkdir -p /dev/mqueue; grep -c 'mqueue rw' /proc/self/mountinfo", "1") {
            $0["mounts"].append(["destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue"])
        },
    ]

    @Test(arguments: fields) func field(_ field: Field) async throws { try await field.verify() }

    static let refusals: [Refusal] = [
        Refusal("a mount over the root", "nothing may be mounted over the root") {
            $0["mounts"].append(["destination": "/", "type": "tmpfs", "source": "t"])
        },
        Refusal("a propagation of the root that does not exist", "none of shared") {
            $0["linux"]["rootfsPropagation"] = "fun"
        },
        Refusal("a relative destination", "must be an absolute path") {
            $0["mounts"].append(["destination": "mnt", "type": "tmpfs", "source": "t"])
        },
        Refusal("an option that the file system does not know", "fun") {
            $0["mounts"].append(["destination": "/mnt", "type": "tmpfs", "source": "t", "options": ["fun=1"]])
        },
        Refusal("an option on a bind mount", "a bind mount has no option size") {
            $0["mounts"].append([
                "destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["bind", "size=1k"],
            ])
        },
        Refusal("a file system that does not exist", "mount funfs on /mnt") {
            $0["mounts"].append(["destination": "/mnt", "type": "funfs", "source": "t"])
        },
        Refusal("a bind mount of nothing", "bind /not/there: no such file or directory") {
            $0["mounts"].append(["destination": "/mnt", "type": "bind", "source": "/not/there", "options": ["bind"]])
        },
        Refusal("half a mapping", "must both be given") {
            $0["mounts"].append([
                "destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["bind"],
                "uidMappings": [["containerID": 0, "hostID": 5, "size": 1]],
            ])
        },
        Refusal("a mapping of a tmpfs", "only a bind mount can map ids") {
            $0["mounts"].append(["destination": "/mnt", "type": "tmpfs", "source": "t", "options": ["idmap"]])
        },
        Refusal("copying up into a bind mount", "tmpcopyup is for tmpfs") {
            $0["mounts"].append([
                "destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["bind", "tmpcopyup"],
            ])
        },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }

    /// A host directory with a tmpfs mounted inside it, for what recursive binds do.
    private func withTree(_ body: (TestBundle, String) async throws -> Void) async throws {
        try await withBundle { bundle in
            let tree = bundle.path + "/tree"
            let made = try await shell(
                "mkdir -p \(tree)/sub && mount -t tmpfs t \(tree)/sub && touch \(tree)/top \(tree)/sub/below")
            try #require(made.status == 0, "\(made.all)")
            do { try await body(bundle, tree) } catch {
                _ = try? await shell("umount -l \(tree)/sub")
                throw error
            }
            try await shell("umount -l \(tree)/sub")
        }
    }

    private func see(_ options: [ConfigValue], _ script: String, _ extra: ConfigValue = .null) async throws -> Output {
        var result: Output?
        try await withTree { bundle, tree in
            var configuration = bundle.configuration("mkdir -p /mnt; \(script)")
            var mount: ConfigValue = [
                "destination": "/mnt", "type": "bind", "source": .string(tree), "options": .array(options),
            ]
            if case .object(let members) = extra { for (key, value) in members { mount[key] = value } }
            configuration["mounts"].append(mount)
            result = try await bundle.run(configuration)
        }
        return try #require(result)
    }

    @Test func bindAloneLeavesMountsBelowOut() async throws {
        let output = try await see(["bind"], "ls /mnt /mnt/sub")
        #expect(output.out.contains("top") && !output.out.contains("below"), "\(output.all)")
    }

    @Test func rbindTakesThemAlong() async throws {
        let output = try await see(["rbind"], "ls /mnt/sub; touch /mnt/new /mnt/sub/new && echo written")
        #expect(output.out.contains("below") && output.out.contains("written"), "\(output.all)")
    }

    @Test func roIsForTheTopOnly() async throws {
        let output = try await see(
            ["rbind", "ro"], "touch /mnt/new 2>&1; touch /mnt/sub/new && echo below is writable")
        #expect(output.out.contains("Read-only") && output.out.contains("below is writable"), "\(output.all)")
    }

    @Test func rroIsForTheTree() async throws {
        let output = try await see(["rbind", "rro"], "touch /mnt/new; touch /mnt/sub/new || echo both")
        #expect(output.err.split(separator: "\n").count == 2 && output.out.contains("both"), "\(output.all)")
    }

    @Test func rnosuidAndItsLike() async throws {
        let output = try await see(["rbind", "rnosuid", "rnodev", "rnoexec"], "grep ' /mnt/sub ' /proc/self/mountinfo")
        #expect(output.out.contains("nosuid,nodev,noexec"), "\(output.all)")
    }

    @Test(arguments: [("rshared", "shared:"), ("rslave", "master:"), ("rprivate", " - ")])
    func propagation(_ option: String, _ expected: String) async throws {
        let shared = try await shell("findmnt -no PROPAGATION -T /var/tmp")
        let output = try await see(["rbind", .string(option)], "grep ' /mnt ' /proc/self/mountinfo")
        // Only what is shared on the host can be slave to it.
        if option == "rslave", !shared.out.contains("shared") { return }
        #expect(output.out.contains(expected), "\(output.all)")
    }

    @Test func idmapWithAMapOfItsOwn() async throws {
        try await withBundle { bundle in
            try await shell(
                "mkdir \(bundle.path)/tree && touch \(bundle.path)/tree/file && chown 5:6 \(bundle.path)/tree/file")
            var configuration = bundle.configuration("stat -c %u:%g /mnt/file")
            let mount: ConfigValue = [
                "destination": "/mnt", "type": "bind", "source": .string(bundle.path + "/tree"),
                "options": ["bind", "idmap"], "uidMappings": [["containerID": 5, "hostID": 1005, "size": 1]],
                "gidMappings": [["containerID": 6, "hostID": 1006, "size": 1]],
            ]
            configuration["mounts"].append(mount)
            let output = try await bundle.run(configuration)
            #expect(output.text == "1005:1006", "\(output.all)")
        }
    }

    @Test(arguments: ["idmap", "ridmap"]) func idmapOfTheContainersOwn(_ option: String) async throws {
        try await withBundle { bundle in
            try await shell(
                "chown -R 100000:100000 \(bundle.rootfs); mkdir \(bundle.path)/tree; touch \(bundle.path)/tree/file")
            var configuration = bundle.configuration("stat -c %u:%g /mnt/file; touch /mnt/new")
            configuration["linux"]["namespaces"].append(["type": "user"])
            configuration["linux"]["uidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            configuration["linux"]["gidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            configuration["mounts"].append([
                "destination": "/mnt", "type": "bind", "source": .string(bundle.path + "/tree"),
                "options": ["rbind", .string(option)],
            ])
            let output = try await bundle.run(configuration)
            #expect(output.text == "0:0", "\(output.all)")
            let made = owner(bundle.path + "/tree/new")
            #expect(made?.uid == 0 && made?.gid == 0)
        }
    }

    @Test(arguments: [true, false]) func controlGroupMounts(_ hasNamespace: Bool) async throws {
        guard ResourceFieldTests.offers("pids") else { return }
        try await withBundle { bundle in
            var configuration = bundle.configuration(
                "cd /sys/fs/cgroup; f=pids/pids.max; [ -e $f ] || f=pids.max; cat $f; echo 5 2>&1 > $f; cat /proc/self/cgroup"
            )
            if !hasNamespace {
                configuration["linux"]["namespaces"] = [["type": "pid"], ["type": "network"], ["type": "mount"]]
            }
            configuration["linux"]["resources"] = ["pids": ["limit": 77]]
            configuration["mounts"].append(
                ["destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]])
            let output = try await bundle.run(configuration)
            // The view begins at the container's own group.
            #expect(output.out.hasPrefix("77\n"), "\(output.all)")
            #expect(output.out.contains("Read-only"), "\(output.all)")
            #expect(output.out.contains("berth-t-runtime") == !hasNamespace, "\(output.all)")
        }
    }

    @Test func slaveRootSeesWhatTheHostMountsLater() async throws {
        let shared = try await shell("findmnt -no PROPAGATION -T /var/tmp")
        guard shared.out.contains("shared") else {
            print("skipped: /var/tmp is not a shared mount on this machine")
            return
        }
        try await withBundle { bundle in
            var configuration = bundle.configuration("until [ -e /mnt/here ]; do sleep 0.05; done; echo seen")
            configuration["linux"]["rootfsPropagation"] = "slave"
            try bundle.write(configuration)
            try await shell("mkdir -p \(bundle.rootfs)/mnt")
            let child = try Child(bundle.words(["run", "--bundle", bundle.path, bundle.name]))
            try await Task.sleep(for: .milliseconds(300))
            try await shell("mount -t tmpfs t \(bundle.rootfs)/mnt && touch \(bundle.rootfs)/mnt/here")
            let output = try await child.finish(seconds: 10)
            try await shell("umount -l \(bundle.rootfs)/mnt")
            #expect(output.text == "seen", "\(output.all)")
        }
    }
}
