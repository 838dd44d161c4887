import LinuxKernel
import Testing

@testable import ControlGroups

private let hybridMounts = """
    23 1 8:1 / / rw - ext4 /dev/root rw
    24 23 0:20 / /proc rw - proc proc rw
    25 23 0:21 / /sys rw - sysfs sysfs rw
    31 25 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
    32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
    33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 master:2 - cgroup cgroup rw,cpuacct
    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
    40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate

    """
private let hybridOwn = """
    9:name=systemd:/user.slice/x
    4:memory:/process_api/a:b
    2:cpuacct:/
    1:cpu:/
    0::/init

    """

private func host(_ mounts: String, _ own: String) -> HostControlGroups {
    HostControlGroups(mountInfo: Array(mounts.utf8), ownGroups: Array(own.utf8))
}

@Suite struct HostTests {
    @Test func readsAHybridMachine() throws {
        let found = host(hybridMounts, hybridOwn)
        #expect(found.layout == .hybrid)
        #expect(found.unified?.mountPoint == "/sys/fs/cgroup/unified")
        #expect(found.unified?.ownPath == "/init")
        #expect(found.version1("memory")?.ownPath == "/process_api/a:b")
        #expect(found.version1("cpuacct")?.mountPoint == "/sys/fs/cgroup/cpu,cpuacct")
        #expect(found.version1("name=systemd")?.controllers == ["name=systemd"])
        #expect(found.version1("pids") == nil)
        #expect(found.hierarchies.count == 5)
    }

    @Test func mountsThatAreCoveredDoNotCount() {
        // A cgroup2 mounted over /sys/fs/cgroup leaves the old lines in the table.
        let covered = hybridMounts + "60 31 0:50 / /sys/fs/cgroup rw - cgroup2 none rw\n"
        let found = host(covered, hybridOwn)
        #expect(found.layout == .v2)
        #expect(found.hierarchies.map(\.mountPoint) == ["/sys/fs/cgroup"])
        // A tmpfs over everything hides all.
        #expect(host(hybridMounts + "60 25 0:50 / /sys rw - tmpfs none rw\n", hybridOwn).hierarchies.isEmpty)
    }

    @Test func aMountBelowACoveringOneIsSeen() {
        let mounts = """
            23 1 8:1 / / rw - ext4 /dev/root rw
            30 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
            31 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            50 30 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
            51 50 0:38 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            """
        let table = MountTable(parsing: Array(mounts.utf8))
        #expect(table.visibleControlGroupMounts.map(\.id) == [51])
    }

    @Test func jointControllersAndContainersWithoutNamespace() {
        let mounts = """
            23 1 8:1 / / rw - ext4 /dev/root rw
            31 23 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
            32 23 0:30 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids
            """
        let found = host(mounts, "3:cpuacct,cpu:/docker/abc\n2:pids:/docker/abc/inner\n1:freezer:/\n")
        #expect(found.layout == .v1)
        #expect(found.version1("cpu") == found.version1("cpuacct"))
        #expect(found.version1("cpu")?.ownPath == "/")
        #expect(found.version1("pids")?.ownPath == "/inner")
        #expect(found.version1("freezer") == nil)
    }

    @Test func pureVersion2WithANamedHierarchyIsVersion2() {
        let mounts = """
            23 1 8:1 / / rw - ext4 /dev/root rw
            31 23 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
            32 23 0:30 / /mnt/with\\040space rw - cgroup none rw,name=elogind
            """
        let found = host(mounts, "1:name=elogind:/\n0::/user.slice\n")
        #expect(found.layout == .v2)
        #expect(found.version1("name=elogind")?.mountPoint == "/mnt/with space")
    }

    @Test(arguments: [
        "", "\n\n", "garbage", "1 2 3", "a b c / /x rw - cgroup x rw,cpu", "23 1 8:1 / / rw -",
        "23 1 8:1 / / rw - cgroup", "23 23 8:1 / / rw - cgroup cgroup rw,cpu", "\u{0}\u{FFFF}",
        "31 23 0:29 / \\ rw - cgroup x rw,cpu", "31 23 0:29 / \\9999 rw - cgroup x rw,cpu",
    ])
    func strangeTablesAreHarmless(_ text: String) {
        let found = host(text, "::::\n0\nx\n" + hybridOwn + text)
        #expect(found.hierarchies.count <= 1)
    }

    @Test func mountCyclesEnd() {
        let mounts = "1 2 0:1 / / rw - tmpfs t rw\n2 1 0:1 / / rw - tmpfs t rw\n3 2 0:1 / /c rw - cgroup c rw,cpu\n"
        _ = host(mounts, hybridOwn)
    }

    @Test func aThousandOverlayMountsAreQuick() {
        let options = String(repeating: "lowerdir=/a:", count: 100)
        let many = (100..<1100).map { "\($0) 23 0:9 / /var/lib/x/\($0) rw - overlay overlay rw,\(options)\n" }.joined()
        #expect(host(many + hybridMounts, hybridOwn).layout == .hybrid)
    }

    @Test func thisMachine() throws {
        let found = try HostControlGroups.detect()
        for hierarchy in found.hierarchies {
            #expect(Files.exists(hierarchy.mountPoint + "/cgroup.procs"), "\(hierarchy)")
        }
    }
}

@Suite struct GroupPathTests {
    @Test func normalises() throws {
        #expect(try GroupPath("/berth//x/./payload/").description == "/berth/x/payload")
        #expect(try GroupPath("berth/x").relative == "berth/x")
        #expect(try GroupPath("/a/b/c").parent?.description == "/a/b")
        #expect(try GroupPath("/a").parent == nil)
        #expect(try GroupPath("/a/b").chain.map(\.description) == ["/a", "/a/b"])
        #expect(try GroupPath("/kubepods.slice/pod1.slice/cri-ü:x").components.count == 3)
    }

    @Test(arguments: [
        "", "/", "//", "/./", "..", "/..", "/../../../tmp/x", "a/../../b", "/berth/..", "/a\nb", "/a\u{0}b", "/a\u{7F}",
        "../\u{301}x", "/a/../\u{301}x", "..\u{200D}/../x",
        "/" + String(repeating: "x", count: 256), String(repeating: "/x", count: 2000),
    ])
    func refuses(_ text: String) {
        #expect(throws: ControlGroupError.self) { try GroupPath(text) }
        do {
            _ = try GroupPath(text)
        } catch {
            let sentence = "\(error)"
            #expect(!sentence.utf8.contains { $0 < 32 }, "control characters reach the terminal")
            #expect(sentence.utf8.count < 500)
        }
    }
}
