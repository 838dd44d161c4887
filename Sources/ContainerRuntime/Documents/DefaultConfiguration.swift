import Glibc
public import JSON

/// The `config.json` that `spec` writes: a shell on a terminal, with few capabilities, in namespaces of its own.
public enum DefaultConfiguration {
    /// The document.
    ///
    /// - Parameter rootless: for the calling user: a user namespace in which that user is root, the caller's network, and no
    ///   control group settings.
    public static func document(rootless: Bool) -> JSONValue {
        var document = JSONObject([
            ("ociVersion", .string(Features.newestSpecification)), ("process", process),
            ("root", ["path": "rootfs", "readonly": true]), ("hostname", "berth"),
            ("mounts", .array(mounts(rootless: rootless))),
        ])
        var linux = JSONObject()
        if rootless {
            linux["uidMappings"] = [["containerID": 0, "hostID": JSONValue(geteuid()), "size": 1]]
            linux["gidMappings"] = [["containerID": 0, "hostID": JSONValue(getegid()), "size": 1]]
        } else {
            linux["resources"] = ["devices": [["allow": false, "access": "rwm"]]]
        }
        var kinds = ["pid", "ipc", "uts", "mount", "cgroup"]
        kinds.insert(rootless ? "user" : "network", at: 1)
        linux["namespaces"] = .array(kinds.map { ["type": .string($0)] })
        linux["maskedPaths"] = words([
            "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
        ])
        linux["readonlyPaths"] = words(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
        document["linux"] = .object(linux)
        return .object(document)
    }

    private static func words(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }

    private static var process: JSONValue {
        let granted = words(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"])
        return [
            "terminal": true, "user": ["uid": 0, "gid": 0], "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"], "cwd": "/",
            "capabilities": ["bounding": granted, "effective": granted, "permitted": granted],
            "rlimits": [["type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024]], "noNewPrivileges": true,
        ]
    }

    private static func mounts(rootless: Bool) -> [JSONValue] {
        func mount(_ destination: String, _ type: String, _ source: String, _ options: [String]) -> JSONValue {
            var object = JSONObject([
                ("destination", .string(destination)), ("type", .string(type)), ("source", .string(source)),
            ])
            if !options.isEmpty { object["options"] = words(options) }
            return .object(object)
        }
        // Without a mapping of group 5 a terminal's nodes cannot belong to it.
        let terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] + (rootless ? [] : ["gid=5"])
        let system =
            rootless
            ? mount("/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])
            : mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"])
        return [
            mount("/proc", "proc", "proc", []),
            mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", "devpts", terminals),
            mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
            system,
            mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
        ]
    }
}
