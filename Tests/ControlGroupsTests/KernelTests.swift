import ControlGroups
import Glibc
import LinuxKernel
import Testing

private let root = getuid() == 0
/// Seconds for a process that another one must meet, also on a busy machine.
private let longSleep = "20"
private let isVersion2 = (try? HostControlGroups.detect().layout) == .v2
private let isHybrid = (try? HostControlGroups.detect().layout) == .hybrid

/// Against the machine's own layout.
@Suite(.enabled(if: root, "needs root")) struct KernelTests {
    @Test func aProcessThatTakesTooMuchMemoryIsKilled() async throws {
        let out = try await probe(
            "run", groupPath("oom"), "memory=33554432", "swap=33554432", "--", "/usr/bin/python3", "-c",
            "x = bytearray(200 << 20)")
        #expect(out["signal"] == "9", "\(out.text)")
        #expect((out.number("kills") ?? 0) >= 1)
        #expect(out["memory-limit"] == "33554432")
        #expect((out.number("memory-peak") ?? .max) <= 33_554_432)
        #expect(out["gone"] == "true", "\(out.text)")
    }

    @Test func enoughMemoryIsEnough() async throws {
        let out = try await probe(
            "run", groupPath("fits"), "memory=134217728", "--", "/usr/bin/python3", "-c", "x = bytearray(32 << 20)")
        #expect(out["exit"] == "0", "\(out.text)")
        #expect(out["kills"] == "0")
        #expect(out["gone"] == "true")
    }

    @Test func aForkBombStaysSmall() async throws {
        let out = try await probe(
            "run", groupPath("pids"), "pids=20", "--", "/bin/bash", "-c",
            "n=0; for i in $(seq 1 60); do sleep 2 & done 2>/dev/null; jobs -p | wc -l | grep -q '^[0-9]*$'; kill $(jobs -p); exit 7"
        )
        #expect(out["pids-limit"] == "20", "\(out.text)")
        // bash gives up with 254 when it cannot fork.
        #expect(out["exit"] != "7", "60 children of a group limited to 20: \(out.text)")
        #expect(out["gone"] == "true")
    }

    @Test func theQuotaThrottles() async throws {
        let out = try await probe(
            "run", groupPath("quota"), "quota=20000", "period=100000", "show=cpu.cfs_quota_us", "show=cpu.max", "--",
            "/usr/bin/timeout", "1",
            "/bin/sh", "-c", "while :; do :; done")
        #expect(isVersion2 ? out["cpu.max"] == "20000 100000" : out["cpu.cfs_quota_us"] == "20000", "\(out.text)")
        #expect((out.number("throttled") ?? 0) > 2)
        // 20 % of a second, and something for starting up.
        #expect((out.number("cpu-usage") ?? .max) < 400_000_000)
        #expect((out.number("cpu-usage") ?? 0) > 100_000_000)
        #expect(out["gone"] == "true")
    }

    @Test func theChildIsInEveryHierarchyItShouldBe() async throws {
        let path = groupPath("where")
        let out = try await probe(
            "run", path, "cpus=0", "show=cpuset.cpus", "show=cpuset.mems", "--", "/bin/sleep", "0.2")
        let groups = out["child-groups"] ?? ""
        for name in ["memory", "cpu", "cpuacct", "pids", "devices", "cpuset"] where !isVersion2 {
            #expect(groups.contains(":\(name):\(path);"), "\(name) in \(groups)")
        }
        #expect(groups.hasSuffix("0::\(path)"))
        #expect(!groups.contains("freezer:\(path)"))
        #expect(out["cpuset.cpus"] == "0")
        #expect(out["cpuset.mems"] == (isVersion2 ? "" : "0"))
        #expect(out["gone"] == "true")
    }

    @Test func freezing() async throws {
        let out = try await probe("freeze", groupPath("freeze"))
        #expect(out["ticks-while-frozen"] == "0", "\(out.text)")
        #expect(out["frozen"] == "true")
        #expect(out["ran-after-thaw"] == "true")
        #expect(out["signal"] == "9")
        #expect(out["gone"] == "true")
    }

    @Test func killingATree() async throws {
        let out = try await probe("kill", groupPath("kill"))
        #expect((out.number("members") ?? 0) >= 4, "\(out.text)")
        #expect(out["populated"] == "true")
        #expect(out["left"] == "0")
        #expect(out["populated-after"] == "false")
        #expect(out["gone"] == "true")
    }

    @Test func limitsMoveUpAndDown() async throws {
        let names =
            isVersion2
            ? ["memory.max", "memory.swap.max", "cpu.max"]
            : ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cpu.cfs_quota_us"]
        let out = try await probe(
            "update", groupPath("update"), "memory=67108864", "swap=67108864", "quota=50000", "period=100000",
            "show=\(names[0])", "show=\(names[1])", "show=\(names[2])", "then=memory:134217728,swap:134217728",
            "then=memory:16777216,swap:33554432,quota:900000,period:1000000", "then=memory:-1,swap:-1,quota:-1")
        #expect(out.all(names[0]).prefix(2) == ["134217728", "16777216"], "\(out.text)")
        #expect(out.all(names[1]).prefix(2) == (isVersion2 ? ["0", "16777216"] : ["134217728", "33554432"]))
        #expect(
            out.all(names[2])
                == (isVersion2 ? ["50000 100000", "900000 1000000", "max 1000000"] : ["50000", "900000", "-1"]))
        let last = out.all(names[0]).last ?? ""
        #expect(isVersion2 ? last == "max" : (Int(last) ?? 0) > 1 << 60)
        #expect(out.all("update-error").isEmpty)
        #expect(out["gone"] == "true")
    }

    @Test func deviceRulesHold() async throws {
        let out = try await probe(
            "run", groupPath("devices"), "deny=a///", "allow=c/1/3/rw", "allow=c/1/5/r", "allow=c/*/*/m", "--",
            "/bin/sh", "-c",
            "echo > /dev/null && head -c1 /dev/zero > /dev/null && ! head -c1 /dev/urandom && ! (echo > /dev/zero) && ! echo > /dev/full; exit $?"
        )
        #expect(out["exit"] == "0", "\(out.text)")
        #expect(out["gone"] == "true")
    }

    @Test func aHoleInAWildcardIsHeldByTheFilter() async throws {
        // Version 1 cannot say this; on a hybrid machine the version 2 filter does.
        let out = try await probe(
            "run", groupPath("hole"), "deny=a///", "allow=c/1//rwm", "deny=c/1/9/r", "--", "/bin/sh", "-c",
            "head -c1 /dev/zero > /dev/null && ! head -c1 /dev/urandom")
        #expect(out["exit"] == "0", "\(out.text)")
        #expect(out["gone"] == "true")
    }

    @Test func hugepagesLiveInTheUnifiedHierarchyHere() async throws {
        let out = try await probe(
            "update", groupPath("huge"), "hugepages=4194304", "show=hugetlb.2MB.max", "then=hugepages:0")
        #expect(out["hugetlb.2MB.max"] == "0" || out["error"] != nil, "\(out.text)")
    }

    @Test func theMonitorLeavesItsCallersGroups() async throws {
        let path = "/berth-test-\(getpid())-leave/monitor"
        let out = try await probe("leave", path)
        let before = (out["before"] ?? "").split(separator: ";")
        let after = (out["after"] ?? "").split(separator: ";")
        #expect(!after.isEmpty, "\(out.text)")
        for (old, new) in zip(before, after) {
            let name = old.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            #expect(new.hasSuffix(name[2] == "/" ? ":/" : ":\(path)"), "\(old) became \(new)")
        }
        #expect(out["again"] == "0")
        let removed = try await probe("remove", path)
        #expect(removed.status == 0, "\(removed.text)")
    }

    @Test func deeplyNestedGroupsNeedNoDescriptorEach() async throws {
        let out = try await probe("deep", groupPath("deep"), "depth=150")
        #expect(out["removed"] == "true" && out["gone"] == "true", "\(out.text)")
    }

    @Test func aGroupWithProcessesCannotHandControllersDown() async throws {
        let path = "/berth-test-\(getpid())-busy/inner"
        async let first = probe("run", path, "--", "/bin/sleep", longSleep)
        let host = try HostControlGroups.detect()
        let place = host.unified?.mountPoint ?? ""
        for _ in 0..<1000 where ((try? Files.readLine("\(place)\(path)/cgroup.procs")) ?? "").isEmpty {
            try await Task.sleep(for: .milliseconds(10))
        }
        let second = try await probe("create", path + "/leaf", "hugepages=4194304")
        #expect(
            second["error"]?.contains("the group \(path) does not hand that down, because processes are in it") == true,
            "\(second.text)")
        let out = try await first
        #expect(out["exit"] == "0" && out["gone"] == "true", "\(out.text)")
    }

    @Test func manyComeAndGoAtOnce() async throws {
        // All share a parent that each removes when it is empty.
        let parent = "/berth-test-\(getpid())-many"
        try await withThrowingTaskGroup(of: ProbeOutput.self) { group in
            for index in 0..<repetitions(30) {
                group.addTask { try await probe("run", "\(parent)/c\(index)", "pids=10", "cpus=0", "--", "/bin/true") }
            }
            for try await out in group { #expect(out["exit"] == "0" && out["gone"] == "true", "\(out.text)") }
        }
        for hierarchy in try HostControlGroups.detect().hierarchies {
            #expect(!Files.exists(hierarchy.mountPoint + parent), "\(hierarchy.mountPoint)")
        }
    }

    @Test func outOfMemoryIsAnEvent() async throws {
        let out = try await probe(
            "oom-watch", groupPath("event"), "memory=16777216", "swap=16777216", "--", "/usr/bin/python3", "-c",
            "x = bytearray(100 << 20)")
        #expect(out["quiet"] == "true", "\(out.text)")
        #expect(out["event"] == "true")
        #expect(out["acknowledged"] == "true")
        #expect((out.number("kills") ?? 0) >= 1)
        #expect(out["gone"] == "true")
    }

    @Test(arguments: [
        "/../../../tmp/berth-cgroup-escape", "/berth-test/../../../../tmp/berth-cgroup-escape", "/", "",
        "/cgroup.procs", "/cgroup.procs/x",
        "/berth-test\n0::/x",
    ])
    func pathsThatLeadOutAreRefused(_ path: String) async throws {
        let out = try await probe("create", path)
        #expect(out.status == 1)
        #expect(!Files.exists("/tmp/berth-cgroup-escape"))
    }

    @Test(arguments: [
        ["memory=100", "swap=50"], ["cpus=63"], ["cpus=0-9999"], ["mems=5"], ["file=memory.none:1"], ["period=5"],
    ])
    func refusedLimitsLeaveNothing(_ settings: [String]) async throws {
        let path = "/berth-test-\(getpid())-bad\(settings[0].hashValue)/payload"
        let out = try await probe("create", path, settings[0], settings.last ?? "")
        #expect(out.status == 1, "\(out.text)")
        #expect(out["error"]?.hasPrefix("cannot ") == true)
        let top = path.split(separator: "/")[0]
        for hierarchy in try HostControlGroups.detect().hierarchies {
            #expect(!Files.exists("\(hierarchy.mountPoint)/\(top)"), "\(hierarchy.mountPoint)")
        }
    }

    @Test func anOccupiedGroupIsNotTaken() async throws {
        let path = groupPath("occupied")
        let host = try HostControlGroups.detect()
        let place = (host.version1("memory") ?? host.unified)?.mountPoint ?? ""
        async let first = probe("run", path, "--", "/bin/sleep", longSleep)
        for _ in 0..<1000 where ((try? Files.readLine("\(place)\(path)/cgroup.procs")) ?? "").isEmpty {
            try await Task.sleep(for: .milliseconds(10))
        }
        let second = try await probe("create", path)
        #expect(second.status == 1 && second["error"]?.contains("already holds processes") == true, "\(second.text)")
        let out = try await first
        #expect(out["exit"] == "0" && out["gone"] == "true", "\(out.text)")
    }
}

/// Against the machine without its version 2 hierarchy.
@Suite(.enabled(if: root && isHybrid, "needs root and a hybrid machine"))
struct PrivateVersion1Tests {
    @Test func theFreezerDoesWhatVersion2Did() async throws {
        let out = try await probe("freeze", groupPath("v1freeze"), privateVersion1: true)
        #expect(out["ticks-while-frozen"] == "0", "\(out.text)")
        #expect(out["frozen"] == "true")
        #expect(out["ran-after-thaw"] == "true")
        #expect(out["signal"] == "9")
        #expect(out["gone"] == "true")
    }

    @Test func killing() async throws {
        let out = try await probe("kill", groupPath("v1kill"), privateVersion1: true)
        #expect((out.number("members") ?? 0) >= 4, "\(out.text)")
        #expect(out["left"] == "0")
        #expect(out["gone"] == "true")
    }

    @Test func holesInDeviceRulesAreRefused() async throws {
        let out = try await probe(
            "create", groupPath("v1hole"), "deny=a///", "allow=c/1//rwm", "deny=c/1/9/r", privateVersion1: true)
        #expect(out["error"]?.contains("cannot make an exception") == true, "\(out.text)")
        let files = try await probe("create", groupPath("v1file"), "file=memory.high:1", privateVersion1: true)
        #expect(files["error"]?.contains("memory.high") == true, "\(files.text)")
    }
}

/// Against a plain version 2 mount in a private mount namespace.
@Suite(.enabled(if: root && !isVersion2, "needs root, and a machine that is not of version 2 itself"))
struct PrivateVersion2Tests {
    @Test func layout() async throws {
        let out = try await probe("detect", "-", privateVersion2: true)
        #expect(out["layout"] == "v2", "\(out.text)")
        #expect(out.all("unified") == ["/sys/fs/cgroup"])
    }

    @Test func theChildIsBornInTheGroup() async throws {
        let path = groupPath("v2where")
        let out = try await probe("run", path, "--", "/bin/sleep", "0.2", privateVersion2: true)
        #expect(out["child-groups"]?.hasSuffix("0::\(path)") == true, "\(out.text)")
        #expect(out["exit"] == "0")
        #expect(out["gone"] == "true")
    }

    @Test func freezing() async throws {
        let out = try await probe("freeze", groupPath("v2freeze"), privateVersion2: true)
        #expect(out["ticks-while-frozen"] == "0", "\(out.text)")
        #expect(out["ran-after-thaw"] == "true")
        #expect(out["signal"] == "9")
        #expect(out["gone"] == "true")
    }

    @Test func killing() async throws {
        let out = try await probe("kill", groupPath("v2kill"), privateVersion2: true)
        #expect((out.number("members") ?? 0) >= 4, "\(out.text)")
        #expect(out["left"] == "0")
        #expect(out["gone"] == "true")
    }

    @Test func deviceFilter() async throws {
        let out = try await probe(
            "run", groupPath("v2devices"), "deny=a///", "allow=c/1/3/rw", "allow=c/1/5/r", "--", "/bin/sh", "-c",
            "echo > /dev/null && head -c1 /dev/zero > /dev/null && ! head -c1 /dev/urandom && ! (echo > /dev/zero) && ! mknod /tmp/berth-node-$$ c 1 3",
            privateVersion2: true)
        #expect(out["exit"] == "0", "\(out.text)")
        #expect(out["gone"] == "true")
    }

    @Test func aMissingControllerIsNamed() async throws {
        let out = try await probe("create", groupPath("v2memory"), "memory=33554432", privateVersion2: true)
        #expect(out.status == 1)
        #expect(out["error"]?.contains("no memory controller") == true, "\(out.text)")
    }
}
