import TestSupport
import Testing

/// Logging in, credentials and their helpers, tokens, certificates, mirrors and proxies.
@Suite struct CredentialTests {
    @Test func loginVerifiesAndKeeps() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--auth", "basic"])
            let anonymous = try await site.berth("pull", "-q", "\(registry.host)/app")
            #expect(anonymous.status == 1 && anonymous.err.contains("log in with \"berth login"), "\(anonymous.all)")
            let wrong = try await site.berth("login", "-u", "user", "--password-stdin", registry.host, input: "no")
            #expect(wrong.status == 1 && wrong.err.contains("denies access"), "\(wrong.all)")
            #expect(!exists(site.scratch.path + "/docker/config.json"))
            let right = try await site.ok("login", "-u", "user", "--password-stdin", registry.host, input: "secret\n")
            #expect(right.out == "Login Succeeded\n")
            #expect(right.err.contains("stored unencrypted"))
            let file = site.scratch.path + "/docker/config.json"
            #expect(try JSON(contents(file))["auths"][registry.host]["auth"].string == "dXNlcjpzZWNyZXQ=")
            #expect(try await shell("stat -c %a \(file)").text == "600")
            try await site.ok("pull", "-q", "\(registry.host)/app")
            #expect(try await site.ok("logout", registry.host).out.contains("Removing login credentials"))
            #expect(try await site.ok("logout", registry.host).out.contains("Not logged in"))
            let warned = try await site.ok("login", "-u", "user", "-p", "secret", registry.host)
            #expect(warned.err.contains("--password via the CLI is insecure"))
        }
    }

    @Test func tokensAreRenewedInTheMiddle() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "4"])
            let registry = try await TestRegistry.serving(
                site.scratch.path + "/image", ["--auth", "token", "--token-uses", "2"])
            try await site.ok("login", "-u", "user", "--password-stdin", registry.host, input: "secret")
            try await site.ok("pull", "-q", "\(registry.host)/app")
            let log = await registry.log()
            #expect(log.filter { $0.contains("/token?") }.count >= 3, "\(log)")
            #expect(log.contains { $0.contains("scope=repository%3Aapp%3Apull") }, "\(log)")
        }
    }

    @Test func identityTokensGoByPost() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(
                site.scratch.path + "/image", ["--auth", "token", "--identity", "refresh-me"])
            try await shell("mkdir -p \(site.scratch.path)/docker")
            try write(
                #"{"auths":{"\#(registry.host)":{"identitytoken":"refresh-me"}}}"#,
                to: site.scratch.path + "/docker/config.json")
            try await site.ok("pull", "-q", "\(registry.host)/app")
            #expect(await registry.log().contains { $0.hasPrefix("POST /token") })
        }
    }

    @Test func helpersKeepCredentials() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--auth", "basic"])
            let folder = site.scratch.path
            try write(
                """
                #!/bin/sh
                case $1 in
                store) cat >"\(folder)/kept" ;;
                get) cat >/dev/null; [ -e "\(folder)/kept" ] || { echo "credentials not found in native keychain"; exit 1; }
                     cat "\(folder)/kept" ;;
                erase) cat >/dev/null; rm -f "\(folder)/kept" ;;
                esac
                """, to: folder + "/docker-credential-test")
            try await shell("chmod 755 \(folder)/docker-credential-test; mkdir -p \(folder)/docker")
            try write(#"{"credsStore":"test","other":{"kept":true}}"#, to: folder + "/docker/config.json")
            let path = ["PATH": "\(folder):\(variable("PATH") ?? "")"]
            let login = try await site.ok(
                "login", "-u", "user", "--password-stdin", registry.host, input: "secret", extra: path)
            #expect(!login.err.contains("unencrypted"))
            let text = contents(folder + "/docker/config.json")
            #expect(!text.contains("dXNlcjpzZWNyZXQ="))
            #expect(try JSON(text)["other"]["kept"].bool == true)
            try await site.ok("pull", "-q", "\(registry.host)/app", extra: path)
            try await site.ok("logout", registry.host, extra: path)
            #expect(!exists(folder + "/kept"))
            let without = try await site.berth("pull", "-q", "\(registry.host)/app:other")
            #expect(without.err.contains("docker-credential-test: it is not in PATH"), "\(without.all)")
        }
    }

    /// Under sudo the file is the invoking user's, and a link in that user's directory leads nowhere that user may not go.
    @Test func sudoReadsAndWritesAsTheInvokingUser() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image", ["--auth", "basic"])
            let user = (try await shell("getent passwd nobody | cut -d: -f3")).text
            // The home directory comes from passwd: nobody's does not exist and cannot be made by nobody.
            let extra = ["SUDO_UID": user, "DOCKER_CONFIG": ""]
            let login = try await site.berth(
                "login", "-u", "user", "--password-stdin", registry.host, input: "secret", extra: extra)
            #expect(login.status == 1 && login.err.contains("cannot write"), "\(login.all)")
            #expect(!exists("/nonexistent"))
        }
    }

    @Test func privateAuthoritiesAndClientCertificates() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let folder = site.scratch.path
            let made = try await shell(
                """
                set -e; cd \(folder)
                openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.crt 2>/dev/null
                for name in server client; do
                    openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr 2>/dev/null
                    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\n' > $name.ext
                    openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.crt 2>/dev/null
                done
                """)
            try #require(made.status == 0, "\(made.all)")
            let registry = try await TestRegistry.serving(
                folder + "/image", ["--tls", "\(folder)/server.crt:\(folder)/server.key:\(folder)/ca.crt"])
            let certificates = "\(site.engine.root)/certs.d/\(registry.host)"
            try await shell("mkdir -p \(certificates); cp \(folder)/ca.crt \(certificates)/")
            let refused = try await site.berth("pull", "-q", "\(registry.host)/app")
            #expect(refused.status == 1, "the registry wants a client's certificate: \(refused.all)")
            try await shell(
                "cp \(folder)/client.crt \(certificates)/me.cert; cp \(folder)/client.key \(certificates)/me.key")
            try await site.ok("pull", "-q", "\(registry.host)/app")
            // Another authority's certificate does not do.
            try await shell(
                "cd \(folder); openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout o.key -out \(certificates)/ca.crt 2>/dev/null"
            )
            let other = try await site.berth("pull", "-q", "\(registry.host)/other")
            #expect(other.status == 1 && other.err.contains("certificate cannot be verified"), "\(other.all)")
            try await shell("rm \(certificates)/me.key")
            let half = try await site.berth("pull", "-q", "\(registry.host)/other")
            #expect(half.status == 1 && half.err.contains("me.key is missing"), "\(half.all)")
        }
    }

    @Test func mirrorsComeFirst() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let mirror = try await TestRegistry.serving(site.scratch.path + "/image")
            // The first mirror is down, the second one has it.
            try site.configure(
                #""retries": 0, "registries": {"docker.io": {"mirrors": ["http://127.0.0.1:1", "http://\#(mirror.host)/hub"]}}"#
            )
            try await site.ok("pull", "-q", "debian")
            #expect(await mirror.log().contains { $0.hasPrefix("GET /v2/hub/library/debian/manifests/") })
            #expect(try await site.ok("images").out.contains("debian"))
        }
    }

    @Test func settingsThatAreWrongAreNamed() async throws {
        try await withRegistrySite { site in
            try site.configure(#""mirors": []"#)
            let output = try await site.berth("pull", "app")
            #expect(output.status == 1 && output.err.contains("mirors: is not a known setting"), "\(output.all)")
            try site.configure(#""registries": {"docker.io": {"mirrors": ["ftp://x"]}}"#)
            #expect(try await site.berth("pull", "app").err.contains("is no [http://]HOST"))
        }
    }

    @Test func proxiesAreUsedAndPassedBy() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            // The test's server is the proxy, and itself the other end of the tunnel.
            try site.configure(#""retries": 0, "registries": {"registry.test": {"insecure": true}}"#)
            let proxy = ["HTTP_PROXY": "http://\(registry.host)", "HTTPS_PROXY": "http://127.0.0.1:1"]
            try await site.ok("pull", "-q", "registry.test/app", extra: proxy)
            #expect(await registry.log().contains { $0 == "CONNECT registry.test:80" })
            let count = await registry.log().count
            let direct = try await site.berth(
                "pull", "-q", "registry.test/app", extra: proxy.merging(["NO_PROXY": ".test"]) { $1 })
            #expect(direct.status == 1)
            #expect(await registry.log().count == count)
        }
    }

    @Test func searchLooksThroughWhatTheRegistryLists() async throws {
        try await withRegistrySite { site in
            try await shell("mkdir \(site.scratch.path)/image")
            let registry = try await TestRegistry.serving(
                site.scratch.path + "/image", ["--catalog", "a/one,b/two,../x,c/one,d/three"])
            let found = try await site.ok("search", "\(registry.host)/one")
            #expect(
                found.lines.dropFirst().map { $0.split(separator: " ")[0] } == [
                    "\(registry.host)/a/one", "\(registry.host)/c/one",
                ])
            #expect(await registry.log().filter { $0.contains("/v2/_catalog") }.count == 3, "five names, two a page")
            let all = try await site.ok("search", "--limit", "2", "\(registry.host)/")
            #expect(all.lines.count == 3, "\(all.out)")
            #expect(try await site.ok("search", "\(registry.host)/nothing").lines.count == 1)
        }
    }

    @Test func searchIsRefusedWhereThereIsNone() async throws {
        try await withRegistrySite { site in
            try await site.layout("image", ["--layers", "1"])
            let registry = try await TestRegistry.serving(site.scratch.path + "/image")
            let output = try await site.berth("search", "\(registry.host)/app")
            #expect(output.status == 1 && output.err.contains("this registry has no search"), "\(output.all)")
        }
    }
}
