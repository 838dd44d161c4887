import JSON
import LinuxKernel

/// Where a container is in its life, as `state.json` keeps it; replaced by rename at each step.
public struct ContainerState: Sendable, Equatable {
    /// Docker's words for it.
    public enum Status: String, Sendable { case created, running, restarting, exited }

    public var status = Status.created
    /// The first process, as the host numbers it; 0 when there is none.
    public var pid: Int32 = 0
    /// That process's start in clock ticks since boot (`proc_pid_stat(5)`, field 22): a number used again has another.
    public var processStart: UInt64 = 0
    /// The monitor.
    public var monitorPID: Int32 = 0
    /// The boot in which the container was started.
    public var bootID = ""
    /// Whether all of its processes are frozen; only while it runs.
    public var isPaused = false
    /// Whether a person ended it: then `unless-stopped` does not start it again after a reboot.
    public var stoppedByHand = false
    /// How often its policy has started it again since a person did.
    public var restartCount = 0
    public var exitCode: Int32 = 0
    public var oomKilled = false
    /// Why it could not start or ended unexpectedly; empty otherwise.
    public var error = ""
    public var startedAt = WallClock.zero
    public var finishedAt = WallClock.zero
    /// What was really published, once the container runs.
    public var ports: [ContainerRecord.Port] = []
    /// Its address on the network, empty without one.
    public var address = ""
    public var prefixLength = 0
    public var gateway = ""
    public var hardwareAddress = ""

    /// Whether this very command found it without its monitor; not on disk.
    var wasAbandoned = false

    /// A container that has not run.
    public init() {}

    /// Docker's word for where it is.
    public var word: String { status == .running && isPaused ? "paused" : status.rawValue }

    /// Whether a monitor looks after it: it runs, or waits to be started again.
    public var isAlive: Bool { status == .running || status == .restarting }

    var json: JSONValue {
        [
            "status": .string(status.rawValue), "pid": JSONValue(pid), "processStart": JSONValue(processStart),
            "monitorPID": JSONValue(monitorPID), "bootID": .string(bootID), "exitCode": JSONValue(exitCode),
            "oomKilled": .bool(oomKilled), "error": .string(error), "startedAt": .string(startedAt),
            "finishedAt": .string(finishedAt), "address": .string(address), "prefixLength": JSONValue(prefixLength),
            "gateway": .string(gateway), "hardwareAddress": .string(hardwareAddress),
            "ports": .array(ports.map(\.json)), "paused": .bool(isPaused), "stoppedByHand": .bool(stoppedByHand),
            "restartCount": JSONValue(restartCount),
        ]
    }

    init(parsing bytes: [UInt8]) throws(JSONError) {
        guard let object = try JSONValue(parsing: bytes).objectValue else {
            throw JSONError(problem: "an object was expected")
        }
        status = Status(rawValue: try object.string("status") ?? "") ?? .created
        pid = try object.integer("pid") ?? 0
        processStart = try object.integer("processStart") ?? 0
        monitorPID = try object.integer("monitorPID") ?? 0
        bootID = try object.string("bootID") ?? ""
        exitCode = try object.integer("exitCode") ?? 0
        oomKilled = try object.bool("oomKilled") ?? false
        error = try object.string("error") ?? ""
        startedAt = try object.string("startedAt") ?? WallClock.zero
        finishedAt = try object.string("finishedAt") ?? WallClock.zero
        address = try object.string("address") ?? ""
        prefixLength = try object.integer("prefixLength") ?? 0
        gateway = try object.string("gateway") ?? ""
        hardwareAddress = try object.string("hardwareAddress") ?? ""
        ports = try object.decodeArray("ports", ContainerRecord.Port.init) ?? []
        isPaused = try object.bool("paused") ?? false
        stoppedByHand = try object.bool("stoppedByHand") ?? false
        restartCount = try object.integer("restartCount") ?? 0
    }
}
