import RegistryClient
import Testing

/// Files and variables that users write.
@Suite struct SettingsTests {
    @Test func registries() throws {
        let text = #"""
            {"registries": {"docker.io": {"mirrors": ["http://127.0.0.1:5000/hub", "mirror.example"]}, "r:5000": {"insecure": true}},
             "insecure-registries": ["s"], "stall-seconds": 5}
            """#
        let settings = try RegistrySettings.parse(Array(text.utf8), "x")
        let mirrors = settings.registries["docker.io"]?.mirrors ?? []
        #expect(mirrors.map(\.host) == ["127.0.0.1:5000", "mirror.example"])
        #expect(mirrors.map(\.prefix) == ["hub", ""])
        #expect(mirrors.map(\.isInsecure) == [true, false])
        #expect(settings.registries["r:5000"]?.isInsecure == true && settings.registries["s"]?.isInsecure == true)
        #expect(settings.stallSeconds == 5 && settings.retries == 5)
        for bad in [
            "", "[]", #"{"x":1}"#, #"{"registries":{"a/b":{}}}"#, #"{"registries":{"a":{"mirror":[]}}}"#,
            #"{"stall-seconds":0}"#, #"{"retries":-1}"#, #"{"registry-mirrors":["https://u:p@h"]}"#,
            #"{"insecure-registries":["10.0.0.0/8"]}"#,
        ] {
            #expect(throws: RegistryError.self, "\(bad)") { try RegistrySettings.parse(Array(bad.utf8), "x") }
        }
    }

    @Test func proxies() throws {
        func proxy(_ environment: [String: String], _ address: String) throws -> String? {
            let target = try #require(WebAddress(parsing: address))
            return try ProxySettings { environment[$0] }.proxy(for: target).map { "\($0.host):\($0.port)" }
        }
        let both = [
            "HTTP_PROXY": "http://p:1", "https_proxy": "q:2", "NO_PROXY": "a.test, .b.test,10.0.0.0/8,c.test:444",
        ]
        #expect(try proxy(both, "http://x/") == "p:1")
        #expect(try proxy(both, "https://x/") == "q:2")
        for direct in [
            "https://a.test/", "https://sub.a.test/", "https://x.b.test/", "https://10.2.3.4/", "https://c.test:444/",
            "http://localhost/", "http://127.0.0.1/",
        ] {
            #expect(try proxy(both, direct) == nil, "\(direct)")
        }
        #expect(try proxy(both, "https://c.test/") == "q:2")
        #expect(try proxy(both, "https://nota.test/") == "q:2")
        #expect(try proxy(["HTTP_PROXY": "p:1", "REQUEST_METHOD": "GET"], "http://x/") == nil)
        #expect(try proxy(["HTTPS_PROXY": "p:1", "NO_PROXY": "*"], "https://x/") == nil)
        #expect(throws: RegistryError.self) { try ProxySettings { $0 == "HTTPS_PROXY" ? "socks5://x:1" : nil } }
        let named = try ProxySettings { $0 == "HTTPS_PROXY" ? "http://me:p%40ss@h:3" : nil }
        let found = try named.proxy(for: #require(WebAddress(parsing: "https://x/")))
        // "me:p@ss"
        #expect(found?.authorization == "Basic bWU6cEBzcw==")
    }

    @Test func registryNames() {
        for good in ["docker.io", "localhost:5000", "[::1]:5000", "a_b"] { #expect(RegistryName.isValid(good)) }
        for bad in ["", "a/b", "a:b", "a b", "a:99999", "ü"] { #expect(!RegistryName.isValid(bad)) }
    }
}
