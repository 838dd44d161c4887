import LinuxKernel
import Testing

@Suite struct UserDatabaseTests {
    private let database = UserDatabase(
        passwd: Array(
            "root:x:0:0:root:/root:/bin/sh\n# comment\nwww:x:33:33::/var/www:/bin/false\n1000:x:0:0::/:/bin/sh\nbad:x:0x0:0::/:\nminus:x:-1:0::/:\nbig:x:4294967296:0::/:\nnohome:x:50:51:::\nshort:x:1\n"
                .utf8),
        group: Array("root:x:0:\nwww:x:33:\nadm:x:4:www,root\ntty:x:5:other\n".utf8))

    @Test func findsNamesAndNumbers() throws {
        #expect(try database.resolve("www") == ResolvedUser(uid: 33, gid: 33, additionalGroups: [4], home: "/var/www", name: "www"))
        #expect(try database.resolve("33").home == "/var/www")
        #expect(try database.resolve("") == ResolvedUser(uid: 0, gid: 0, additionalGroups: [4], home: "/root", name: "root"))
        #expect(try database.resolve("4242:77") == ResolvedUser(uid: 4242, gid: 77, additionalGroups: [], home: "/", name: nil))
        #expect(try database.resolve("www:adm").gid == 4)
        #expect(try database.resolve("www:adm").additionalGroups == [])
        #expect(try database.resolve("nohome").home == "/")
        #expect(try database.resolve("4294967294").uid == 4_294_967_294)
    }

    /// CVE-2016-3697: a line whose name is a number must not decide what that number means.
    @Test func aNumberIsNeverAName() throws {
        #expect(try database.resolve("1000") == ResolvedUser(uid: 1000, gid: 0, additionalGroups: [], home: "/", name: nil))
    }

    @Test(arguments: [
        "1000:", ":5", ":", "0x0", "+0", " 0", "0 ", "-1", "4294967295", "4294967296", "99999999999", "nobody-here", "www:none",
        "www:www:www", "bad", "minus", "big", "short", "1e3",
    ])
    func refusesEverythingElse(_ text: String) {
        #expect(throws: UserError.self) { try database.resolve(text) }
    }

    @Test func survivesHostileFiles() {
        _ = UserDatabase(passwd: Array(repeating: 58, count: 1 << 20), group: [0, 10, 58, 255, 10, 10])
        let binary = UserDatabase(passwd: Array("a\0b:x:0:0::/:\n".utf8), group: [])
        #expect(binary.users.isEmpty)
    }
}
