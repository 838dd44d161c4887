import Netlink
import Testing

@testable import ContainerNetwork

@Suite("What -p means") struct PortRequestTests {
    private func said(_ text: String) -> String {
        do throws(PortSyntaxError) {
            return try PortRequest.parse(text).map { port in
                let host = port.hostPorts.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "?"
                return
                    "\(port.hostAddress?.description ?? "*") \(host) \(port.containerPort)/\(port.portProtocol.rawValue)"
            }.joined(separator: "; ")
        } catch { return "error: \(error)" }
    }

    // What docker 28's client makes of them.
    @Test(
        arguments: [
            ("80", "* ? 80/tcp"), ("8080:80", "* 8080-8080 80/tcp"),
            ("127.0.0.1:8080:80", "127.0.0.1 8080-8080 80/tcp"),
            ("127.0.0.1::80", "127.0.0.1 ? 80/tcp"), ("[::1]:80:80", "::1 80-80 80/tcp"),
            ("::1:80:80", "::1 80-80 80/tcp"),
            ("[::1]::80", "::1 ? 80/tcp"), ("[::]:80:80", ":: 80-80 80/tcp"), ("::80", "* ? 80/tcp"),
            (":80", "* ? 80/tcp"),
            ("8000-8001:80-81", "* 8000-8000 80/tcp; * 8001-8001 81/tcp"), ("8000-8010:80", "* 8000-8010 80/tcp"),
            ("80-81", "* ? 80/tcp; * ? 81/tcp"), ("8080:80/udp", "* 8080-8080 80/udp"), ("80/SCTP", "* ? 80/sctp"),
            ("8080:80/", "* 8080-8080 80/tcp"),
            ("0:80", "* ? 80/tcp"), ("080:80", "* 80-80 80/tcp"), ("1-65535", nil),
            ("65535:65535", "* 65535-65535 65535/tcp"),
        ] as [(String, String?)])
    func good(_ text: String, _ result: String?) {
        let said = said(text)
        if let result { #expect(said == result) } else { #expect(!said.hasPrefix("error")) }
    }

    @Test(arguments: [
        ("8080:80/foo", "invalid proto: foo"), ("65536:80", "invalid hostPort: 65536"),
        ("8080:65536", "invalid containerPort: 65536"), ("8080:0", "invalid containerPort: 0"),
        ("abc:80", "invalid hostPort: abc"),
        ("80:abc", "invalid containerPort: abc"), ("", "no port specified: "), (":", "no port specified: :"),
        ("80:", "no port specified: 80:"), ("1:2:3:4", "invalid IP address: 1:2"),
        ("1.2.3.4.5:80:80", "invalid IP address: 1.2.3.4.5"),
        ("localhost:80:80", "invalid IP address: localhost"), ("90-80", "invalid containerPort: 90-80"),
        ("8010-8000:80-90", "invalid hostPort: 8010-8000"), (" 80", "invalid containerPort:  80"),
        ("+80", "invalid containerPort: +80"),
        ("-80", "invalid containerPort: -80"), ("80-", "invalid containerPort: 80-"),
        ("1-2-3", "invalid containerPort: 1-2-3"),
        ("80-82:90-91", "invalid ranges specified for container and host Ports: 90-91 and 80-82"),
        ("80:90-92", "invalid ranges specified for container and host Ports: 90-92 and 80"),
        ("[fe80::1%eth0]:80:80", "invalid IP address: [fe80::1%eth0]"),
        ("192.168.0.1:8080", "invalid hostPort: 192.168.0.1"),
        ("[1.2.3.4]:80:80", "invalid IP address: [1.2.3.4]"), ("1.2.3:80:80", "invalid IP address: 1.2.3"),
        ("٨٠:80", "invalid hostPort: ٨٠"), ("0-5:80-85", "invalid hostPort: 0-5"),
        ("80\n", "it holds control characters"),
    ])
    func bad(_ text: String, _ clause: String) { #expect(said(text) == "error: " + clause) }

    @Test func exposed() throws {
        #expect(try PortRequest.exposed("80-81/udp") == ["80/udp", "81/udp"])
        for bad in ["", "foo", "80:90", "90-80", "80/foo"] {
            #expect(throws: PortSyntaxError.self, "\(bad)") { try PortRequest.exposed(bad) }
        }
    }

    @Test("ports of one container that exclude one another") func conflicts() throws {
        func check(_ texts: String...) throws {
            var ports = [PublishedPort]()
            for text in texts {
                for request in try PortRequest.parse(text) {
                    ports.append(PublishedPort(request: request, hostPort: request.hostPorts?.lowerBound ?? 0))
                }
            }
            try NetworkEngine.checkDistinct(ports)
        }
        try check("80:80", "80:80/udp", "81:80", "127.0.0.1:82:80", "127.0.0.2:82:80", "83", "83", "[::]:80:80")
        #expect(throws: NetworkError.self) { try check("80:80", "80:81") }
        #expect(throws: NetworkError.self) { try check("80:80", "127.0.0.1:80:81") }
        #expect(throws: NetworkError.self) { try check("[::]:80:80", "[::1]:80:81") }
    }
}
