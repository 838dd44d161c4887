import TestSupport
import Testing

/// The smoke set where control groups are version 2 only, as far as this kernel lets a private mount show that.
@Suite struct Version2Tests {
    @Test func smokeInAPrivateVersion2Mount() async throws {
        let tar = try await BaseImage.shared.tar()
        let smoke = Repository.path + "/Tests/Support/smoke.sh"
        await Gate.engines.enter()
        let output = try? await shell(
            "unshare -m --propagation private sh -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \(smoke) \(Repository.program) \(tar)'",
            seconds: 240)
        await Gate.engines.leave()
        print(output?.lines.filter { !$0.hasPrefix("ok ") }.joined(separator: "\n") ?? "no output")
        #expect(output?.status == 0, "\(output?.all ?? "")")
        #expect(output?.out.contains("cgroup2fs") == true)
    }
}
