import JSON
import LinuxKernel

/// Where a container is in its life, as `state.json` keeps it; replaced by rename at each step.
public struct ContainerState: Sendable, Equatable {
    /// Docker's words for it.
    public enum Status: String, Sendable { case created, running, exited }

    public var status = Status.created
    /// The first process, as the host numbers it; 0 when there is none.
    public var pid: Int32 = 0
    /// That process's start in clock ticks since boot (`proc_pid_stat(5)`, field 22): a number used again has another.
    public var processStart: UInt64 = 0
    /// The monitor.
    public var monitorPID: Int32 = 0
    /// The boot in which the container was started.
    public var bootID = ""
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

    /// A container that has not run.
    public init() {}

    var json: JSONValue {
        [
            "status": .string(status.rawValue), "pid": JSONValue(pid), "processStart": JSONValue(processStart),
            "monitorPID": JSONValue(monitorPID), "bootID": .string(bootID), "exitCode": JSONValue(exitCode),
            "oomKilled": .bool(oomKilled), "error": .string(error), "startedAt": .string(startedAt),
            "finishedAt": .string(finishedAt), "address": .string(address), "prefixLength": JSONValue(prefixLength),
            "gateway": .string(gateway), "hardwareAddress": .string(hardwareAddress),
            "ports": .array(ports.map(\.json)),
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
    }
}
