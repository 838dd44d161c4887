import LinuxKernel
import Testing

@Suite("Helper programs and held ports") struct ChildProcessTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("input, both outputs, status") func everything() throws {
        let input = [UInt8](repeating: 65, count: 300_000)
        let result = try ChildProcess.run("/bin/sh", ["-c", "wc -c; echo problem >&2; exit 7"], input: input)
        #expect(result.status == 7)
        #expect(text(result.output) == "300000\n")
        #expect(text(result.errorOutput) == "problem\n")
    }

    @Test("a signal's number, 128 added") func signal() throws {
        #expect(try ChildProcess.run("/bin/sh", ["-c", "kill -9 $$"]).status == 137)
    }

    @Test("output beyond the limit is dropped without stopping the program") func limit() throws {
        let result = try ChildProcess.run("/bin/sh", ["-c", "head -c 3000000 /dev/zero; exit 3"], outputLimit: 1000)
        #expect(result.output.count == 1000)
        #expect(result.status == 3)
    }

    @Test(
        "a program that takes too long is killed, with or without its outputs open",
        arguments: ["sleep 60", "exec >&- 2>&-; sleep 60"])
    func timeLimit(script: String) {
        let start = MonotonicClock.milliseconds()
        #expect(throws: Errno.timedOut) {
            try ChildProcess.run("/bin/sh", ["-c", "exec sh -c '\(script)'"], timeLimit: 200)
        }
        #expect(MonotonicClock.milliseconds() - start < 20_000)
    }

    @Test("a program that is not there, or is none") func missing() {
        #expect(throws: Errno.noSuchFile) { try ChildProcess.run("/no/such/program", []) }
        #expect(throws: Errno.accessDenied) { try ChildProcess.run("/etc/passwd", []) }
        #expect(ChildProcess.find("no-such-program") == nil)
        #expect(ChildProcess.find("sh")?.hasSuffix("/bin/sh") == true)
    }

    @Test("the caller's environment and descriptors do not reach the program") func clean() throws {
        let leak = try Files.open("/dev/null", .readOnly)
        let result = try ChildProcess.run("/bin/sh", ["-c", "env | sort | head -5; ls /proc/self/fd | wc -l"])
        #expect(text(result.output).contains("LC_ALL=C\n"))
        #expect(!text(result.output).contains("HOME="))
        // 0, 1, 2 and the one `ls` opens itself.
        #expect(text(result.output).hasSuffix("4\n"))
        withExtendedLifetime(leak) {}
    }

    @Test("a held port is nobody else's, and free once it is let go", arguments: [PortSocket.Transport.tcp, .udp])
    func heldPort(transport: PortSocket.Transport) throws {
        let local: [UInt8] = [127, 0, 0, 1]
        let port: UInt16
        do {
            let held = try PortSocket(transport, address: local, port: 0)
            port = held.port
            #expect(port != 0)
            #expect(throws: Errno.addressInUse) { _ = try PortSocket(transport, address: local, port: port) }
            #expect(throws: Errno.addressInUse) { _ = try PortSocket(transport, address: [0, 0, 0, 0], port: port) }
            #expect(throws: Errno.addressInUse) {
                _ = try PortSocket(transport, address: local, port: port, retryTimeWait: true)
            }
            _ = held.port
            _ = consume held
        }
        let again = try PortSocket(transport, address: local, port: port, retryTimeWait: true)
        #expect(throws: Errno.addressInUse) { _ = try PortSocket(transport, address: local, port: port) }
        _ = consume again
    }

    @Test("what cannot be bound") func refused() {
        #expect(throws: Errno.addressNotAvailable) { _ = try PortSocket(.tcp, address: [203, 0, 113, 1], port: 0) }
        #expect(throws: Errno.invalidArgument) { _ = try PortSocket(.tcp, address: [1, 2, 3], port: 0) }
    }
}
