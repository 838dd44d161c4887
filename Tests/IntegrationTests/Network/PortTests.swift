import TestSupport
import Testing

/// Published ports and what a container reaches.
@Suite struct PortTests {
    private func page(_ url: String) async throws -> String {
        try await command(["curl", "-s", "-m", "3", "--noproxy", "*", url]).out
    }

    private func startServer(_ engine: TestEngine, _ name: String, _ port: String, text: String = "served") async throws
        -> String
    {
        try await engine.start(
            "--name", name, "-p", port, base, "sh", "-c",
            "echo \(text) >/var/www/index.html; exec httpd -f -p 80 -h /var/www")
    }

    @Test func reachableFromEverywhereAndGoneAfterwards() async throws {
        try await withEngine { engine in
            let port = freePort()
            _ = try await startServer(engine, "web", "\(port):80")
            let host = try await hostAddress()
            for address in [host, "127.0.0.1"] {
                let answered = try await eventually { try await page("http://\(address):\(port)/") == "served\n" }
                #expect(answered, "http://\(address):\(port)/")
            }
            // From another container: by the host's address, and by the server's own.
            let own = try #require(try await engine.inspect("web")["NetworkSettings"]["IPAddress"].string)
            let inside = try await engine.sh("wget -q -O - http://\(host):\(port)/; wget -q -O - http://\(own)/")
            #expect(inside.out == "served\nserved\n")
            // From itself: the packet comes back through the bridge port it left by.
            #expect(
                try await engine.ok("exec", "web", "wget", "-q", "-O", "-", "http://\(host):\(port)/").out == "served\n"
            )
            #expect(try await engine.ok("ps").out.contains("0.0.0.0:\(port)->80/tcp"))

            try await engine.ok("stop", "-t", "0", "web")
            #expect(try await page("http://127.0.0.1:\(port)/") == "")
            #expect(try await page("http://\(host):\(port)/") == "")
            // Free for others again.
            let other = try Child(["python3", "-m", "http.server", "--bind", "0.0.0.0", "\(port)"])
            let taken = try await eventually { try await page("http://127.0.0.1:\(port)/").contains("Directory") }
            #expect(taken)
            other.signalGroup(9)
            _ = try await other.finish()
        }
    }

    @Test func publishedOnOneAddressOnly() async throws {
        try await withEngine { engine in
            let port = freePort()
            _ = try await startServer(engine, "web", "127.0.0.1:\(port):80")
            let answered = try await eventually { try await page("http://127.0.0.1:\(port)/") == "served\n" }
            #expect(answered)
            let host = try await hostAddress()
            if host != "127.0.0.1" { #expect(try await page("http://\(host):\(port)/") == "") }
            let gateway = try #require(try await engine.inspect("web")["NetworkSettings"]["Gateway"].string)
            let inside = try await engine.berth(
                "run", "--rm", base, "timeout", "3", "wget", "-q", "-O", "-", "http://\(gateway):\(port)/")
            #expect(inside.out == "")
        }
    }

    @Test func aPortOfTheEnginesChoice() async throws {
        try await withEngine { engine in
            _ = try await startServer(engine, "web", "80")
            let bindings = try await engine.inspect("web")["NetworkSettings"]["Ports"]["80/tcp"]
            let port = try #require(bindings[0]["HostPort"].string)
            #expect((Int(port) ?? 0) > 1023)
            let answered = try await eventually { try await page("http://127.0.0.1:\(port)/") == "served\n" }
            #expect(answered)
        }
    }

    @Test func udp() async throws {
        try await withEngine { engine in
            let port = freePort()
            try await engine.start("--name", "echo", "-p", "\(port):7/udp", base, "sleep", "100")
            // Static busybox has no server for UDP: one of the host's, in the container's network.
            let server = try Child([
                "nsenter", "-t", "\(try await engine.process("echo"))", "-n", "socat", "UDP4-LISTEN:7,fork", "PIPE",
            ])
            let answered = try await eventually {
                try await shell("echo ping | timeout 2 socat -t 1 - UDP4:127.0.0.1:\(port)").out == "ping\n"
            }
            #expect(answered)
            server.signalGroup(9)
            _ = try await server.finish()
        }
    }

    @Test func aTakenPortSaysByWhom() async throws {
        try await withEngine { engine in
            let port = freePort()
            _ = try await startServer(engine, "first", "\(port):80")
            let clash = try await engine.berth(
                "run", "-d", "--name", "latecomer", "-p", "\(port):80", base, "sleep", "100")
            #expect(clash.status == 125, "\(clash.all)")
            #expect(clash.err.contains("\(port)"))
            #expect(clash.err.contains("first"))
            #expect(try await engine.ok("ps", "-a", "--no-trunc").out.contains("latecomer") == false)

            let other = freePort()
            let program = try Child(["python3", "-m", "http.server", "\(other)"])
            _ = try await eventually { try await page("http://127.0.0.1:\(other)/").contains("Directory") }
            let refused = try await engine.berth("run", "-d", "-p", "\(other):80", base, "sleep", "100")
            #expect(refused.status == 125, "\(refused.all)")
            #expect(refused.err.contains("python3"), "\(refused.err)")
            #expect(refused.err.contains("\(program.pid)"), "\(refused.err)")
            program.signalGroup(9)
            _ = try await program.finish()
            // The first one was not disturbed.
            #expect(try await page("http://127.0.0.1:\(port)/") == "served\n")
        }
    }

    @Test(arguments: ["80:", "99999:80", "0.0.0.0.0:80:80", "a:80", "80/xyz", "80-70:80-70", "1:2:3:4:5"])
    func aMalformedPortIsRefused(_ text: String) async throws {
        try await withEngine { engine in
            let output = try await engine.berth("run", "--rm", "-p", text, base, "true")
            #expect(output.status == 125, "-p \(text): \(output.all)")
        }
    }

    @Test func enginesDoNotShareASubnet() async throws {
        try await withEngine { first in
            try await withEngine { second in
                try await first.start("--name", "cc", base, "sleep", "100")
                try await second.start("--name", "cc", base, "sleep", "100")
                let one = try await first.inspect("cc")["NetworkSettings"]["Gateway"].string
                let two = try await second.inspect("cc")["NetworkSettings"]["Gateway"].string
                #expect(one != nil && two != nil && one != two)
            }
        }
    }
}
