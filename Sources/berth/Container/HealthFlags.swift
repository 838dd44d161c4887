import CommandLine
import Engine

/// The flags about health checks.
enum HealthFlags {
    private static let checkTime: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        let time = try TimeSpan.parse(value)
        guard time == 0 || time >= 1_000_000 else { throw ValueError("it is less than 1ms") }
    }

    static let all: [Flag] = [
        Flag("health-cmd", nil, .string, "Command to run to check health"),
        Flag(
            "health-interval", nil, .duration, "Time between running the check (ms|s|m|h)", default: "0s",
            check: checkTime),
        Flag(
            "health-retries", nil, .integer, "Consecutive failures needed to report unhealthy",
            check: NumberChecks.notNegative),
        Flag(
            "health-start-interval", nil, .duration,
            "Time between running the check during the start period (ms|s|m|h)", default: "0s", check: checkTime),
        Flag(
            "health-start-period", nil, .duration,
            "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
            default: "0s", check: checkTime),
        Flag(
            "health-timeout", nil, .duration, "Maximum time to allow one check to run (ms|s|m|h)", default: "0s",
            check: checkTime),
        Flag("no-healthcheck", nil, .boolean, "Disable any container-specified HEALTHCHECK"),
    ]

    static func request(_ flags: FlagValues) throws(ValueError) -> HealthRequest {
        var request = HealthRequest()
        func time(_ name: String) -> Int64? { flags.nanoseconds(name).flatMap { $0 == 0 ? nil : $0 / 1_000_000 } }
        request.isOff = flags.flag("no-healthcheck")
        request.command = flags.string("health-cmd")
        request.interval = time("health-interval")
        request.timeout = time("health-timeout")
        request.startPeriod = time("health-start-period")
        request.startInterval = time("health-start-interval")
        request.retries = flags.integer("health-retries").flatMap { $0 == 0 ? nil : Int(clamping: $0) }
        var others = request
        others.isOff = false
        if request.isOff, others != HealthRequest() {
            throw ValueError("--no-healthcheck conflicts with --health-* options")
        }
        return request
    }
}
