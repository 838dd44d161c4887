import JSON
import OCI
import Testing

@testable import Engine

/// What the kernel says of processes, taken apart; hostile names included.
@Suite struct KernelTextTests {
    @Test func mounts() throws {
        let line = #"36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 shared:2 - ext3 /dev/ro\134ot rw,errors=continue"#
        let mount = try #require(KernelText.Mount(line))
        #expect(mount.target == "/mnt 2" && mount.source == #"/dev/ro\ot"# && mount.type == "ext3")
        #expect(mount.propagation == ["master:1", "shared:2"] && mount.options == ["rw", "noatime"])
        for wrong in ["", "-", "1 2 3 4 5 6 7 8 9 10", "36 35 98:0 / / rw - proc", "a - b c d e f g h i"] {
            #expect(KernelText.Mount(wrong) == nil, "\(wrong)")
        }
        #expect(KernelText.unescaped(#"\04"#) == #"\04"#)
        #expect(KernelText.unescaped(#"\777"#).utf8.count > 0)
    }

    @Test func groups() {
        let groups = KernelText.groups("5:cpu,cpuacct:/berth/x:y\n0::/\nnonsense\n")
        #expect(groups.count == 2)
        #expect(groups[0].controllers == ["cpu", "cpuacct"] && groups[0].path == "/berth/x:y")
        #expect(groups[1].controllers == [] && groups[1].path == "/")
    }

    @Test func statusFields() {
        let fields = KernelText.fields("Name:\ta:b\nUid:\t1\t2\t3\t4\nEmpty:\n")
        #expect(fields["Name"] == "a:b" && fields["Uid"] == "1 2 3 4" && fields["Empty"] == "")
    }

    @Test func routesAndAddresses() throws {
        let route = "Iface\tDestination\tGateway \tFlags\neth0\t00000000\t010012AC\t0003\n"
        #expect(try #require(KernelText.defaultRoute(route)).gateway == "172.18.0.1")
        #expect(KernelText.defaultRoute("Iface\n") == nil)
        let trie =
            "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 172.18.0.2\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 172.18.0.255\n        /32 link BROADCAST\n"
        #expect(KernelText.addresses4(trie) == ["172.18.0.2"])
    }

    @Test func traffic() {
        let text =
            "Inter-|\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n  eth0: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n eth1:7 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0\n"
        let traffic = ContainerSample.traffic(Array(text.utf8))
        #expect(traffic.received == 17 && traffic.sent == 28)
        #expect(ContainerSample.traffic([]).received == 0)
    }

    @Test func deviceRules() {
        #expect(DeviceSpecification.rule("c 1:3 rwm")?.major == 1)
        #expect(DeviceSpecification.rule("b 8:* r")?.minor == nil)
        for text in ["", "c 1:3", "x 1:3 r", "c 1 r", "c 1:3 x", "c 1:3 rr", "c -1:3 r", "c +1:3 r", "c 1:3 r "] {
            #expect(DeviceSpecification.rule(text) == nil, "\(text)")
        }
    }

    @Test func extrasTravel() throws {
        var extras = ContainerExtras()
        extras.devices = [.init(source: "/dev/a", destination: "/dev/b", access: "rw")]
        extras.rates = [.init(kind: "device-read-bps", device: "/dev/sda", value: 1024)]
        extras.hostNamespaces = ["pid"]
        extras.logDriver = "none"
        extras.logSize = 2048
        extras.annotations = ["a": "b"]
        #expect(try ContainerExtras(try #require(extras.json.objectValue)) == extras)
    }

    @Test func copyPlaces() {
        #expect(CopyPlace(root: nil, path: "/a/b/.").onlyContent)
        #expect(CopyPlace(root: nil, path: "/a/b/").saysDirectory)
        #expect(CopyPlace(root: nil, path: "/a/b/.").name == "b")
        #expect(CopyPlace(root: nil, path: "/a/b").parent.path == "/a")
        #expect(CopyPlace(root: nil, path: "b").parent.path == ".")
        #expect(CopyPlace(root: nil, path: "/").name == "")
    }
}
