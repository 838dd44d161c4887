import OCI
import Testing

@testable import ImageBuilder

@Suite struct RemoteTests {
    @Test func readsGitAddresses() throws {
        for (text, remote, reference, directory) in [
            ("https://h/r.git", "https://h/r.git", nil, nil),
            ("https://h/r.git#v1", "https://h/r.git", "v1", nil),
            ("https://h/r.git#v1:a/b", "https://h/r.git", "v1", "a/b"),
            ("https://h/r.git#:a", "https://h/r.git", nil, "a"),
            ("git@h:me/r.git#x", "git@h:me/r.git", "x", nil),
            ("ssh://git@h:22/r", "ssh://git@h:22/r", nil, nil),
            ("git://h/r", "git://h/r", nil, nil),
            ("github.com/me/r#x", "https://github.com/me/r", "x", nil),
            ("https://h/r.git?tag=v1&subdir=a%2Fb", "https://h/r.git", "refs/tags/v1", "a/b"),
        ] as [(String, String, String?, String?)] {
            let read = try GitReference(parsing: text)
            #expect(read.remote == remote && read.reference == reference && read.directory == directory, "\(text)")
            #expect(RemoteSource.isGit(text))
        }
        let secret = try GitReference(parsing: "https://me:word@h/r.git?checksum=abcdef0&keep-git-dir=1")
        #expect(secret.shown == "https://h/r.git" && secret.checksum == "abcdef0" && secret.keepsGitDirectory)
    }

    /// What would be an option of git or ssh, or lead elsewhere.
    @Test(arguments: [
        "git://-oProxyCommand=x/r", "ssh://-oProxyCommand=x/r", "git@-x:r", "git@h", "https://h/r.git#-x",
        "https://h/r.git#--upload-pack=x", "https://h/r.git#a..b", "https://h/r.git#a b", "https://h/r.git#a\nb",
        "https://h/r.git?checksum=xyz", "https://h/r.git?ref=a&branch=b", "https://h/r.git?other=1", "ssh:///r",
        "https://h/r.git?submodules=1", "https://h/r.git#a:b?ref=~x^",
    ])
    func refusesHostileAddresses(_ text: String) {
        if text.hasSuffix("~x^") {
            // Behind the mark everything is a name of the repository.
            #expect((try? GitReference(parsing: text))?.directory == "b?ref=~x^")
        } else {
            #expect(throws: BuildError.self) { try GitReference(parsing: text) }
        }
    }

    @Test func tellsAddressesApart() {
        #expect(RemoteSource.isHTTP("https://h/x.tar") && !RemoteSource.isGit("https://h/x.tar"))
        #expect(RemoteSource.isGit("https://h/x.git#y") && !RemoteSource.isHTTP("https://h/x.git"))
        for local in ["x.git", "http", "a/b", "git", "ftp://h/x"] { #expect(!RemoteSource.isRemote(local)) }
        for (address, name) in [
            ("http://h/a/b.txt", "b.txt"), ("http://h/a%20b?x=/y", "a b"), ("http://h/", "__unnamed__"),
            ("http://h", "__unnamed__"), ("http://h/a/%2e%2e", "__unnamed__"), ("http://h/a%2fb", "__unnamed__"),
            ("http://h/a%00b", "__unnamed__"), ("http://h/d/", "d"),
        ] {
            #expect(RemoteSource.fileName(address) == name, "\(address)")
        }
        #expect(HTTPDate.seconds("Tue, 15 Nov 1994 08:12:31 GMT") == 784_887_151)
        for text in ["", "Tue, 15 Nov 1994", "Tue, 15 Foo 1994 08:12:31 GMT", "x"] {
            #expect(HTTPDate.seconds(text) == nil)
        }
        #expect(Base64Text.encode(Array("x-access-token:ab".utf8)) == "eC1hY2Nlc3MtdG9rZW46YWI=")
    }

    @Test func plansWhatTriggersNeed() throws {
        var images = FakeImages()
        var configuration = ImageConfiguration(platform: .host, diffIDs: [])
        configuration.config.onBuild = ["COPY --from=tools /t /t"]
        images.configurations["trigger"] = configuration
        let whole = try plan(
            "FROM base AS tools\nRUN make\nFROM base AS unused\nRUN x\nFROM trigger\nRUN y", images: images)
        #expect(whole.stages.map(\.name) == ["tools", "stage-2"])
        #expect(whole.stages[1].needs == [0])
        #expect(whole.stages[1].steps.first?.copy?.source == .stage(0))
        // In the file's own stages, too.
        let inner = try plan(
            "FROM base AS tools\nRUN make\nFROM base AS p\nONBUILD COPY --from=tools /t /t\nFROM p\nRUN y")
        #expect(inner.stages.last?.needs.contains(0) == true)
        images.configurations["trigger"]?.config.onBuild = ["COPY --from=later /t /t"]
        #expect(throws: BuildError.self) {
            try plan("FROM trigger\nFROM base AS later\nFROM trigger", target: "0", images: images)
        }
    }
}
