import JSON
import OCI

/// How a container is asked whether its program works. Times in milliseconds.
public struct ContainerHealthCheck: Equatable, Sendable {
    /// What is executed in the container: 0 is well.
    public var command: [String]
    /// Whether the command was given as a line for a shell.
    public var isShellLine = false
    /// Time between two checks.
    public var interval: Int64 = 30_000
    /// How long a check may take.
    public var timeout: Int64 = 30_000
    /// Time after the start in which failures do not count.
    public var startPeriod: Int64 = 0
    /// Time between two checks in that period, until the first success.
    public var startInterval: Int64 = 5_000
    /// Failures in a row that make it unhealthy.
    public var retries = 3

    /// A check with everything else at its default.
    public init(command: [String]) { self.command = command }

    /// The image's check, nil for none.
    init?(_ image: ImageConfiguration.Healthcheck) {
        guard let kind = image.test.first, image.test.count > 1 else { return nil }
        switch kind {
        case "CMD": command = Array(image.test.dropFirst())
        case "CMD-SHELL":
            command = ["/bin/sh", "-c", image.test[1]]
            isShellLine = true
        default: return nil
        }
        func set(_ place: inout Int64, _ nanoseconds: Int64) {
            if nanoseconds > 0 { place = max(1, nanoseconds / 1_000_000) }
        }
        set(&interval, image.interval)
        set(&timeout, image.timeout)
        set(&startPeriod, image.startPeriod)
        set(&startInterval, image.startInterval)
        if image.retries > 0 { retries = image.retries }
    }

    var json: JSONValue {
        [
            "command": JSONValue(command), "shell": .bool(isShellLine), "interval": JSONValue(interval),
            "timeout": JSONValue(timeout), "startPeriod": JSONValue(startPeriod),
            "startInterval": JSONValue(startInterval), "retries": JSONValue(retries),
        ]
    }

    init(_ object: JSONObject) throws(JSONError) {
        command = try object.required("command", object.strings("command"))
        isShellLine = try object.bool("shell") ?? false
        interval = try object.integer("interval") ?? 30_000
        timeout = try object.integer("timeout") ?? 30_000
        startPeriod = try object.integer("startPeriod") ?? 0
        startInterval = try object.integer("startInterval") ?? 5_000
        retries = try object.integer("retries") ?? 3
    }

    /// In the shape of `docker inspect`: nanoseconds.
    var inspection: JSONValue {
        [
            "Test": JSONValue(isShellLine ? ["CMD-SHELL", command.last ?? ""] : ["CMD"] + command),
            "Interval": JSONValue(interval * 1_000_000), "Timeout": JSONValue(timeout * 1_000_000),
            "StartPeriod": JSONValue(startPeriod * 1_000_000), "StartInterval": JSONValue(startInterval * 1_000_000),
            "Retries": JSONValue(retries),
        ]
    }
}

/// What a user says about the check with `--health-*`; nil is the image's. Milliseconds.
public struct HealthRequest: Equatable, Sendable {
    /// `--no-healthcheck`.
    public var isOff = false
    /// A line for the container's shell.
    public var command: String?
    public var interval: Int64?
    public var timeout: Int64?
    public var startPeriod: Int64?
    public var startInterval: Int64?
    public var retries: Int?

    /// Nothing.
    public init() {}

    /// The check of a container whose image says `image`.
    func check(over image: ImageConfiguration.Healthcheck?) -> ContainerHealthCheck? {
        if isOff || command == "none" { return nil }
        var check = image.flatMap { ContainerHealthCheck($0) }
        if let command, !command.isEmpty {
            var own = check ?? ContainerHealthCheck(command: [])
            own.command = ["/bin/sh", "-c", command]
            own.isShellLine = true
            check = own
        }
        if let interval { check?.interval = interval }
        if let timeout { check?.timeout = timeout }
        if let startPeriod { check?.startPeriod = startPeriod }
        if let startInterval { check?.startInterval = startInterval }
        if let retries { check?.retries = retries }
        return check
    }
}
