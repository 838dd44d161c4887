import CommandLine
import ContainerNetwork
import Testing

@testable import berth

@Suite struct MountTests {
    private func volume(_ text: String) throws -> MountRequest {
        try MountRequest(volume: text, workingDirectory: "/home/me")
    }
    private func fields(_ text: String) throws -> MountRequest {
        try MountRequest(fields: text, workingDirectory: "/home/me")
    }

    @Test func volumes() throws {
        #expect(try volume("/a:/b") == MountRequest(source: .path("/a", makesMissing: true), destination: "/b"))
        #expect(try volume("/a:/b:ro").isReadOnly)
        #expect(try volume("data:/b").source == .volume("data"))
        #expect(try volume("/b").source == .volume(nil))
        #expect(try volume("./a:/b").source == .path("/home/me/a", makesMissing: true))
        #expect(try volume("../a/./b:/b").source == .path("/home/a/b", makesMissing: true))
        #expect(try volume(".:/b").source == .path("/home/me", makesMissing: true))
        #expect(try volume("../../../..:/b").source == .path("/", makesMissing: true))
        #expect(try volume("/a:/b:rslave,ro").propagation == "rslave")
        #expect(try !volume("data:/b:nocopy").copiesContent)
        #expect(
            try volume("/a:/b:rw,z,cached") == MountRequest(source: .path("/a", makesMissing: true), destination: "/b"))
        #expect(try volume("/:/host").source == .path("/", makesMissing: true))
    }

    @Test func accentsDoNotHideSeparators() throws {
        let accent = "\u{301}"
        #expect(try volume("/a:/\(accent)b:ro").destination == "/\(accent)b")
        #expect(try volume("/\(accent)a:/b").source == .path("/\(accent)a", makesMissing: true))
        #expect(try volume("../\(accent)a:/b").source == .path("/home/\(accent)a", makesMissing: true))
        #expect(MountRequest.absolute("/a/../\(accent)b", from: "/") == "/\(accent)b")
        #expect(throws: ValueError.self) { try volume("/a:/b:\(accent)ro") }
        #expect(EnvironmentText.resolve("K=\(accent)", caller: { _ in nil }) == "K=\(accent)")
        #expect(
            try EnvironmentText.file(Array("K=\(accent)\r\n#\(accent)\r\n".utf8), caller: { _ in nil }) == [
                "K=\(accent)"
            ])
        #expect(throws: ValueError.self) { try UserText.check("0:\(accent)0:1") }
        #expect(throws: ValueError.self) { try KernelSetting.parse("net.ipv4.x/\(accent)=1") }
        #expect(throws: ValueError.self) { try PortFlags.publish("80:\(accent)80") }
    }

    @Test(arguments: [
        "", ":", "/a:", ":/b", "/a:b", "/a:/", "/a://", "/a:/.", "/a:/..", "/a:/b:zz", "/a:/b:ro:x", "/a:/b:ro,rw",
        "/a:/b:z,Z",
        "/a:/b:ro,ro", "a/b:/c", ".hidden:/b", "a b:/c", "-x:/b", "../x", "b", "/a:/b:", "/a:/b:ro,", "/a\n:/b",
        "/a:/b\u{0}",
        "data:/b:shared", "/a:/b:nocopy", "x:/b", "~/a:/b", "\u{202E}x:/b",
    ])
    func badVolumes(_ text: String) {
        let said = outcome { try volume(text) }
        #expect(said.hasPrefix("error: "), "\(said)")
        #expect(!said.utf8.contains { $0 < 32 })
    }

    @Test func mountFields() throws {
        #expect(
            try fields("type=bind,source=/a,target=/b,readonly")
                == MountRequest(source: .path("/a", makesMissing: false), destination: "/b", isReadOnly: true))
        #expect(try !fields("type=bind,src=/a,dst=/b,readonly=false").isReadOnly)
        #expect(try fields("TYPE=bind,SRC=./a,DST=/b,ro=1").source == .path("/home/me/a", makesMissing: false))
        #expect(try fields("type=volume,src=vol,dst=/b,volume-nocopy").copiesContent == false)
        #expect(try fields("dst=/b").source == .volume(nil))
        #expect(
            try fields("type=tmpfs,dst=/t,tmpfs-size=10m,tmpfs-mode=1777")
                == MountRequest(source: .tmpfs, destination: "/t", options: ["size=10485760", "mode=1777"]))
        #expect(try fields("type=bind,\"src=/a,b\",dst=/c").source == .path("/a,b", makesMissing: false))
        #expect(try fields("type=bind,src=/a,dst=/b,bind-propagation=rslave").propagation == "rslave")
        #expect(try !fields("type=bind,src=/a,dst=/b,bind-nonrecursive").isRecursive)
        #expect(try !fields("type=bind,src=/a,dst=/b,bind-recursive=disabled").isRecursive)
        #expect(try fields("type=bind,type=volume,src=vol,dst=/b").source == .volume("vol"))
    }

    @Test(arguments: [
        ("", "it is empty"), ("type=bind,src=/a", "target is required"),
        ("type=bind,src=/a,dst=/b,foo=1", "unexpected key 'foo' in 'foo=1'"),
        ("type=bind,src=/a,dst=/b,foo", "invalid field 'foo' must be a key=value pair"),
        ("type=bind,src=/a,dst=/b,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"),
        ("type=bind,src=/a,dst=/b,tmpfs-size=1", "cannot mix 'tmpfs-*' options with mount type 'bind'"),
        ("type=tmpfs,dst=/b,tmpfs-size=x", "invalid value for tmpfs-size: x"),
        ("type=tmpfs,dst=/b,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"),
        ("type=bind,source=/a,destination=/b,readonly=maybe", "invalid value for readonly: maybe"),
        ("type=bind,,dst=/b", "invalid field '' must be a key=value pair"),
        ("type=foo,dst=/b", "unknown mount type 'foo'"),
        ("type=image,src=x,dst=/b", "mount type image is not supported yet"),
        ("type=bind,dst=/b", "source is required for mount type 'bind'"),
        ("type=volume,dst=/b,volume-opt=a=b", "volume-opt is not supported yet"),
        ("type=tmpfs,src=/a,dst=/b", "a mount of type 'tmpfs' has no source"),
        ("type=bind,src=/a,dst=/", "invalid specification: destination can't be '/'"),
        ("type=bind,src=/a,dst=b", "invalid mount path: 'b' mount path must be absolute"),
    ])
    func badFields(_ text: String, _ clause: String) { #expect(outcome { try fields(text) } == "error: " + clause) }

    @Test func temporaryFileSystems() throws {
        #expect(try MountRequest(tmpfs: "/t") == MountRequest(source: .tmpfs, destination: "/t"))
        let full = try MountRequest(tmpfs: "/t:ro,noexec,size=64m,mode=1777,uid=3,nr_inodes=1k")
        #expect(full.isReadOnly && full.options == ["noexec", "size=64m", "mode=1777", "uid=3", "nr_inodes=1k"])
        #expect(try MountRequest(tmpfs: "/t:").options == [])
        for bad in [
            "", "t", "/", "/t:foo", "/t:size=x", "/t:size=", "/t:ro:x", "/t:mode=9", "/t:uid=-1", "/t:,",
            "/t:size=1,lowerdir=/",
            "/t:mpol=bind", "/t:uid=4294967295", "/t:size=1m\n", "/t:context=x",
        ] {
            #expect(throws: ValueError.self, "\(bad)") { try MountRequest(tmpfs: bad) }
        }
    }

    @Test func names() {
        for good in ["ab", "a.b", "A_1-2.3", "0x", String(repeating: "a", count: 255)] {
            #expect(ContainerNameText.isValid(good))
        }
        for bad in [
            "", "a", "-a", ".a", "_a", "../x", "a/b", "a b", "a\n", "a\u{0}b", "äb", "aé",
            String(repeating: "a", count: 256),
            String(repeating: "a", count: 2000), "a:b", "a%20",
        ] {
            #expect(!ContainerNameText.isValid(bad), "\(bad)")
        }
    }
}

@Suite struct PortTests {
    @Test func publishedAndExposed() throws {
        #expect(try PortFlags.publish("8080:80/udp").map(\.description) == ["8080:80/udp"])
        #expect(try PortFlags.expose("80-81/udp") == ["80/udp", "81/udp"])
        for bad in ["", "foo", "80:90", "90-80", "80/foo"] {
            #expect(throws: ValueError.self, "\(bad)") { try PortFlags.expose(bad) }
        }
    }
}

@Suite struct TextTests {
    @Test func environmentFiles() throws {
        let text = "\u{FEFF}# comment\nA=1\n  B=two words \nC\nD\r\n\n#E=5\nF==x\nG=\"quoted\"\n\tH=#\n"
        let found = try EnvironmentText.file(Array(text.utf8)) { ["C": "from caller"][$0] }
        #expect(found == ["A=1", "B=two words ", "C=from caller", "F==x", "G=\"quoted\"", "H=#"])
        #expect(try EnvironmentText.file([]) { _ in nil } == [])
        for bad in ["=x", "A B=c", "A=1\n=", "A\u{0}=1", "A\u{A0}B=1"] {
            #expect(throws: ValueError.self, "\(bad)") { try EnvironmentText.file(Array(bad.utf8)) { _ in nil } }
        }
        #expect(throws: ValueError.self) { try EnvironmentText.file([65, 61, 0xFF, 0xFE]) { _ in nil } }
        #expect(
            outcome { try EnvironmentText.file(Array("A=1\n\n=x".utf8)) { _ in nil } }
                == "error: no variable name on line 3 '=x'")
    }

    @Test func labels() throws {
        #expect(throws: Never.self) { try EnvironmentText.checkLabel("a.b/c=d e") }
        for bad in ["", "=v", "a b=c", " a=b", "a\tb", "a\u{0}"] {
            #expect(throws: ValueError.self, "\(bad)") { try EnvironmentText.checkLabel(bad) }
        }
    }

    @Test func users() {
        for good in ["", "a", "a:b", "1000", "1000:1000", "0:0", "4294967294", "www-data", "user$", "ünï", "a.b"] {
            #expect(throws: Never.self, "\(good)") { try UserText.check(good) }
        }
        for bad in [
            ":", "a:", ":b", "1000:", ":5", "+0", " 0", "0 ", "-1", "4294967295", "4294967296",
            "99999999999999999999999", "a:b:c",
            "a\nb", "0:4294967296", "a/b", "\u{0}", "0:+0",
        ] {
            #expect(throws: ValueError.self, "\(bad)") { try UserText.check(bad) }
        }
    }

    @Test func hosts() throws {
        #expect(try HostEntry.parse("db:10.0.0.1") == "db:10.0.0.1")
        #expect(try HostEntry.parse("db=::1") == "db:::1")
        #expect(try HostEntry.parse("db:[::1]") == "db:::1")
        #expect(try HostEntry.parse("db:host-gateway") == "db:host-gateway")
        for bad in [
            "db", "db:", ":1.2.3.4", "db:foo", "", "a:b:c", "a b:1.2.3.4", "a\n:1.2.3.4", "#:1.2.3.4",
            "a:1.2.3.4\n5.6.7.8 bank",
        ] {
            #expect(throws: ValueError.self, "\(bad)") { try HostEntry.parse(bad) }
        }
    }

    @Test func kernelSettings() throws {
        for good in [
            "net.ipv4.ip_forward=1", "net.core.somaxconn=1024", "kernel.shmmax=1", "fs.mqueue.msg_max=5",
            "kernel.sem=1 2\t3 4",
        ] {
            #expect(throws: Never.self, "\(good)") { try KernelSetting.parse(good) }
        }
        for bad in [
            "a=b", "a", "", "=b", "kernel.core_pattern=|/x", "kernel.shm_rmid_forced=1+kernel.core_pattern=x",
            "net.ipv4.x=1\n2",
            "net/../kernel/core_pattern=1", "net...x=1", "net.=1", "net=1", "fs.mqueue=1", "kernel.domainname=x",
            "vm.swappiness=1",
            "net.ipv4.x=\u{0}", "net.ipv4./x=1", "fs.mqueue.a.b=1", "net..=1",
        ] {
            #expect(throws: ValueError.self, "\(bad)") { try KernelSetting.parse(bad) }
        }
    }

    @Test func securityOptions() throws {
        func read(_ texts: String...) throws -> SecurityOptions {
            var options = SecurityOptions()
            for text in texts { try options.add(text) }
            return options
        }
        #expect(try read("no-new-privileges").noNewPrivileges)
        #expect(try read("no-new-privileges:true").noNewPrivileges)
        #expect(try !read("no-new-privileges", "no-new-privileges=false").noNewPrivileges)
        #expect(try read("seccomp=unconfined").seccomp == .unconfined)
        #expect(try read("seccomp=/p.json").seccomp == .file("/p.json"))
        #expect(try read("apparmor=unconfined", "label=disable") == SecurityOptions())
        for bad in [
            "", "foo", "seccomp", "seccomp=", "no-new-privileges=maybe", "apparmor=x", "label=type:x", "=x",
            "systempaths=unconfined",
        ] {
            #expect(throws: ValueError.self, "\(bad)") { try read(bad) }
        }
    }

    @Test(
        arguments: [
            ("10m", .ago(nanoseconds: 600_000_000_000)),
            ("1136073600", .moment(seconds: 1_136_073_600, nanoseconds: 0)),
            ("1136073600.000000001", .moment(seconds: 1_136_073_600, nanoseconds: 1)),
            ("1136073600.5", .moment(seconds: 1_136_073_600, nanoseconds: 500_000_000)),
            ("0", .moment(seconds: 0, nanoseconds: 0)),
            ("1970-01-01T00:00:00Z", .moment(seconds: 0, nanoseconds: 0)),
            ("2024-02-29", .moment(seconds: 1_709_164_800, nanoseconds: 0)),
            ("2026-01-31T12:00:00.25Z", .moment(seconds: 1_769_860_800, nanoseconds: 250_000_000)),
            ("2026-01-31T13:00:00+01:00", .moment(seconds: 1_769_860_800, nanoseconds: 0)),
            ("2026-01-31T07:30-04:30", .moment(seconds: 1_769_860_800, nanoseconds: 0)),
            ("1969-12-31T23:59:59Z", .moment(seconds: -1, nanoseconds: 0)),
        ] as [(String, TimeReference)])
    func times(_ text: String, _ time: TimeReference) throws { #expect(try TimeReference(parsing: text) == time) }

    @Test(arguments: [
        "", "yesterday", "2023-02-29", "2026-13-01", "2026-01-32", "2026-01-31T24:00", "2026-01-31T12",
        "2026-01-31T12:00:00.Z",
        "2026-01-31Q", "10", "1.1234567890", "2026-01-31T12:00:00+1:00", "0000-01-01", "2026-01-31 12:00", "-5",
        "99999999999999999",
    ])
    func badTimes(_ text: String) {
        if text == "10" { return }
        #expect(throws: ValueError.self) { try TimeReference(parsing: text) }
    }

    @Test func resolvedTimes() {
        let now: (seconds: Int64, nanoseconds: Int64) = (1000, 300)
        #expect(TimeReference.ago(nanoseconds: 1_000_000_500).resolved(now: now) == (998, 999_999_800))
        #expect(TimeReference.ago(nanoseconds: -1_000_000_000).resolved(now: now) == (1001, 300))
        #expect(TimeReference.ago(nanoseconds: -999_999_900).resolved(now: now) == (1001, 200))
    }

    @Test func tables() {
        var table = Table(["CONTAINER ID", "NAMES"])
        table.add(["abc", "web"])
        table.add(["0123456789abcdef", "a\u{1B}[31m"])
        table.add(["日本", "x"])
        #expect(
            table.text
                == "CONTAINER ID       NAMES\nabc                web\n0123456789abcdef   a\\x1b[31m\n日本               x\n"
        )
        #expect(Table.width("日本é") == 5 && Table.width("e\u{301}") == 1)
        #expect(Table.shortened("abcdef", to: 4) == "abc…" && Table.shortened("abcd", to: 4) == "abcd")
        #expect(Table().text == "")
    }
}
