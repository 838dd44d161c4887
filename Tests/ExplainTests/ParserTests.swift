import Netlink
import Testing

@testable import Explain

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct MountTests {
    @Test func line() throws {
        let mounts = MountEntry.all(
            parsing: bytes(
                "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n"
                    + "69 43 0:40 / / ro,relatime - overlay none rw,lowerdir=/a:/b\\134:c,upperdir=/u,workdir=/w\n"))
        try #require(mounts.count == 2)
        #expect(mounts[0].id == 36 && mounts[0].parent == 35 && mounts[0].device == "98:0" && mounts[0].root == "/mnt1")
        #expect(mounts[0].propagation == ["master:1", "shared:2"] && mounts[0].type == "ext3" && !mounts[0].isReadOnly)
        #expect(mounts[0].source == "/dev/root" && mounts[1].isReadOnly && mounts[1].propagation.isEmpty)
        let overlay = try #require(OverlayOptions(mounts[1]))
        #expect(overlay.lower == ["/a", "/b:c"] && overlay.upper == "/u" && overlay.work == "/w")
        #expect(OverlayOptions(mounts[0]) == nil)
    }

    @Test func escapes() {
        // A name with a space, a newline and a backslash that looks like an escape.
        let line = "1 2 0:1 / /a\\040b\\012c\\134040d rw - tmpfs x rw"
        #expect(MountEntry.all(parsing: bytes(line)).first?.mountPoint == "/a b\nc\\040d")
        // What is no escape stays.
        #expect(KernelText.text(bytes("\\04 \\9 \\400 \\")) == "\\04 \\9 \\400 \\")
    }

    @Test func layersByDescriptor() throws {
        let line = "1 2 0:1 / / rw - overlay none rw,lowerdir+=/,lowerdir+=/x\\054y,upperdir=/u,volatile"
        let mount = try #require(MountEntry.all(parsing: bytes(line)).first)
        #expect(OverlayOptions(mount)?.lower == ["/", "/x,y"])
    }

    @Test(arguments: [
        "", "\n\n", "36", "36 35 98:0 / / rw - ext3", "x 35 98:0 / / rw - ext3 a b", "36 35 98:0 / / rw ext3 a b c d",
        "99999999999999999999999 35 98:0 / / rw - ext3 a b", "36 35 98:0 / / rw -", " - - - - - - - - - ",
    ])
    func nonsenseIsLeftOut(_ text: String) { #expect(MountEntry.all(parsing: bytes(text)).isEmpty) }

    @Test func bytesThatAreNoText() {
        var line = bytes("1 2 0:1 / /")
        line += [0xFF, 0xC0, 0x80]
        line += bytes(" rw - tmpfs x rw")
        #expect(MountEntry.all(parsing: line).first?.mountPoint == "/\u{FFFD}\u{FFFD}\u{FFFD}")
    }
}

@Suite struct StatusTests {
    @Test func whole() {
        let status = ProcessStatus(
            parsing: bytes(
                """
                Name:\ta\\nSeccomp:\\\\
                State:\tS (sleeping)
                NSpid:\t4711\t12\t1
                Uid:\t1000\t1001\t1002\t1003
                Gid:\t5\t6\t7\t8
                VmRSS:\t    1536 kB
                Threads:\t3
                CapInh:\t0000000000000000
                CapPrm:\t00000000a80425fb
                CapEff:\t000001ffffffffff
                CapBnd:\t00000000a80425fb
                CapAmb:\t0000000000000001
                NoNewPrivs:\t1
                Seccomp:\t2
                Seccomp_filters:\t4
                Seccomp:\t0
                """))
        #expect(status.name == "a\nSeccomp:\\" && status.state == "S" && status.numbers == [4711, 12, 1])
        #expect(status.users == [1000, 1001, 1002, 1003] && status.groups == [5, 6, 7, 8] && status.threads == 3)
        #expect(status.effective == 0x1FF_FFFF_FFFF && status.bounding == 0xA804_25FB && status.ambient == 1)
        #expect(status.noNewPrivileges == true && status.seccomp == 2 && status.seccompFilters == 4)
        #expect(status.residentBytes == 1536 * 1024)
    }

    @Test func nothingAndNonsense() {
        let empty = ProcessStatus(parsing: [])
        #expect(empty.noNewPrivileges == nil && empty.seccomp == nil && empty.residentBytes == nil)
        let odd = ProcessStatus(
            parsing: bytes(
                "Uid:\nCapEff:\tffffffffffffffffffff\nSeccomp:\t-1\nVmRSS:\t18446744073709551615 kB\n:\n::::"))
        #expect(odd.users.isEmpty && odd.effective == 0 && odd.seccomp == nil)
    }

    @Test func idMaps() {
        let part = UserPart(users: bytes("         0     100000      65536\n65536 5 1\nx y z\n1 2\n"), groups: [])
        #expect(
            part.users == [
                .init(inside: 0, outside: 100_000, count: 65536), .init(inside: 65536, outside: 5, count: 1),
            ])
        #expect(part.root == 100_000 && !part.isIdentity && part.groups.isEmpty)
        #expect(UserPart(users: bytes("0 0 4294967295"), groups: []).isIdentity)
        #expect(!UserPart(users: bytes("0 0 1"), groups: []).isIdentity)
    }

    @Test func capabilityNames() {
        let part = SecurityPart(
            effective: 1, permitted: 0, inheritable: 0, bounding: 3, ambient: 0, capabilityCount: 42)
        #expect(part.names(1 | 1 << 41, known: ["CAP_CHOWN"]) == ["CAP_CHOWN", "CAP_41"])
        #expect(part.dropped == (1 << 42) - 1 - 3)
    }
}

@Suite struct GroupTests {
    private let id = String(repeating: "0123456789abcdef", count: 4)

    @Test func memberships() {
        let all = GroupMembership.all(
            parsing: bytes("12:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/x/y\nnonsense\n3:memory\n4:x:relative\n"))
        #expect(
            all == [
                .init(controllers: ["cpu", "cpuacct"], path: "/a:b", isUnified: false),
                .init(controllers: ["name=systemd"], path: "/", isUnified: false),
                .init(controllers: [], path: "/x/y", isUnified: true),
            ])
    }

    private func identity(_ path: String) -> ContainerIdentity? {
        ContainerIdentity(GroupMembership.all(parsing: bytes("5:freezer:/\n0::\(path)\n")))
    }

    @Test func identities() {
        #expect(identity("/berth/\(id)/payload")?.description == "berth 0123456789ab")
        #expect(identity("/berth-abcdefg/\(id)/monitor")?.isMonitor == true)
        #expect(identity("/berth-abcdefg/\(id)/payload")?.parent == "berth-abcdefg")
        #expect(identity("/docker/\(id)")?.engine == "docker")
        #expect(identity("/docker/\(id)/init.scope")?.engine == "docker")
        #expect(identity("/system.slice/docker-\(id).scope")?.engine == "docker")
        #expect(identity("/machine.slice/libpod-\(id).scope/container")?.engine == "podman")
        #expect(identity("/machine.slice/libpod-conmon-\(id).scope")?.isMonitor == true)
        #expect(identity("/kubepods/besteffort/pod1/\(id)")?.engine == "container")
        #expect(identity("/kubepods.slice/cri-containerd-\(id).scope")?.engine == "containerd")
        #expect(identity("/custom/\(id)")?.engine == "container")
        #expect(identity("/lxc.payload.web")?.id == "web")
        #expect(identity("/user.slice/session-1.scope") == nil && identity("/") == nil)
        #expect(identity("/docker/\(id.dropLast())") == nil && identity("/docker-\(id.uppercased()).scope") == nil)
    }

    @Test func enginesByTheirMonitors() {
        #expect(Ancestry.engine(["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", "x"]) == "docker")
        #expect(Ancestry.engine(["containerd-shim-runc-v2", "-namespace", "k8s.io"]) == "containerd")
        #expect(Ancestry.engine(["/usr/bin/conmon", "-c", "x"]) == "podman" && Ancestry.engine(["sh"]) == nil)
        #expect(Ancestry.engine([]) == nil && Ancestry.engine([""]) == nil && Ancestry.engine(["/"]) == nil)
        #expect(Ancestry.parent(bytes("Name:\tx\nPPid:\t12\n")) == 12 && Ancestry.parent(bytes("PPid:\n")) == 0)
    }

    @Test func placesBelowAMount() {
        func below(_ root: String, _ path: String) -> [String]? {
            GroupReading.below(root, GroupMembership(controllers: [], path: path, isUnified: true))
        }
        #expect(below("/", "/a/b") == ["a", "b"] && below("/", "/") == [])
        #expect(below("/docker/x", "/docker/x/y") == ["y"] && below("/docker/x", "/other") == nil)
        #expect(below("/", "/../../a") == nil && below("/..", "/a") == nil)
        // An accent makes the slash another character for people, not for the kernel.
        #expect(below("/", "/a\u{2F}\u{301}b")?.count == 2)
    }

    @Test func limits() {
        #expect(
            LimitText.limit("33554432") == 33_554_432 && LimitText.limit("max") == nil && LimitText.limit("-1") == nil)
        #expect(LimitText.limit("9223372036854771712") == nil && LimitText.limit("") == nil)
        #expect(LimitText.value("low 0\nmax 7\nmaximum 9", key: "max") == 7 && LimitText.value("12", key: "") == 12)
        #expect(LimitText.bandwidth("50000 100000")?.quota == 50000 && LimitText.bandwidth("max 100000") == nil)
        #expect(LimitText.bandwidth("-1 100000") == nil && LimitText.bandwidth("5 0") == nil)
        let limit = GroupLimit(name: "", file: "", unit: .bytes, limit: 200, text: "", use: 50)
        #expect(
            limit.share == 250 && GroupLimit(name: "", file: "", unit: .bytes, limit: 0, text: "", use: 5).share == nil)
    }
}

@Suite struct NetworkTests {
    private let header =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

    @Test func sockets() throws {
        let text =
            header
            + "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n"
            + "   1: 0100007F:0050 0200007F:1234 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0\n"
            + "   2: 0100007F:ZZZZ 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0\n"
            + "   3: 00:1F90 00000000:0000 0A\n"
        let sockets = ListeningSocket.all(parsing: bytes(text), proto: "tcp")
        #expect(sockets.count == 1 && sockets[0].port == 8080 && sockets[0].inode == 4711)
        #expect(sockets[0].address.description == "127.0.0.1")
        let six = ListeningSocket.all(
            parsing: bytes(
                header
                    + "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9 1\n"
            ),
            proto: "tcp")
        #expect(six.first?.address.description == "::1")
        #expect(ListeningSocket.all(parsing: bytes(header), proto: "udp").isEmpty)
    }

    @Test func whoTakesWhat() throws {
        let own = try #require(IPAddress("10.0.0.2"))
        func socket(_ address: IPAddress) -> ListeningSocket {
            .init(proto: "tcp", address: address, port: 80, inode: 1)
        }
        #expect(
            socket(.anyV4).takes(own, 80, "tcp") && socket(.anyV6).takes(own, 80, "tcp")
                && socket(own).takes(own, 80, "tcp"))
        #expect(!socket(.anyV4).takes(own, 81, "tcp") && !socket(.anyV4).takes(own, 80, "udp"))
        #expect(try !socket(#require(IPAddress("127.0.0.1"))).takes(own, 80, "tcp"))
        #expect(try !socket(.anyV4).takes(#require(IPAddress("fd00::2")), 80, "tcp"))
    }

    @Test func elements() throws {
        let any = SetElement(
            set: "published_any", key: [6, 0, 0, 0, 0x1F, 0x90, 0, 0], data: [10, 0, 0, 2, 0, 80, 0, 0])
        let way = try #require(PublishedElements.way(any, isIPv6: false, hasAddress: false, by: "x"))
        #expect(way.proto == "tcp" && way.hostPort == 8080 && way.hostAddress.isAny && way.port == 80)
        #expect(way.address.description == "10.0.0.2")
        let one = SetElement(
            set: "published", key: [127, 0, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0], data: [10, 0, 0, 2, 0, 53, 0, 0])
        #expect(
            PublishedElements.way(one, isIPv6: false, hasAddress: true, by: "x")?.hostAddress.description == "127.0.0.1"
        )
        for broken in [
            SetElement(set: "", key: [], data: []), SetElement(set: "", key: [6, 0, 0, 0], data: [1]),
            SetElement(set: "", key: any.key),
        ] {
            #expect(PublishedElements.way(broken, isIPv6: false, hasAddress: false, by: "x") == nil)
            #expect(PublishedElements.way(broken, isIPv6: true, hasAddress: true, by: "x") == nil)
        }
    }

    @Test func forwarders() {
        let words = [
            "/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "8080", "-container-ip",
            "172.17.0.2", "-container-port", "80",
        ]
        let way = ForwarderArguments.way(words, pid: 7)
        #expect(
            way?.hostPort == 8080 && way?.address.description == "172.17.0.2" && way?.by == "process 7 (docker-proxy)")
        #expect(ForwarderArguments.way(Array(words.dropLast()), pid: 7) == nil)
        #expect(ForwarderArguments.way(["sh"] + words, pid: 7) == nil && ForwarderArguments.way([], pid: 7) == nil)
    }

    @Test func absentProcess() {
        #expect(throws: ExplainError("explain", "process 2147483647", cause: "there is no such process")) {
            try Explainer().explain(2_147_483_647)
        }
    }
}
