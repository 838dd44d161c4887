import Glibc
import TestSupport
import Testing

/// The scripts behind the Makefile.
@Suite struct ScriptTests {
    private func fakeSwift(_ version: String) throws -> Scratch {
        let scratch = try Scratch()
        try write(
            "#!/bin/sh\necho 'Swift version \(version) (swift-\(version)-RELEASE)'\n", to: scratch.path + "/swift")
        chmod(scratch.path + "/swift", 0o755)
        return scratch
    }

    @Test(arguments: [("5.9.2", false), ("6.1", false), ("6.2", true), ("6.10.1", true), ("7.0", true)])
    func anOldSwiftIsRefused(_ version: String, _ isGood: Bool) async throws {
        let scratch = try fakeSwift(version)
        let output = try await command(
            [Repository.path + "/scripts/require-swift.sh"], environment: ["PATH": scratch.path + ":/usr/bin:/bin"])
        #expect((output.status == 0) == isGood, "\(output.all)")
        if !isGood {
            #expect(
                output.err.contains("6.2") && output.err.contains("swift.org/install") && output.err.contains(version))
        }
    }

    @Test func aMissingSwiftIsSaid() async throws {
        let output = try await command(
            [Repository.path + "/scripts/require-swift.sh"], environment: ["PATH": "/usr/sbin:/usr/bin:/bin"])
        // Where a distribution's own Swift is in /usr/bin there is nothing to see.
        if exists("/usr/bin/swift") { return }
        #expect(output.status == 1)
        #expect(output.err.contains("6.2") && output.err.contains("swift.org/install"))
    }

    @Test func installBelowADirectory() async throws {
        let scratch = try Scratch()
        // Without building again: what is tested is bin/.
        let output = try await command(
            ["make", "-s", "-C", Repository.path, "-o", "build", "install", "DESTDIR=\(scratch.path)", "PREFIX=/usr"])
        #expect(output.status == 0, "\(output.all)")
        #expect(try await command([scratch.path + "/usr/bin/berth", "--version"]).status == 0)
        #expect(link(scratch.path + "/usr/bin/berth-runtime") == nil)
        #expect(link(scratch.path + "/usr/bin/berth-monitor") == "berth")
    }
}
