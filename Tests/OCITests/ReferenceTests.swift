import ImageTestSupport
import OCI
import Testing

@Suite struct ReferenceTests {
    static let digest = "sha256:" + String(repeating: "ab", count: 32)

    // Input, full form, short form: the pairs of distribution's own tests, and their neighbours.
    @Test(arguments: [
        ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04", "ubuntu:24.04"),
        ("library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("docker.io/library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("index.docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("index.docker.io/a/b", "docker.io/a/b", "a/b"),
        ("user/app", "docker.io/user/app", "user/app"),
        ("library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("[2001:db8::1]/app", "[2001:db8::1]/app", "[2001:db8::1]/app"),
        ("ghcr.io/org/app:1.2-rc_3", "ghcr.io/org/app:1.2-rc_3", "ghcr.io/org/app:1.2-rc_3"),
        ("UPPER/app", "UPPER/app", "UPPER/app"),
        ("a-b--c/d__e.f_g", "docker.io/a-b--c/d__e.f_g", "a-b--c/d__e.f_g"),
        ("app@\(digest)", "docker.io/library/app@\(digest)", "app@\(digest)"),
        ("app:1@\(digest)", "docker.io/library/app:1@\(digest)", "app:1@\(digest)"),
        ("foo_bar.com:8080", "docker.io/library/foo_bar.com:8080", "foo_bar.com:8080"),
        ("xn--n3h.com/app", "xn--n3h.com/app", "xn--n3h.com/app"),
        ("localhost", "docker.io/library/localhost", "localhost"),
        ("a:_x", "docker.io/library/a:_x", "a:_x"),
    ])
    func reads(_ input: String, _ full: String, _ familiar: String) throws {
        let reference = try Reference(parsing: input)
        #expect(reference.description == full)
        #expect(reference.familiar == familiar)
        #expect(try Reference(parsing: full) == reference)
        #expect(try Reference(parsing: familiar) == reference)
    }

    @Test(arguments: [
        "", ":", "/", "@", "a/", "/a", "a//b", "Ubuntu", "user/App", "ubuntu:", "ubuntu:tag:tag", "ubuntu:-x",
        "ubuntu:.x",
        "ubuntu:" + String(repeating: "a", count: 129), "ubuntu@", "ubuntu@sha256:abc",
        "ubuntu@md5:\(digest.dropFirst(7))",
        "a..b", "a___b", "a._b", "-a", "a-", "a_", ".a", "a b", "a\nb", "a\0b", "../x", "a/../b", "a/./b", "http://a/b",
        "a.b:port/c", "a.b:/c", "[::1/x", "[::g]/x", "[]/x", "a_b.c/d", "-a.b/c", "a-.b/c", "a..b/c", "é", "a/é",
        "ubuntu:é",
        String(repeating: "ab", count: 32), "x/" + String(repeating: "a", count: 300),
        "ubuntu:\u{FF11}", "user/a@\(digest)x", " ubuntu", "ubuntu ", "--rm",
    ])
    func refuses(_ text: String) {
        #expect(throws: OCIError.self) { try Reference(parsing: text) }
    }

    @Test func sentencesSayWhatIsWrong() {
        func sentence(_ text: String) -> String {
            do {
                return try Reference(parsing: text).description
            } catch { return error.description }
        }
        #expect(sentence("Ubuntu").contains("must be lower case"))
        #expect(sentence("").contains("is empty"))
        #expect(sentence(String(repeating: "ab", count: 32)).contains("image ID"))
        #expect(sentence("ubuntu:a b").contains("a tag has"))
    }

    @Test func defaultTag() throws {
        #expect(try Reference(parsing: "a").withDefaultTag.tag == "latest")
        #expect(try Reference(parsing: "a:b").withDefaultTag.tag == "b")
        #expect(try Reference(parsing: "a@\(Self.digest)").withDefaultTag.tag == nil)
        #expect(try Reference(parsing: "a:b").tagged("c").familiar == "a:c")
        #expect(throws: OCIError.self) { try Reference(parsing: "a").tagged("../x") }
    }

    // Whatever is accepted prints as something that reads back as itself.
    @Test func randomTextNeverBreaksTheGrammar() throws {
        var generator = TestRandom()
        let alphabet = Array("ab0AZ.-_:/@[]+é \0sha256")
        for _ in 0..<(20_000 * testScale) {
            let text = String(
                (0..<Int.random(in: 0...24, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? "a"
                })
            guard let reference = try? Reference(parsing: text) else { continue }
            #expect(try Reference(parsing: reference.description) == reference, "\(text)")
            #expect(try Reference(parsing: reference.familiar) == reference, "\(text)")
            #expect(!reference.path.split(separator: "/").contains(".."))
        }
    }
}

@Suite struct PlatformTests {
    @Test(arguments: [
        ("linux/amd64", "linux/amd64"), ("linux/x86_64", "linux/amd64"), ("linux/arm64/v8", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"), ("linux/arm", "linux/arm/v7"), ("linux/armhf", "linux/arm/v7"),
        ("Linux/ARM/v6", "linux/arm/v6"), ("linux/i386", "linux/386"), ("linux/amd64/v3", "linux/amd64/v3"),
        ("windows/amd64", "windows/amd64"), ("riscv64", "linux/riscv64"),
    ])
    func normalises(_ input: String, _ output: String) throws {
        #expect(try Platform(parsing: input).description == output)
    }

    @Test(arguments: ["", "/", "a/b/c/d", "linux/", "/amd64", "linux/../x", "linux/am d64"])
    func refuses(_ text: String) {
        #expect(throws: OCIError.self) { try Platform(parsing: text) }
    }

    @Test func satisfies() throws {
        let wanted = try Platform(parsing: "linux/amd64")
        #expect(try Platform(parsing: "linux/amd64/v2").satisfies(wanted))
        #expect(try !wanted.satisfies(Platform(parsing: "linux/amd64/v2")))
        #expect(try !Platform(parsing: "linux/arm64").satisfies(wanted))
    }
}
