import CommandLine

/// The flags of `run`: all that Docker's client has, so that each is either carried out or refused by name.
enum RunFlags {
    static let all: @Sendable () -> [Flag] = { process + identity + files + limits + network + security + later }

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
        .notYet(
            "sig-proxy", nil, .boolean, "Proxy received signals to the process", default: "true",
            harmless: ["true", "1"]),
        .notYet(
            "detach-keys", nil, .string, "Override the key sequence for detaching a container",
            harmless: ["ctrl-p,ctrl-q"]),
        .notYet("attach", "a", .list("list"), "Attach to STDIN, STDOUT or STDERR"),
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
        .notYet(
            "platform", nil, .string, "Set platform if server is multi-platform capable",
            harmless: CommonFlags.ownPlatforms),
        .notYet(
            "annotation", nil, .list("map"), "Add an annotation to the container (passed through to the OCI runtime)"),
        .notYet(
            "restart", nil, .string, "Restart policy to apply when a container exits", default: "no", harmless: [""]),
        .notYet("runtime", nil, .string, "Runtime to use for this container", harmless: [""]),
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
        .notYet("device", nil, .list("list"), "Add a host device to the container"),
        .notYet("device-cgroup-rule", nil, .list("list"), "Add a rule to the cgroup allowed devices list"),
        .notYet("gpus", nil, .list("gpu-request"), "GPU devices to add to the container ('all' to pass all GPUs)"),
        .notYet("volumes-from", nil, .list("list"), "Mount volumes from the specified container(s)"),
        .notYet("volume-driver", nil, .string, "Optional volume driver for the container", harmless: ["", "local"]),
        .notYet("storage-opt", nil, .list("list"), "Storage driver options for the container"),
        .notYet("use-api-socket", nil, .boolean, "Bind mount the engine's API socket and required auth"),
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
        .notYet("link", nil, .list("list"), "Add link to another container"),
        .notYet("link-local-ip", nil, .list("list"), "Container IPv4/IPv6 link-local addresses"),
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
        .notYet("privileged", nil, .boolean, "Give extended privileges to this container"),
        .notYet("pid", nil, .string, "PID namespace to use", harmless: ["", "private"]),
        .notYet("ipc", nil, .string, "IPC mode to use", harmless: ["", "private"]),
        .notYet("uts", nil, .string, "UTS namespace to use", harmless: ["", "private"]),
        .notYet("cgroupns", nil, .string, "Cgroup namespace to use (host|private)", harmless: ["", "private"]),
        .notYet("cgroup-parent", nil, .string, "Optional parent cgroup for the container", harmless: [""]),
    ]

    private static let windows = FlagSupport.never(reason: "it is for Windows")

    private static let later: [Flag] = [
        .notYet(
            "blkio-weight", nil, .unsigned(bits: 16),
            "Block IO (relative weight), between 10 and 1000, or 0 to disable", harmless: ["0"]),
        .notYet("blkio-weight-device", nil, .list("list"), "Block IO weight (relative device weight)"),
        .notYet("device-read-bps", nil, .list("list"), "Limit read rate (bytes per second) from a device"),
        .notYet("device-read-iops", nil, .list("list"), "Limit read rate (IO per second) from a device"),
        .notYet("device-write-bps", nil, .list("list"), "Limit write rate (bytes per second) to a device"),
        .notYet("device-write-iops", nil, .list("list"), "Limit write rate (IO per second) to a device"),
        .notYet("cpu-rt-period", nil, .integer, "Limit CPU real-time period in microseconds", harmless: ["0"]),
        .notYet("cpu-rt-runtime", nil, .integer, "Limit CPU real-time runtime in microseconds", harmless: ["0"]),
        .notYet("kernel-memory", nil, .bytes, "Kernel memory limit", harmless: ["0"]),
        .notYet("memory-swappiness", nil, .integer, "Tune container memory swappiness (0 to 100)", default: "-1"),
        .notYet("oom-kill-disable", nil, .boolean, "Disable OOM Killer"),
        .notYet("health-cmd", nil, .string, "Command to run to check health"),
        .notYet("health-interval", nil, .duration, "Time between running the check (ms|s|m|h)", default: "0s"),
        .notYet("health-retries", nil, .integer, "Consecutive failures needed to report unhealthy", harmless: ["0"]),
        .notYet(
            "health-start-interval", nil, .duration,
            "Time between running the check during the start period (ms|s|m|h)",
            default: "0s"),
        .notYet(
            "health-start-period", nil, .duration,
            "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
            default: "0s"),
        .notYet("health-timeout", nil, .duration, "Maximum time to allow one check to run (ms|s|m|h)", default: "0s"),
        Flag("no-healthcheck", nil, .boolean, "Disable any container-specified HEALTHCHECK", support: .always),
        .notYet("log-driver", nil, .string, "Logging driver for the container", harmless: ["", "json-file"]),
        .notYet("log-opt", nil, .list("list"), "Log driver options"),
        Flag("cpu-count", nil, .integer, "CPU count (Windows only)", support: windows),
        Flag("cpu-percent", nil, .integer, "CPU percent (Windows only)", support: windows),
        Flag(
            "io-maxbandwidth", nil, .bytes, "Maximum IO bandwidth limit for the system drive (Windows only)",
            support: windows),
        Flag(
            "io-maxiops", nil, .unsigned(bits: 64), "Maximum IOps limit for the system drive (Windows only)",
            support: windows),
        .notYet("isolation", nil, .string, "Container isolation technology", harmless: ["", "default"]),
    ]
}
