import JSON
import OCI
import RegistryClient
import Testing

/// What registries, users and files say: read strictly, and never a crash.
@Suite struct ParserTests {
    @Test func challenges() {
        let bearer = Challenge.parse([
            #"Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push""#
        ])
        #expect(bearer.count == 1)
        #expect(bearer[0].scheme == "bearer")
        #expect(bearer[0].parameters["realm"] == "https://auth.example/token")
        #expect(bearer[0].parameters["scope"] == "repository:a/b:pull,push")
        let both = Challenge.parse([#"Negotiate, Basic realm="a \"b\"", charset=UTF-8, Bearer realm=x"#])
        #expect(both.map(\.scheme) == ["negotiate", "basic", "bearer"])
        #expect(both[1].parameters == ["realm": #"a "b""#, "charset": "UTF-8"])
        #expect(
            Challenge.parse(["", "=", "\"", #"Bearer realm="open"#, ",,,", "a=b"]).allSatisfy { $0.parameters.isEmpty })
        for length in 0..<60 {
            _ = Challenge.parse([String(#"Bearer realm="x\",a=b, Basic realm="q", c"#.prefix(length))])
        }
    }

    @Test func webAddresses() {
        let address = WebAddress(parsing: "https://Registry.Example:5000/v2/?a=b#c")
        #expect(address?.host == "registry.example")
        #expect(address?.port == 5000)
        #expect(address?.target == "/v2/?a=b")
        #expect(WebAddress(parsing: "http://[::1]/x")?.description == "http://[::1]/x")
        #expect(WebAddress(parsing: "https://h?q")?.target == "/?q")
        for bad in [
            "", "ftp://x", "https://", "https://user:pass@host/", "https://a b/", "https://host:0/",
            "https://host:65536/",
            "https://ho\r\nst/", "http://[::1", "http://[zz]/", "//x", "https://h\u{E9}/", "https://a/\u{0}",
        ] {
            #expect(WebAddress(parsing: bad) == nil, "\(bad)")
        }
        let base = WebAddress(isSecure: true, host: "a", target: "/v2/x")
        #expect(base.resolving("/y")?.description == "https://a/y")
        #expect(base.resolving("/y?a=b#c/d")?.target == "/y?a=b")
        #expect(base.resolving("/" + String(repeating: "y", count: 9000)) == nil)
        #expect(base.resolving("//b/z")?.description == "https://b/z")
        #expect(base.resolving("file:///etc/passwd") == nil)
        #expect(base.resolving("y") == nil)
        #expect(
            ["localhost", "127.0.0.1", "127.9.9.9", "::1"].allSatisfy {
                WebAddress(isSecure: false, host: $0).isLoopback
            })
        #expect(
            !["127.0.0.1.example.com", "127", "128.0.0.1", "localhost.example", "127.0.0"].contains {
                WebAddress(isSecure: false, host: $0).isLoopback
            })
    }

    @Test func tokensAndMessages() {
        #expect(AccessToken.read(Array(#"{"token":"abc","expires_in":300}"#.utf8))?.value == "abc")
        #expect(AccessToken.read(Array(#"{"token":"","access_token":"x"}"#.utf8))?.seconds == 60)
        for bad in ["", "{}", "[]", #"{"token":1}"#, #"{"token":"a\r\nb"}"#, #"{"token":"a b"}"#, "<html>"] {
            #expect(AccessToken.read(Array(bad.utf8)) == nil, "\(bad)")
        }
        let errors = #"{"errors":[{"code":"DENIED","message":"no \u001b[31mway"},{"code":"X"},5]}"#
        let messages = RegistryMessage.parse(Array(errors.utf8))
        #expect(messages.count == 2)
        #expect(!messages[0].contains("\u{1B}"))
        #expect(RegistryMessage.parse(Array("<html>".utf8)).isEmpty)
    }

    @Test func listsAndRanges() {
        #expect(TagList.parse(Array(#"{"name":"a","tags":["1","la/test","x y","b"]}"#.utf8)) == ["1", "b"])
        #expect(TagList.parse(Array(#"{"name":"a","tags":null}"#.utf8)) == [])
        #expect(TagList.parse(Array("[]".utf8)) == nil)
        #expect(ContentRange.start("bytes 5-9/10") == 5)
        #expect(ContentRange.start("BYTES 0-0/*") == 0)
        for bad in ["", "bytes", "bytes */10", "items 0-1/2", "bytes x-1/2"] { #expect(ContentRange.start(bad) == nil) }
        let here = WebAddress(isSecure: true, host: "a", target: "/v2/x")
        #expect(LinkHeader.next("</v2/x?last=1>; rel=\"next\"", seenFrom: here) == "/v2/x?last=1")
        for bad in ["", "<", "</v2/x>", "><; next", "</v2/x; rel=next", "<https://b/v2/x>; rel=next", "<>; rel=next"] {
            #expect(LinkHeader.next(bad, seenFrom: here) == nil, "\(bad)")
        }
        #expect(RegistrySearch.parse(Array(#"{"results":[{"name":"a","star_count":3}]}"#.utf8))?.first?.stars == 3)
        #expect(RegistrySearch.parse(Array("{}".utf8)) == nil)
    }

    @Test func manifestsAreVerified() throws {
        let text = Array(
            #"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:\#(String(repeating: "0", count: 64))","size":2},"layers":[]}"#
                .utf8)
        func verify(
            _ bytes: [UInt8], type: String = MediaType.ociManifest, wanted: Digest? = nil, size: Int64? = nil
        ) throws(RegistryError) -> FetchedManifest {
            try ManifestAnswer.verify(
                bytes, contentType: type, saidDigest: nil, wanted: wanted, size: size, "pull", "x")
        }
        #expect(try verify(text).mediaType == MediaType.ociManifest)
        #expect(try verify(text, type: "application/json").mediaType == MediaType.ociManifest)
        let other = Digest(algorithm: .sha512, hex: String(repeating: "0", count: 128))
        #expect(throws: RegistryError.self) { try verify(text, wanted: other) }
        #expect(throws: RegistryError.self) { try verify(text, size: 3) }
        for bad in ["", "<html>", "[]", "{", #"{"schemaVersion":1}"#, #"{"mediaType":"text/plain"}"#] {
            #expect(throws: RegistryError.self) { try verify(Array(bad.utf8)) }
        }
        #expect(throws: RegistryError.self) {
            try verify(Array(#"{"mediaType":"\#(MediaType.ociIndex)"}"#.utf8), type: MediaType.ociManifest)
        }
    }

    @Test func copyPlaces() throws {
        let name = try Reference(parsing: "docker.io/library/a:1")
        let cases: [(String, CopyPlace)] = [
            ("docker://a:1", .registry(name)), ("a:1", .store(name)), ("docker-daemon:a:1", .dockerDaemon(name)),
            ("docker-daemon:", .dockerDaemon(nil)), ("containers-storage:a:1", .containersStorage(root: nil, name)),
            ("containers-storage:[overlay@/s+/r]a:1", .containersStorage(root: "/s", name)),
            ("containers-storage:[/s]", .containersStorage(root: "/s", nil)),
            ("oci:/x/y:tag", .layout(path: "/x/y", tag: "tag")), ("oci:dir", .layout(path: "dir", tag: nil)),
            ("oci-archive:f.tar", .layoutArchive(path: "f.tar", tag: nil)),
            ("docker-archive:f.tar:a:1", .dockerArchive(path: "f.tar", name: name)),
            ("dir:/d:e", .directory(path: "/d:e")),
        ]
        for (text, place) in cases { #expect(try CopyPlace(parsing: text) == place, "\(text)") }
        for bad in ["", "oci:", "dir:", "docker://", "docker://A", "oci-archive::x"] {
            #expect(throws: RegistryError.self, "\(bad)") { try CopyPlace(parsing: bad) }
        }
    }
}
