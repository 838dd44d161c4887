import CommandLine
import Engine

/// Flags of `run` and `create` for what few containers ask for.
enum ExtraFlags {
    private static func never(
        _ name: String, _ kind: FlagKind, _ help: String, _ reason: String, default value: String? = nil
    ) -> Flag {
        Flag(name, nil, kind, help, default: value, support: .never(reason: reason))
    }

    private static let rateNames = ["device-read-bps", "device-read-iops", "device-write-bps", "device-write-iops"]

    static let all: [Flag] =
        [
            Flag(
                "annotation", nil, .list("map"),
                "Add an annotation to the container (passed through to the OCI runtime)",
                check: EnvironmentText.checkLabel),
            Flag(
                "attach", "a", .list("list"), "Attach to STDIN, STDOUT or STDERR",
                check: { value throws(ValueError) in
                    guard ["stdin", "stdout", "stderr"].contains(value.lowercased()) else {
                        throw ValueError("valid streams are STDIN, STDOUT and STDERR")
                    }
                }),
            Flag(
                "blkio-weight", nil, .unsigned(bits: 16),
                "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
                check: { value throws(ValueError) in try checkWeight(value) }),
            Flag(
                "blkio-weight-device", nil, .list("list"), "Block IO weight (relative device weight)",
                check: { value throws(ValueError) in try checkWeight(try rate("blkio-weight-device", value).valueText) }
            ),
            Flag(
                "cpu-rt-period", nil, .integer, "Limit CPU real-time period in microseconds",
                check: NumberChecks.notNegative),
            Flag(
                "cpu-rt-runtime", nil, .integer, "Limit CPU real-time runtime in microseconds",
                check: NumberChecks.notNegative),
            Flag(
                "device", nil, .list("list"), "Add a host device to the container",
                check: { value throws(ValueError) in _ = try device(value) }),
            Flag(
                "device-cgroup-rule", nil, .list("list"), "Add a rule to the cgroup allowed devices list",
                check: { value throws(ValueError) in
                    guard Engine.isDeviceRule(value) else {
                        throw ValueError("write TYPE MAJOR:MINOR ACCESS, such as c 1:3 rwm")
                    }
                }),
            Flag(
                "log-driver", nil, .string, "Logging driver for the container",
                check: { value throws(ValueError) in
                    guard ["", "json-file", "none"].contains(value) else {
                        throw ValueError("there are json-file and none")
                    }
                }),
            Flag(
                "log-opt", nil, .list("list"), "Log driver options",
                check: { value throws(ValueError) in
                    var extras = ContainerExtras()
                    try readLogOption(value, &extras)
                }),
            Flag(
                "memory-swappiness", nil, .integer, "Tune container memory swappiness (0 to 100)", default: "-1",
                check: { value throws(ValueError) in
                    guard (-1...100).contains(try NumberValue.integer(value)) else {
                        throw ValueError("it is not between 0 and 100")
                    }
                }),
            Flag("oom-kill-disable", nil, .boolean, "Disable OOM Killer"),
            Flag("privileged", nil, .boolean, "Give extended privileges to this container"),
            namespace("pid", "PID namespace to use"), namespace("ipc", "IPC mode to use"),
            namespace("uts", "UTS namespace to use"), namespace("cgroupns", "Cgroup namespace to use (host|private)"),
            Flag(
                "volumes-from", nil, .list("list"), "Mount volumes from the specified container(s)",
                check: { value throws(ValueError) in _ = try volumesFrom(value) }),
            .notYet("cgroup-parent", nil, .string, "Optional parent cgroup for the container", harmless: [""]),
            .notYet("gpus", nil, .list("gpu-request"), "GPU devices to add to the container ('all' to pass all GPUs)"),
            .notYet(
                "platform", nil, .string, "Set platform if server is multi-platform capable",
                harmless: CommonFlags.ownPlatforms),
            never(
                "kernel-memory", .bytes, "Kernel memory limit", "the kernel has given that limit up (Linux 5.16)",
                default: "0"),
            never(
                "link", .list("list"), "Add link to another container",
                "links are legacy: containers of one network find each other by name"),
            never(
                "link-local-ip", .list("list"), "Container IPv4/IPv6 link-local addresses",
                "the kernel gives link-local addresses by itself"),
            never("runtime", .string, "Runtime to use for this container", "berth runs containers itself"),
            never(
                "storage-opt", .list("list"), "Storage driver options for the container",
                "overlayfs has no size limit of its own"),
            never(
                "use-api-socket", .boolean, "Bind mount the engine's API socket and required auth",
                "there is no daemon, so no socket of one"),
            never("isolation", .string, "Container isolation technology", "it is for Windows", default: "default"),
        ]
        + rateNames.map { name in
            let isBytes = name.hasSuffix("bps")
            let verb = name.contains("read") ? "read rate" : "write rate"
            return Flag(
                name, nil, .list("list"),
                "Limit \(verb) (\(isBytes ? "bytes" : "IO") per second) \(name.contains("read") ? "from" : "to") a device",
                check: { value throws(ValueError) in _ = try rate(name, value) })
        }

    private static func namespace(_ name: String, _ help: String) -> Flag {
        Flag(
            name, nil, .string, help,
            check: { value throws(ValueError) in
                guard ["", "private", "host"].contains(value) else {
                    throw ValueError(
                        "there are private and host here; another container's namespace cannot be joined yet")
                }
            })
    }

    private static func checkWeight(_ text: String) throws(ValueError) {
        let value = try NumberValue.integer(text)
        guard value == 0 || (10...1000).contains(value) else { throw ValueError("it is not between 10 and 1000") }
    }

    /// PATH[:PATH][:rwm].
    static func device(_ text: String) throws(ValueError) -> ContainerExtras.Device {
        let parts = ByteText.fields(text, by: ":", limit: 4)
        guard ByteText.begins(parts[0], with: "/"), !text.utf8.contains(0) else {
            throw ValueError(
                "bad format for path: write HOST-PATH[:CONTAINER-PATH][:rwm]; devices by CDI names are not supported yet"
            )
        }
        var device = ContainerExtras.Device(source: parts[0], destination: parts[0], access: "rwm")
        switch parts.count {
        case 1: break
        case 2 where Engine.isDeviceAccess(parts[1]): device.access = parts[1]
        case 2: device.destination = parts[1]
        case 3:
            device.destination = parts[1]
            device.access = parts[2]
        default: throw ValueError("invalid device specification: \(quoted(text))")
        }
        guard Engine.isDeviceAccess(device.access) else {
            throw ValueError("invalid device mode: \(quoted(device.access))")
        }
        guard ByteText.begins(device.destination, with: "/") else {
            throw ValueError("\(quoted(device.destination)) is not an absolute path")
        }
        return device
    }

    private static func rate(
        _ name: String, _ text: String
    ) throws(ValueError) -> (device: String, value: UInt64, valueText: String) {
        guard let parts = ByteText.cut(text, at: ":"), ByteText.begins(parts.before, with: "/") else {
            throw ValueError("bad format: write DEVICE-PATH:NUMBER")
        }
        let value =
            name.hasSuffix("bps") ? try ByteSize.parse(parts.after) : try NumberValue.integer(parts.after)
        guard value >= 0 else { throw ValueError("invalid rate for device: \(quoted(text))") }
        return (parts.before, UInt64(value), parts.after)
    }

    static func volumesFrom(_ text: String) throws(ValueError) -> (container: String, isReadOnly: Bool?) {
        let parts = ByteText.fields(text, by: ":", limit: 2)
        guard !parts[0].isEmpty else { throw ValueError("a container's name is missing") }
        if parts.count == 1 { return (parts[0], nil) }
        guard ["ro", "rw", "z", "Z"].contains(parts[1]) else {
            throw ValueError("invalid mode: \(printable(parts[1]))")
        }
        return (parts[0], parts[1] == "ro")
    }

    private static func readLogOption(_ text: String, _ extras: inout ContainerExtras) throws(ValueError) {
        guard let (key, value) = ByteText.cut(text, at: "=") else { throw ValueError("a log option is KEY=VALUE") }
        switch key {
        case "max-size":
            let size = try ByteSize.parse(value)
            guard size >= 1024 else { throw ValueError("max-size must be at least 1k") }
            extras.logSize = size
        case "max-file":
            let count = try NumberValue.integer(value)
            guard (1...1000).contains(count) else { throw ValueError("max-file is a number from 1 to 1000") }
            extras.logFiles = Int(count)
        default: throw ValueError("there are max-size and max-file, not \(quoted(key))")
        }
    }

    /// All of them together.
    static func extras(_ flags: FlagValues) throws(ValueError) -> ContainerExtras {
        var extras = ContainerExtras()
        for text in flags.list("annotation") {
            let parts = ByteText.fields(text, by: "=", limit: 2)
            extras.annotations[parts[0]] = parts.count == 2 ? parts[1] : ""
        }
        for text in flags.list("device") { extras.devices.append(try device(text)) }
        extras.deviceRules = flags.list("device-cgroup-rule")
        extras.isPrivileged = flags.flag("privileged")
        extras.swappiness = flags.integer("memory-swappiness").flatMap { $0 < 0 ? nil : UInt64($0) }
        extras.disablesOutOfMemoryKiller = flags.flag("oom-kill-disable")
        extras.blockWeight = flags.integer("blkio-weight").flatMap { $0 == 0 ? nil : UInt16(clamping: $0) }
        for name in rateNames + ["blkio-weight-device"] {
            for text in flags.list(name) {
                let rate = try rate(name, text)
                extras.rates.append(.init(kind: name, device: rate.device, value: rate.value))
            }
        }
        extras.realtimePeriod = flags.integer("cpu-rt-period").flatMap { $0 > 0 ? UInt64($0) : nil }
        extras.realtimeRuntime = flags.integer("cpu-rt-runtime").flatMap { $0 > 0 ? $0 : nil }
        for (flag, kind) in [("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("cgroupns", "cgroup")]
        where flags.string(flag) == "host" { extras.hostNamespaces.insert(kind) }
        if let driver = flags.string("log-driver"), !driver.isEmpty { extras.logDriver = driver }
        for text in flags.list("log-opt") { try readLogOption(text, &extras) }
        if extras.logDriver == "none", !flags.list("log-opt").isEmpty {
            throw ValueError("the log driver none takes no options")
        }
        let needsHostUsers: [(String, Bool)] = [
            ("--pid host", extras.hostNamespaces.contains("pid")),
            ("--ipc host", extras.hostNamespaces.contains("ipc")),
        ]
        for (flag, isGiven) in needsHostUsers
        where isGiven && flags.string("userns") != "host" && !extras.isPrivileged {
            throw ValueError(
                "\(flag) needs --userns host: with users of its own a container has no rights over the host's")
        }
        return extras
    }
}
