import Netlink
import Testing

@testable import ContainerNetwork

@Suite("What -p means") struct PortRequestTests {
    @Test(
        "read as Docker reads it",
        arguments: [
            ("80", ["0.0.0.0::80/tcp"]), ("8080:80", ["0.0.0.0:8080:80/tcp"]), ("8080:80/udp", ["0.0.0.0:8080:80/udp"]),
            ("8080:80/SCTP", ["0.0.0.0:8080:80/sctp"]), ("127.0.0.1:8080:80", ["127.0.0.1:8080:80/tcp"]),
            ("127.0.0.1::80", ["127.0.0.1::80/tcp"]), (":80", ["0.0.0.0::80/tcp"]), ("0:80", ["0.0.0.0::80/tcp"]),
            ("::80", ["0.0.0.0::80/tcp"]), ("[::1]:8080:80", ["::1:8080:80/tcp"]),
            ("80-82", ["0.0.0.0::80/tcp", "0.0.0.0::81/tcp", "0.0.0.0::82/tcp"]),
            ("8080-8081:80-81", ["0.0.0.0:8080:80/tcp", "0.0.0.0:8081:81/tcp"]),
            ("8080-8090:80", ["0.0.0.0:8080-8090:80/tcp"]), ("65535:65535", ["0.0.0.0:65535:65535/tcp"]),
        ]) func reads(text: String, expected: [String]) throws
    {
        #expect(try PortRequest.parse(text).map(\.description) == expected)
    }

    @Test(
        "refused with the argument in the message",
        arguments: [
            "", "x", "0", "65536", "-1", "80/xyz", "80/", "8080:", "a:80", "8080:80:90:100", "300.1.1.1:80:80",
            "[::1]80", "[::1:80",
            "[127.0.0.1]:80:80", "8080-8081:80-82", "82-80", "80-", "+80", "0-80:80", " 80", "8080:80 ", "80\n", "1e3",
            "8080:٨٠",
        ]) func refuses(text: String)
    {
        do throws(NetworkError) {
            let read = try PortRequest.parse(text)
            Issue.record("\(text) was read as \(read)")
        } catch {
            #expect(error.description.hasPrefix("cannot publish \"\(text)\": "))
            #expect(error.remedy.contains("127.0.0.1:8080:80"))
        }
    }

    @Test("another address for ports that name none") func defaultAddress() throws {
        let home = try #require(IPAddress("127.0.0.1"))
        #expect(try PortRequest.parse("80:80", defaultAddress: home)[0].hostAddress == home)
        #expect(try PortRequest.parse("0.0.0.0:80:80", defaultAddress: home)[0].hostAddress == .anyV4)
    }

    @Test("ports of one container that exclude one another") func conflicts() throws {
        func check(_ texts: String...) throws(NetworkError) {
            var ports = [PortRequest]()
            for text in texts { ports += try PortRequest.parse(text) }
            try NetworkEngine.check(ports)
        }
        try check("80:80", "80:80/udp", "81:80", "127.0.0.1:82:80", "127.0.0.2:82:80", "83", "83")
        #expect(throws: NetworkError.self) { try check("80:80", "80:81") }
        #expect(throws: NetworkError.self) { try check("80:80", "127.0.0.1:80:81") }
        #expect(throws: NetworkError.self) { try check("[::1]:80:80") }
        #expect(throws: NetworkError.self) { try NetworkEngine.check([PortRequest(containerPort: 0)]) }
    }
}
