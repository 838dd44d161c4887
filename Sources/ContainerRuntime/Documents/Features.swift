public import JSON
import LinuxKernel

/// What this runtime can do, for engines that ask before they use it (runtime-spec features.md, features-linux.md). It says
/// what is implemented, whatever this machine's kernel has of it.
public enum Features {
    /// The newest version of the specification that is implemented whole.
    public static let newestSpecification = "1.3.0"

    /// The options that `mounts[].options` may name besides those of a file system itself, in order.
    static let mountOptions: [String] = {
        let plain = [
            "async", "atime", "bind", "defaults", "dev", "diratime", "exec", "idmap", "loud", "noatime", "nodev",
            "nodiratime", "noexec", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private",
            "ratime",
            "rbind", "rdev", "rdiratime", "relatime", "rexec", "ridmap", "rnoatime", "rnodev", "rnodiratime", "rnoexec",
            "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave", "rstrictatime",
            "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid", "symfollow",
            "tmpcopyup", "unbindable",
        ]
        return plain.sorted()
    }()

    private static let architectures = [
        "AARCH64", "ARM", "LOONGARCH64", "M68K", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64", "MIPSEL64N32",
        "PARISC",
        "PARISC64", "PPC", "PPC64", "PPC64LE", "RISCV64", "S390", "S390X", "SH", "SHEB", "X32", "X86", "X86_64",
    ]

    /// The document that `features` prints.
    public static func document(version: String) -> JSONValue {
        func words(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
        let linux: JSONValue = [
            "namespaces": words(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]),
            "capabilities": words(CapabilitySet.names),
            // systemd is asked on the system's bus only: a user's own instance is not.
            "cgroup": ["v1": true, "v2": true, "systemd": true, "systemdUser": false, "rdma": true],
            "seccomp": [
                "enabled": true,
                "actions": words([
                    "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                    "SCMP_ACT_KILL_THREAD",
                    "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
                ]),
                "operators": words([
                    "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
                    "SCMP_CMP_NE",
                ]),
                "archs": words(architectures.map { "SCMP_ARCH_\($0)" }),
                "knownFlags": words(seccompFlags), "supportedFlags": words(seccompFlags),
            ],
            "apparmor": ["enabled": true], "selinux": ["enabled": true],
            "intelRdt": ["enabled": true, "schemata": true, "monitoring": true],
            "memoryPolicy": ["modes": words(ExecutionDomain.modeNames), "flags": words(ExecutionDomain.flagNames)],
            "mountExtensions": ["idmap": ["enabled": true]], "netDevices": ["enabled": true],
        ]
        return [
            "ociVersionMin": "1.0.0", "ociVersionMax": .string(newestSpecification),
            "hooks": words(["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]),
            "mountOptions": words(mountOptions), "linux": linux,
            "annotations": [
                "io.github.berth.version": .string(version), "org.opencontainers.runc.checkpoint.enabled": "true",
            ],
            "potentiallyUnsafeConfigAnnotations": [],
        ]
    }

    private static let seccompFlags = [
        "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ]
}
