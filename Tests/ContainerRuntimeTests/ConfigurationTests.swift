import JSON
import LinuxKernel
import OCI
import Testing

@testable import ContainerRuntime

@Suite struct MountOptionTests {
    @Test func sortsOptions() {
        let options = MountOptions(parsing: ["ro", "nosuid", "rbind", "rslave", "size=64k", "mode=755", "noatime", "rnoexec"])
        #expect(options.set == [.readOnly, .noSetID, .noAccessTime])
        #expect(options.clear == [.accessTimeMask])
        #expect(options.recursiveSet == [.noExecute])
        #expect(options.isBind && options.isRecursiveBind)
        #expect(options.propagation == .slave && options.propagationIsRecursive)
        #expect(options.data.map(\.key) == ["size", "mode"])
    }

    @Test func laterOptionsWin() {
        let options = MountOptions(parsing: ["ro", "rw", "noexec", "exec"])
        #expect(options.set.isEmpty)
        #expect(options.clear == [.readOnly, .noExecute])
    }

    @Test func recursiveReadOnlyIsNotPlainReadOnly() {
        let options = MountOptions(parsing: ["rro"])
        #expect(options.set.isEmpty && options.recursiveSet == [.readOnly])
    }
}

@Suite struct SysctlTests {
    private let own: NamespaceSet = [.network, .ipc, .uts]

    @Test func findsPaths() throws {
        #expect(try Sysctl.path("net.ipv4.ip_forward", value: "1", namespaces: own) == "sys/net/ipv4/ip_forward")
        #expect(try Sysctl.path("net/ipv4/conf/eth0.100/forwarding", value: "1", namespaces: own) == "sys/net/ipv4/conf/eth0.100/forwarding")
        #expect(try Sysctl.path("net.ipv4.conf.eth0/100.forwarding", value: "1", namespaces: own) == "sys/net/ipv4/conf/eth0.100/forwarding")
        #expect(try Sysctl.path("kernel.shmmax", value: "1", namespaces: own) == "sys/kernel/shmmax")
    }

    @Test(arguments: [
        "kernel.core_pattern", "vm.swappiness", "fs.file-max", "net", "", "net..x", "net.ipv4.../..", "net.ipv4/../../kernel",
        "kernel.shmmax+x", "net.ipv4.a\nb", "../x.y", "net.ipv4. x",
    ])
    func refusesTheMachinesOwn(_ name: String) {
        #expect(throws: RuntimeError.self) { try Sysctl.path(name, value: "1", namespaces: own) }
    }

    /// CVE-2022-0811: a second setting behind a line's end.
    @Test func refusesInjectedValues() {
        #expect(throws: RuntimeError.self) { try Sysctl.path("kernel.shmmax", value: "1\nkernel.core_pattern=x", namespaces: own) }
        #expect(throws: RuntimeError.self) { try Sysctl.path("net.ipv4.ip_forward", value: "1", namespaces: [.ipc]) }
    }
}

@Suite struct NamespacePlanTests {
    private func plan(_ namespaces: [RuntimeNamespace]) throws -> NamespacePlan {
        var linux = RuntimeLinux()
        linux.namespaces = namespaces
        return try NamespacePlan(linux)
    }

    @Test func separatesNewFromJoined() throws {
        let plan = try plan([
            RuntimeNamespace(type: "mount"), RuntimeNamespace(type: "network", path: "/proc/1/ns/net"),
            RuntimeNamespace(type: "user", path: "/proc/1/ns/user"),
        ])
        #expect(plan.new == .mount)
        // The user namespace last: joining the others may need rights that its entry takes away.
        #expect(plan.joined.map(\.kind) == [.network, .user])
    }

    @Test func refusesNonsense() {
        #expect(throws: RuntimeError.self) { try plan([RuntimeNamespace(type: "mount"), RuntimeNamespace(type: "mount")]) }
        #expect(throws: RuntimeError.self) { try plan([RuntimeNamespace(type: "mount"), RuntimeNamespace(type: "moon")]) }
        // CVE-2021-43784's other half: a path of 70 kB.
        let long = RuntimeNamespace(type: "network", path: "/" + String(repeating: "a", count: 70_000))
        #expect(throws: RuntimeError.self) { try plan([RuntimeNamespace(type: "mount"), long]) }
    }

    @Test func refusesTooManyMappings() {
        var configuration = RuntimeConfiguration()
        var process = RuntimeProcess()
        process.args = ["true"]
        configuration.process = process
        configuration.linux.namespaces = [RuntimeNamespace(type: "mount"), RuntimeNamespace(type: "user")]
        configuration.linux.uidMappings = (0..<400).map { RuntimeIDMapping(containerID: $0, hostID: 1000 + $0, size: 1) }
        configuration.linux.gidMappings = configuration.linux.uidMappings
        #expect(throws: RuntimeError.self) {
            try PreparedLaunch(LaunchRequest(id: "x", configuration: configuration, root: .directory("/")))
        }
    }
}

@Suite struct RuntimeConfigurationTests {
    @Test func readsAConfiguration() throws {
        let text = #"""
            {"ociVersion":"1.0.2","unknown":{"a":1},"process":{"cwd":"/","args":["sh"],"user":{"uid":5,"additionalGids":[7]},
            "capabilities":{"bounding":["CAP_KILL"]},"rlimits":[{"type":"RLIMIT_NOFILE","soft":1,"hard":2}]},
            "root":{"path":"rootfs"},"linux":{"namespaces":[{"type":"pid"},{"type":"network","path":""}],
            "resources":{"memory":{"limit":1024},"devices":[{"allow":false,"access":"rwm","major":-1}]},
            "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}}}
            """#
        let configuration = try RuntimeConfiguration(parsing: Array(text.utf8))
        #expect(configuration.process?.user.additionalGids == [7])
        #expect(configuration.linux.namespaces[1].path == nil)
        #expect(configuration.linux.resources?.devices[0].major == nil)
        #expect(configuration.linux.seccomp?.syscalls[0].args[0].value == UInt64.max)
    }

    @Test(arguments: [
        "{}", "[]", #"{"ociVersion":"2.0.0"}"#, #"{"ociVersion":"1.0.0","process":{"args":[]}}"#,
        #"{"ociVersion":"1.0.0","process":{"cwd":"/","args":"sh"}}"#, #"{"ociVersion":"1.0.0","linux":{"resources":{"memory":{"limit":"1g"}}}}"#,
    ])
    func refusesWhatMakesNoSense(_ text: String) {
        #expect(throws: JSONError.self) { try RuntimeConfiguration(parsing: Array(text.utf8)) }
    }
}

@Suite struct SeccompTests {
    private func profile(_ rules: [RuntimeSeccompRule]) -> RuntimeSeccomp {
        RuntimeSeccomp(defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1, architectures: ["SCMP_ARCH_X86_64"], syscalls: rules)
    }

    @Test func compiles() throws {
        let translated = try SeccompProfile(profile([RuntimeSeccompRule(names: ["read", "no_such_call"], action: "SCMP_ACT_ALLOW")]))
        let filter = try SeccompFilter(compiling: translated)
        #expect(filter.program.count % 8 == 0 && !filter.program.isEmpty)
    }

    @Test func severalConditionsOnOneArgumentMeanOr() throws {
        let conditions = [0, 8].map { RuntimeSeccompArgument(index: 0, value: $0, op: "SCMP_CMP_EQ") }
        let translated = try SeccompProfile(profile([RuntimeSeccompRule(names: ["personality"], action: "SCMP_ACT_ALLOW", args: conditions)]))
        #expect(translated.rules.count == 2)
    }

    @Test func refusesUnknownWords() {
        #expect(throws: RuntimeError.self) { try SeccompProfile(profile([RuntimeSeccompRule(names: ["read"], action: "SCMP_ACT_MAYBE")])) }
        let condition = RuntimeSeccompArgument(index: 6, value: 0, op: "SCMP_CMP_EQ")
        #expect(throws: RuntimeError.self) {
            try SeccompProfile(profile([RuntimeSeccompRule(names: ["read"], action: "SCMP_ACT_ALLOW", args: [condition])]))
        }
    }

    @Test func differentProfilesHaveDifferentTexts() throws {
        let one = try SeccompProfile(profile([RuntimeSeccompRule(names: ["read"], action: "SCMP_ACT_ALLOW")]))
        let two = try SeccompProfile(profile([RuntimeSeccompRule(names: ["write"], action: "SCMP_ACT_ALLOW")]))
        #expect(one.canonicalText != two.canonicalText)
    }
}
