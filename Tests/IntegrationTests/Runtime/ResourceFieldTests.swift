import Glibc
import TestSupport
import Testing

/// `linux.resources`: what the group's files hold while the container runs. The files of version 2 and of version 1.
@Suite struct ResourceFieldTests {
    /// That all have stopped is announced by the kernel: nobody sleeps until it may be so.
    @Test(.enabled(if: exists("/usr/bin/strace"), "strace is not installed"))
    func pausingWaitsForTheKernelsWord() async throws {
        // Pure version 1 announces nothing (docs/runtime.md, "Waiting").
        if !exists("/sys/fs/cgroup/unified"), !exists("/sys/fs/cgroup/cgroup.procs") { return }
        try await withBundle { bundle in
            #expect(
                try await bundle.create(bundle.configuration("while :; do :; done & while :; do :; done")).status == 0)
            #expect(try await bundle.runtime("start", bundle.name).status == 0)
            let log = bundle.path + "/calls"
            let words = bundle.words(["pause", bundle.name]).joined(separator: " ")
            let output = try await shell("strace -f -qq -o \(log) -e trace=nanosleep,clock_nanosleep,poll \(words)")
            #expect(output.status == 0 && !contents(log).contains("nanosleep"), "\(output.all) \(contents(log))")
            #expect(try await bundle.runtime("state", bundle.name).out.contains("paused"))
            try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    /// A group in whose subgroups somebody's processes are is not taken for a container, nor cleared away with it.
    @Test func aGroupWithProcessesBelowIsRefused() async throws {
        try await withBundle { bundle in
            let sleeper = try Child(["sleep", "1000"])
            let controllers = exists("/sys/fs/cgroup/memory") ? ["memory"] : [""]
            for controller in controllers {
                let below = "/sys/fs/cgroup/\(controller)/berth-t-runtime/\(bundle.name)/below"
                try await shell("mkdir -p \(below) && echo \(sleeper.pid) > \(below)/cgroup.procs")
                let output = try await bundle.run(bundle.configuration("echo ran"))
                #expect(output.status == 1 && output.err.contains("already holds processes"), "\(output.all)")
                #expect(!output.out.contains("ran"))
                try await bundle.runtime("delete", "--force", bundle.name)
                #expect(contents(below + "/cgroup.procs").trimmed == "\(sleeper.pid)")
                #expect(Processes.isAlive(sleeper.pid))
                sleeper.signal(SIGKILL)
                _ = try? await sleeper.finish()
                _ = try await eventually(seconds: 5) { rmdir(below) == 0 || !exists(below) }
                rmdir("/sys/fs/cgroup/\(controller)/berth-t-runtime/\(bundle.name)")
            }
        }
    }

    struct Limit: Sendable, CustomTestStringConvertible {
        let name: String
        let controller: String
        let version1: (file: String, value: String)?
        let version2: (file: String, value: String)?
        let change: @Sendable (inout ConfigValue) -> Void
        var testDescription: String { name }
    }

    static let limits: [Limit] = [
        Limit(
            name: "memory.limit", controller: "memory", version1: ("memory.limit_in_bytes", "67108864"),
            version2: ("memory.max", "67108864")
        ) { $0["memory"] = ["limit": 67_108_864] },
        Limit(
            name: "memory.reservation", controller: "memory", version1: ("memory.soft_limit_in_bytes", "33554432"),
            version2: ("memory.low", "33554432")
        ) { $0["memory"] = ["reservation": 33_554_432] },
        Limit(
            name: "memory.swap", controller: "memory", version1: ("memory.memsw.limit_in_bytes", "100663296"),
            version2: ("memory.swap.max", "33554432")
        ) { $0["memory"] = ["limit": 67_108_864, "swap": 100_663_296] },
        Limit(name: "memory.swappiness", controller: "memory", version1: ("memory.swappiness", "33"), version2: nil) {
            $0["memory"] = ["swappiness": 33]
        },
        Limit(
            name: "memory.disableOOMKiller", controller: "memory",
            version1: ("memory.oom_control", "oom_kill_disable 1"), version2: nil
        ) {
            $0["memory"] = ["disableOOMKiller": true]
        },
        Limit(
            name: "memory.kernelTCP", controller: "memory", version1: ("memory.kmem.tcp.limit_in_bytes", "16777216"),
            version2: nil
        ) {
            $0["memory"] = ["kernelTCP": 16_777_216]
        },
        Limit(name: "cpu.shares", controller: "cpu", version1: ("cpu.shares", "512"), version2: ("cpu.weight", "59")) {
            $0["cpu"] = ["shares": 512]
        },
        Limit(
            name: "cpu.quota", controller: "cpu", version1: ("cpu.cfs_quota_us", "25000"),
            version2: ("cpu.max", "25000 100000")
        ) { $0["cpu"] = ["quota": 25000] },
        Limit(
            name: "cpu.period", controller: "cpu", version1: ("cpu.cfs_period_us", "50000"),
            version2: ("cpu.max", "25000 50000")
        ) { $0["cpu"] = ["quota": 25000, "period": 50000] },
        Limit(
            name: "cpu.burst", controller: "cpu", version1: ("cpu.cfs_burst_us", "10000"),
            version2: ("cpu.max.burst", "10000")
        ) { $0["cpu"] = ["quota": 25000, "burst": 10000] },
        Limit(name: "cpu.idle", controller: "cpu", version1: ("cpu.idle", "1"), version2: ("cpu.idle", "1")) {
            $0["cpu"] = ["idle": 1]
        },
        Limit(name: "cpu.cpus", controller: "cpuset", version1: ("cpuset.cpus", "0"), version2: ("cpuset.cpus", "0")) {
            $0["cpu"] = ["cpus": "0"]
        },
        Limit(name: "cpu.mems", controller: "cpuset", version1: ("cpuset.mems", "0"), version2: ("cpuset.mems", "0")) {
            $0["cpu"] = ["cpus": "0-1", "mems": "0"]
        },
        Limit(name: "pids.limit", controller: "pids", version1: ("pids.max", "44"), version2: ("pids.max", "44")) {
            $0["pids"] = ["limit": 44]
        },
        Limit(
            name: "hugepageLimits", controller: "unified", version1: ("hugetlb.2MB.max", "4194304"),
            version2: ("hugetlb.2MB.max", "4194304")
        ) { $0["hugepageLimits"] = [["pageSize": "2MB", "limit": 4_194_304]] },
        Limit(
            name: "unified", controller: "unified", version1: ("cgroup.max.descendants", "7"),
            version2: ("cgroup.max.descendants", "7")
        ) { $0["unified"] = ["cgroup.max.descendants": "7"] },
        Limit(
            name: "blockIO.throttle", controller: "blkio", version1: ("blkio.throttle.read_bps_device", "1048576"),
            version2: ("io.max", "rbps=1048576")
        ) { resources in
            guard let disk = ResourceFieldTests.disk else { return }
            resources["blockIO"] = [
                "throttleReadBpsDevice": [
                    ["major": .integer(disk.major), "minor": .integer(disk.minor), "rate": 1_048_576]
                ]
            ]
        },
        Limit(name: "devices", controller: "devices", version1: ("devices.list", "c 10:229 rw"), version2: nil) {
            $0["devices"] = [
                ["allow": false, "access": "rwm"],
                ["allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"],
            ]
        },
    ]

    /// A whole disk of this machine, by numbers; only its group's file is written.
    private static let disk: (major: Int, minor: Int)? = {
        for name in list("/sys/block") where !name.hasPrefix("loop") && !name.hasPrefix("ram") {
            let numbers = contents("/sys/block/\(name)/dev").trimmed.split(separator: ":").compactMap { Int($0) }
            if numbers.count == 2 { return (numbers[0], numbers[1]) }
        }
        return nil
    }()

    /// Whether this machine's groups have a controller (a private version 2 mount has next to none).
    static func offers(_ controller: String) -> Bool {
        guard isVersion2, controller != "unified", controller != "devices" else { return true }
        let name = controller == "blkio" ? "io" : controller
        return contents("/sys/fs/cgroup/cgroup.controllers").split { $0 == " " || $0 == "\n" }.contains(Substring(name))
    }

    static let isVersion2 = exists("/sys/fs/cgroup/cgroup.procs")

    @Test(arguments: limits) func limit(_ limit: Limit) async throws {
        guard Self.offers(limit.controller) else { return }
        guard let expected = Self.isVersion2 ? limit.version2 : limit.version1 else { return }
        if limit.name.hasPrefix("blockIO"), Self.disk == nil { return }
        try await withBundle { bundle in
            var configuration = bundle.configuration("true")
            limit.change(&configuration["linux"]["resources"])
            let created = try await bundle.create(configuration)
            try #require(created.status == 0, "\(created.all)")
            let file = bundle.group(limit.controller) + "/" + expected.file
            #expect(contents(file).contains(expected.value), "\(file): \(contents(file))")
            _ = try await bundle.runtime("delete", "--force", bundle.name)
        }
    }

    static let refusals: [Refusal] = [
        Refusal("an RDMA limit where there is no controller", "rdma") {
            $0["linux"]["resources"] = ["rdma": ["mlx5_1": ["hcaHandles": 3]]]
        },
        Refusal("a network class where there is no controller", "net_cls") {
            $0["linux"]["resources"] = ["network": ["classID": 5]]
        },
        Refusal("a network priority where there is no controller", "net_prio") {
            $0["linux"]["resources"] = ["network": ["priorities": [["name": "lo", "priority": 5]]]]
        },
        Refusal("huge pages of a size that does not exist", "hugetlb.3MB") {
            $0["linux"]["resources"] = ["hugepageLimits": [["pageSize": "3MB", "limit": 0]]]
        },
        Refusal("processors that do not exist", offers("cpuset") ? "4096" : "cpuset") {
            $0["linux"]["resources"] = ["cpu": ["cpus": "4096"]]
        },
        Refusal("a control file that climbs", "control file") {
            $0["linux"]["resources"] = ["unified": ["../cgroup.procs": "1"]]
        },
        Refusal("a memory limit below none", "less than -1") {
            $0["linux"]["resources"] = ["memory": ["limit": -2]]
        },
        Refusal("a device rule of no type", "the type is a, b or c") {
            $0["linux"]["resources"] = ["devices": [["allow": true, "type": "x", "access": "rwm"]]]
        },
    ]

    @Test(arguments: refusals) func refusal(_ refusal: Refusal) async throws { try await refusal.verify() }

    @Test func deviceRulesHold() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration(
                "head -c 1 /dev/zero | wc -c; head -c 1 /dev/full2 2>&1; mknod /tmp/x b 7 199 2>&1; [ -e /tmp/x ] || echo no node"
            )
            configuration["process"]["capabilities"]["effective"].append("CAP_MKNOD")
            configuration["process"]["capabilities"]["permitted"].append("CAP_MKNOD")
            configuration["process"]["capabilities"]["bounding"].append("CAP_MKNOD")
            // Kernel messages: a device that nobody else may read.
            configuration["linux"]["devices"] = [["type": "c", "path": "/dev/full2", "major": 1, "minor": 11]]
            configuration["linux"]["resources"] = ["devices": [["allow": false, "access": "rwm"]]]
            let output = try await bundle.run(configuration)
            #expect(output.out.hasPrefix("1\n"), "\(output.all)")
            #expect(output.out.contains("Operation not permitted") && output.out.contains("no node"), "\(output.all)")
        }
    }

    /// The runtime's own pages must not count: crun starts at 256 KiB.
    @Test func aMebibyteIsEnoughToStart() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("")
            configuration["process"]["args"] = ["/bin/true"]
            configuration["linux"]["resources"] = ["memory": ["limit": 1_048_576]]
            for _ in 0..<5 {
                let output = try await bundle.run(configuration)
                #expect(output.status == 0, "\(output.all)")
            }
        }
    }

    /// In a version 2 mount of its own: the files given away are those that the kernel lists as safe.
    @Test(arguments: [true, false]) func delegationOfAVersion2Group(_ isWritable: Bool) async throws {
        try await withBundle { bundle in
            try await shell("chown -hR 100000:100000 \(bundle.rootfs)")
            var configuration = bundle.configuration(
                "cd /sys/fs/cgroup; mkdir child && echo made && echo $$ > child/cgroup.procs && echo moved; (echo 5 > cgroup.max.depth) 2>&1"
            )
            configuration["linux"]["namespaces"].append(["type": "user"])
            configuration["linux"]["uidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            configuration["linux"]["gidMappings"] = [["containerID": 0, "hostID": 100000, "size": 65536]]
            configuration["mounts"].append([
                "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                "options": isWritable ? ["rw"] : ["ro"],
            ])
            try bundle.write(configuration)
            let view = "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"$@\""
            let output = try await command(
                ["unshare", "-m", "--propagation", "private", "sh", "-c", view, "sh"]
                    + bundle.words(["run", "--bundle", bundle.path, bundle.name]), seconds: 30)
            #expect(output.out.contains("made\nmoved") == isWritable, "\(output.all)")
            #expect(output.out.contains(isWritable ? "Permission denied" : "Read-only"), "\(output.all)")
        }
    }
}
