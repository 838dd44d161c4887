import TestSupport
import Testing

/// Networks with real traffic over IPv4 and IPv6: each script plays a host, an outside machine and a second client in network
/// namespaces of its own, and runs the whole engine there (Tests/Support/engine-host.sh).
@Suite(.serialized) struct NetworkScriptTests {
    private static let names = [
        "networks", "ports", "names", "isolation", "firewalls", "macvlan", "many", "chaos", "corners",
    ]

    @Test(arguments: names)
    func script(_ name: String) async throws {
        let image = try await BaseImage.shared.tar()
        let support = Repository.path + "/Tests/Support"
        await Gate.engines.enter()
        let limit = 900 * Repository.scale
        let output: Output
        do {
            output = try await command(
                [
                    "timeout", "-k", "20", "\(limit)", "bash", "-c",
                    "source \(support)/engine-host.sh; source \(support)/network-scripts/\(name).sh",
                ], environment: ["BERTH": Repository.program, "IMAGE": image, "SUPPORT": support],
                seconds: Double(limit + 30))
        } catch {
            await Gate.engines.leave()
            throw error
        }
        await Gate.engines.leave()
        let failures = output.all.split(separator: "\n").filter { $0.hasPrefix("FAIL") }
        #expect(
            output.status == 0 && failures.isEmpty,
            "\(name): \(failures.joined(separator: "\n")) \(output.status == 0 ? "" : output.all)")
        #expect(output.out.contains("ok: "), "\(name) tested nothing")
    }
}
