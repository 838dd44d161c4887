import JSON
import LinuxKernel

/// What the checks have found, as `health.json` beside the lock keeps it while the container runs.
public struct HealthState: Equatable, Sendable {
    /// Docker's words.
    public enum Status: String, Sendable { case starting, healthy, unhealthy }

    /// One check.
    public struct Result: Equatable, Sendable {
        public var start: String
        public var end: String
        /// -1 when it took too long or could not be made.
        public var exitCode: Int32
        /// The first 4,096 bytes of what it wrote.
        public var output: String
    }

    public var status = Status.starting
    /// Failures in a row.
    public var failures = 0
    /// The last five.
    public var results: [Result] = []

    /// Nothing has been found yet.
    public init() {}

    /// Takes a result in.
    ///
    /// - Parameter counts: whether a failure counts: not while the container is starting.
    /// - Returns: whether the status is another now.
    mutating func add(_ result: Result, retries: Int, counts: Bool) -> Bool {
        results = Array((results + [result]).suffix(5))
        let before = status
        if result.exitCode == 0 {
            failures = 0
            status = .healthy
        } else if counts || status != .starting {
            failures += 1
            if failures >= retries { status = .unhealthy }
        }
        return status != before
    }

    /// In the shape of `docker inspect`, which is also that of the file.
    public var json: JSONValue {
        [
            "Status": .string(status.rawValue), "FailingStreak": JSONValue(failures),
            "Log": .array(
                results.map {
                    [
                        "Start": .string($0.start), "End": .string($0.end), "ExitCode": JSONValue($0.exitCode),
                        "Output": .string($0.output),
                    ]
                }),
        ]
    }

    init(parsing bytes: [UInt8]) throws(JSONError) {
        guard let object = try JSONValue(parsing: bytes).objectValue else {
            throw JSONError(problem: "an object was expected")
        }
        status = Status(rawValue: try object.string("Status") ?? "") ?? .starting
        failures = try object.integer("FailingStreak") ?? 0
        results =
            try object.decodeArray("Log") { (entry) throws(JSONError) in
                Result(
                    start: try entry.string("Start") ?? "", end: try entry.string("End") ?? "",
                    exitCode: try entry.integer("ExitCode") ?? 0, output: try entry.string("Output") ?? "")
            } ?? []
    }
}
