import JSON
import OCI
import RegistryClient

extension FuzzTarget {
    /// Everything that a registry, its token server, a proxy's address or a credential helper answers: headers and bodies.
    static let registry = FuzzTarget(name: "registry", seeds: registrySeeds) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        headers(text)
        bodies(bytes)
        settings(bytes, text)
    }

    private static func headers(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for challenge in Challenge.parse(lines) {
            precondition(!challenge.scheme.isEmpty, "a challenge without a scheme")
            if let realm = challenge.parameters["realm"], let address = WebAddress(parsing: realm) { hold(address) }
        }
        let here = WebAddress(isSecure: true, host: "registry.example", port: 5000, target: "/v2/a/tags/list?n=2")
        for line in lines.prefix(8) {
            if let address = WebAddress(parsing: line) { hold(address) }
            if let next = here.resolving(line) { hold(next) }
            if let next = LinkHeader.next(line, seenFrom: here) {
                precondition(next.utf8.first == 47 && next.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "no path")
            }
            if let start = ContentRange.start(line) { precondition(start >= 0, "a range before the first byte") }
        }
    }

    /// What was read as an address holds nothing that would end a header or hide a host, and reads as the same again.
    private static func hold(_ address: WebAddress) {
        let text = address.description
        precondition(text.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "an address with odd bytes")
        precondition((1...65535).contains(address.port) && !address.host.utf8.contains(64), "an odd host")
        precondition(WebAddress(parsing: text) == address, "an address changed: \(text)")
    }

    private static func bodies(_ bytes: [UInt8]) {
        if let token = AccessToken.read(bytes) {
            precondition(token.value.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "a token that ends its header")
            precondition((1...86400).contains(token.seconds), "a token for ever")
        }
        for message in RegistryMessage.parse(bytes) {
            precondition(message.unicodeScalars.allSatisfy { $0.value >= 32 }, "a message that moves the cursor")
        }
        for tag in TagList.parse(bytes) ?? [] {
            precondition((try? Reference(parsing: "a/b:\(tag)"))?.tag == tag, "a tag that is none")
        }
        _ = RegistrySearch.parse(bytes)
        for type in [MediaType.ociManifest, MediaType.ociIndex, "application/json; charset=utf-8", "text/html", ""] {
            guard
                let manifest = try? ManifestAnswer.verify(
                    bytes, contentType: type, saidDigest: "sha256:x", wanted: nil, size: nil, "pull", "x")
            else { continue }
            precondition(manifest.bytes == bytes, "other bytes")
            precondition(
                MediaType.isIndex(manifest.mediaType) || MediaType.isManifest(manifest.mediaType), "an unknown type")
            _ = try? ImageManifest(parsing: bytes)
            _ = try? ImageIndex(parsing: bytes)
        }
    }

    private static func settings(_ bytes: [UInt8], _ text: String) {
        _ = try? RegistrySettings.parse(bytes, "registries.json")
        _ = try? CredentialHelper.parse(bytes, "x")
        if let configuration = try? DockerConfiguration(path: "config.json", parsing: bytes) {
            _ = configuration.credentials(for: "registry.example:5000")
            _ = configuration.helper(for: "registry.example:5000")
        }
        _ = try? CopyPlace(parsing: text)
        if let proxies = try? ProxySettings(variable: { $0.hasPrefix("NO") ? text : "http://p:1" }) {
            _ = proxies.proxy(for: WebAddress(isSecure: true, host: "10.1.2.3"))
        }
        _ = try? ProxySettings(variable: { _ in text })
        precondition(Base64.bytes(Base64.encode(text)).map { $0 == Array(text.utf8) } ?? false, "base64 lost bytes")
        _ = Base64.bytes(text)
    }

    private static let digest = "sha256:" + String(repeating: "a1", count: 32)

    private static let registrySeeds: [[UInt8]] = [
        #"Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push""#,
        #"Negotiate, Basic realm="a \"b\"", charset=UTF-8, Bearer realm=http://[::1]:80/t"#,
        #"{"token":"abc.def","access_token":"x","expires_in":300,"issued_at":"2024-01-01T00:00:00Z"}"#,
        #"{"errors":[{"code":"DENIED","message":"no \u001b[31mway","detail":{"a":[1]}},{"code":"UNKNOWN"}]}"#,
        #"{"name":"a/b","tags":["1","latest","x y","../.."]}"#,
        #"{"results":[{"name":"a","description":"d","star_count":3,"is_official":true}]}"#,
        "bytes 5-9/10", "</v2/a/tags/list?last=b&n=2>; rel=\"next\"", "https://host.example:5000/v2/?a=b#c",
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(digest)","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\#(digest)","size":3}]}"#,
        #"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(digest)","size":1,"platform":{"os":"linux","architecture":"arm64"}}]}"#,
        #"{"registries":{"docker.io":{"mirrors":["m.example:5000","http://c.lan/hub"],"insecure":true}},"retries":5,"stall-seconds":60}"#,
        #"{"auths":{"registry.example:5000":{"auth":"dXNlcjpzZWNyZXQ=","identitytoken":"x"}},"credHelpers":{"a":"b"},"credsStore":"c"}"#,
        #"{"ServerURL":"x","Username":"<token>","Secret":"s"}"#, "localhost,10.0.0.0/8,.example,::1/64,*",
        "http://name:pass%40word@proxy.example:3128", "containers-storage:[overlay@/s+/r]a:1", "oci:/x/y:tag",
    ].map { Array($0.utf8) }
}
