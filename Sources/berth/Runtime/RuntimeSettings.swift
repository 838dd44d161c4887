import CommandLine
import ContainerRuntime
import Glibc

/// What stands before the command on berth-runtime's command line.
struct RuntimeSettings {
    /// The directory of all containers' state.
    var root: String
    var log: RuntimeLog
    /// CRIU's program, for checkpoints.
    var criu: String
    /// Whether a container goes without control groups that may not be made.
    var mayGoWithoutGroups: Bool
    /// Whether groups are made by systemd.
    var usesSystemd: Bool

    static let flags: [Flag] = [
        Flag("root", nil, .string, "Directory of the containers' state (in a tmpfs)", default: "/run/berth-runtime"),
        Flag("log", nil, .string, "File to append errors to, besides standard error"),
        Flag(
            "log-format", nil, .string, "Format of the log: text or json", default: "text",
            check: oneOf(["text", "json"])),
        Flag("debug", nil, .boolean, "Log what is being done, too"),
        Flag(
            "systemd-cgroup", nil, .boolean, "Have systemd make the control groups (cgroupsPath is slice:prefix:name)"),
        Flag(
            "cgroup-manager", nil, .string, "Who makes the control groups: cgroupfs or systemd", default: "cgroupfs",
            check: oneOf(["cgroupfs", "systemd"])),
        Flag(
            "rootless", nil, .string, "Go on without control groups that may not be made: true, false or auto",
            default: "auto",
            check: oneOf(["auto", "true", "false"])),
        Flag("criu", nil, .string, "Path of the criu program", default: "criu"),
        Flag("version", "v", .boolean, "Print version information"),
    ]

    private static func oneOf(_ words: [String]) -> @Sendable (String) throws(ValueError) -> Void {
        { value throws(ValueError) in
            guard words.contains(value) else { throw ValueError("it is none of \(words.joined(separator: ", "))") }
        }
    }

    init(_ values: FlagValues) throws(RuntimeError) {
        root = values.string("root") ?? Self.defaultRoot
        log = RuntimeLog(
            path: values.string("log").flatMap { $0.isEmpty ? nil : $0 }, isJSON: values.string("log-format") == "json",
            isVerbose: values.flag("debug"))
        criu = values.string("criu") ?? "criu"
        usesSystemd = values.flag("systemd-cgroup") || values.string("cgroup-manager") == "systemd"
        switch values.string("rootless") {
        case "true": mayGoWithoutGroups = true
        case "false": mayGoWithoutGroups = false
        default: mayGoWithoutGroups = geteuid() != 0
        }
    }

    private static var defaultRoot: String {
        if geteuid() != 0, let directory = getenv("XDG_RUNTIME_DIR") {
            return String(cString: directory) + "/berth-runtime"
        }
        return "/run/berth-runtime"
    }

    /// The containers, for verbs that need them.
    func containers() throws -> RuntimeContainers {
        let log = log
        return try RuntimeContainers(
            root: root, groups: GroupPolicy(mayGoWithout: mayGoWithoutGroups, usesSystemd: usesSystemd)
        ) { failure in log.warning(failure.description) }
    }
}
