import CommandLine
import Engine

/// The flags of `run`: all that Docker's client has, so that each is either carried out or refused by name.
enum RunFlags {
    static let all: @Sendable () -> [Flag] = {
        process + identity + files + limits + network + security + HealthFlags.all + ExtraFlags.all + later
    }

    private static let process: [Flag] = [
        Flag("detach", "d", .boolean, "Run container in background and print container ID"),
        Flag("interactive", "i", .boolean, "Keep STDIN open even if not attached"),
        Flag("tty", "t", .boolean, "Allocate a pseudo-TTY"),
        Flag(
            "rm", nil, .boolean, "Automatically remove the container and its associated anonymous volumes when it exits"
        ),
        Flag("init", nil, .boolean, "Run an init inside the container that forwards signals and reaps processes"),
        Flag("entrypoint", nil, .string, "Overwrite the default ENTRYPOINT of the image"),
        Flag("env", "e", .list("list"), "Set environment variables", check: EnvironmentText.check),
        Flag("env-file", nil, .list("list"), "Read in a file of environment variables"),
        Flag(
            "workdir", "w", .string, "Working directory inside the container", check: CommonFlags.checkWorkingDirectory),
        Flag("user", "u", .string, "Username or UID (format: <name|uid>[:<group|gid>])", check: UserText.check),
        Flag("group-add", nil, .list("list"), "Add additional groups to join", check: UserText.check),
        Flag("stop-signal", nil, .string, "Signal to stop the container"),
        Flag(
            "stop-timeout", nil, .integer, "Timeout (in seconds) to stop a container", check: CommonFlags.checkTimeout),
        AttachFlags.signals, AttachFlags.detachKeys,
    ]

    private static let identity: [Flag] = [
        Flag("name", nil, .string, "Assign a name to the container", check: CommonFlags.checkName),
        Flag("hostname", "h", .string, "Container host name", check: CommonFlags.checkHostName),
        Flag("domainname", nil, .string, "Container NIS domain name", check: CommonFlags.checkHostName),
        Flag("label", "l", .list("list"), "Set meta data on a container", check: EnvironmentText.checkLabel),
        Flag("label-file", nil, .list("list"), "Read in a line delimited file of labels"),
        Flag("cidfile", nil, .string, "Write the container ID to the file"),
        Flag(
            "pull", nil, .string, "Pull image before running (\"always\", \"missing\", \"never\")", default: "missing",
            check: { value throws(ValueError) in
                guard value.isEmpty || PullPolicy(rawValue: value) != nil else {
                    throw ValueError("must be one of \"always\", \"missing\" or \"never\"")
                }
            }),
        Flag("quiet", "q", .boolean, "Suppress the pull output"),
        Flag(
            "restart", nil, .string, "Restart policy to apply when a container exits", default: "no",
            check: { value throws(ValueError) in
                guard RestartPolicy(value) != nil else {
                    throw ValueError("write no, always, unless-stopped, on-failure or on-failure:COUNT")
                }
            }),
        Flag("disable-content-trust", nil, .boolean, "Skip image verification", default: "true", support: .always),
    ]

    private static let files: [Flag] = [
        Flag(
            "volume", "v", .list("list"), "Bind mount a volume",
            check: { value throws(ValueError) in _ = try MountRequest(volume: value, workingDirectory: "/") }),
        Flag(
            "mount", nil, .list("mount"), "Attach a filesystem mount to the container",
            check: { value throws(ValueError) in _ = try MountRequest(fields: value, workingDirectory: "/") }),
        Flag(
            "tmpfs", nil, .list("list"), "Mount a tmpfs directory",
            check: { value throws(ValueError) in _ = try MountRequest(tmpfs: value) }),
        Flag("read-only", nil, .boolean, "Mount the container's root filesystem as read only"),
        Flag("shm-size", nil, .bytes, "Size of /dev/shm"),
        .notYet("volume-driver", nil, .string, "Optional volume driver for the container", harmless: ["", "local"]),
    ]

    private static let limits: [Flag] = [
        Flag("memory", "m", .bytes, "Memory limit"),
        Flag(
            "memory-swap", nil, .bytesOrUnlimited,
            "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
        Flag("memory-reservation", nil, .bytes, "Memory soft limit"),
        Flag("cpus", nil, .processors, "Number of CPUs"),
        Flag("cpu-shares", "c", .integer, "CPU shares (relative weight)", check: NumberChecks.notNegative),
        Flag("cpu-quota", nil, .integer, "Limit CPU CFS (Completely Fair Scheduler) quota"),
        Flag(
            "cpu-period", nil, .integer, "Limit CPU CFS (Completely Fair Scheduler) period",
            check: NumberChecks.notNegative),
        Flag(
            "cpuset-cpus", nil, .string, "CPUs in which to allow execution (0-3, 0,1)",
            check: NumberChecks.list),
        Flag(
            "cpuset-mems", nil, .string, "MEMs in which to allow execution (0-3, 0,1)",
            check: NumberChecks.list),
        Flag("pids-limit", nil, .integer, "Tune container pids limit (set -1 for unlimited)"),
        Flag("ulimit", nil, .resourceBounds, "Ulimit options"),
        Flag(
            "oom-score-adj", nil, .integer, "Tune host's OOM preferences (-1000 to 1000)",
            check: { value throws(ValueError) in
                guard (-1000...1000).contains(try NumberValue.integer(value)) else {
                    throw ValueError("it is not between -1000 and 1000")
                }
            }),
    ]

    private static let network: [Flag] = [
        Flag("network", nil, .list("network"), "Connect a container to a network", check: CommonFlags.checkNetwork),
        Flag("net", nil, .list("network"), "The same as --network", check: CommonFlags.checkNetwork),
        Flag(
            "publish", "p", .list("list"), "Publish a container's port(s) to the host",
            check: { value throws(ValueError) in _ = try PortFlags.publish(value) }),
        Flag("publish-all", "P", .boolean, "Publish all exposed ports to random ports"),
        Flag(
            "expose", nil, .list("list"), "Expose a port or a range of ports",
            check: { value throws(ValueError) in _ = try PortFlags.expose(value) }),
        Flag(
            "add-host", nil, .list("list"), "Add a custom host-to-IP mapping (host:ip)",
            check: { value throws(ValueError) in _ = try HostEntry.parse(value) }),
        Flag(
            "dns", nil, .list("list"), "Set custom DNS servers",
            check: { value throws(ValueError) in
                guard AddressText.isValid(value) else {
                    throw ValueError("IP address is not correctly formatted: \(printable(value))")
                }
            }),
        Flag("dns-option", nil, .list("list"), "Set DNS options"),
        Flag("dns-search", nil, .list("list"), "Set custom DNS search domains"),
        Flag("network-alias", nil, .list("list"), "Add network-scoped alias for the container"),
        Flag("ip", nil, .string, "IPv4 address (e.g., 172.30.100.104)"),
        Flag("ip6", nil, .string, "IPv6 address (e.g., 2001:db8::33)"),
        Flag("mac-address", nil, .string, "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    ]

    private static let security: [Flag] = [
        Flag("cap-add", nil, .list("list"), "Add Linux capabilities"),
        Flag("cap-drop", nil, .list("list"), "Drop Linux capabilities"),
        Flag(
            "security-opt", nil, .list("list"), "Security Options",
            check: { value throws(ValueError) in
                var options = SecurityOptions()
                try options.add(value)
            }),
        Flag(
            "sysctl", nil, .list("map"), "Sysctl options",
            check: { value throws(ValueError) in _ = try KernelSetting.parse(value) }),
        Flag(
            "userns", nil, .string, "User namespace to use (\"host\" shares the host's)",
            check: { value throws(ValueError) in
                guard ["", "host", "private"].contains(value) else { throw ValueError("invalid USER mode") }
            }),
    ]

    private static let windows = FlagSupport.never(reason: "it is for Windows")

    private static let later: [Flag] = [
        Flag("cpu-count", nil, .integer, "CPU count (Windows only)", support: windows),
        Flag("cpu-percent", nil, .integer, "CPU percent (Windows only)", support: windows),
        Flag(
            "io-maxbandwidth", nil, .bytes, "Maximum IO bandwidth limit for the system drive (Windows only)",
            support: windows),
        Flag(
            "io-maxiops", nil, .unsigned(bits: 64), "Maximum IOps limit for the system drive (Windows only)",
            support: windows),
    ]
}
