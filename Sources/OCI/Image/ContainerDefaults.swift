import JSON

extension ImageConfiguration {
    /// How a container of the image starts unless the user says otherwise (image-spec `config.md`, "config").
    public struct Config: Equatable, Sendable {
        /// `USER[:GROUP]`, names or numbers; empty means root.
        public var user: String
        /// `PORT/PROTOCOL` each.
        public var exposedPorts: [String]
        /// `NAME=VALUE` each.
        public var environment: [String]
        /// The program and its first arguments; nil when unset.
        public var entrypoint: [String]?
        /// The program, or further arguments of ``entrypoint``; nil when unset.
        public var command: [String]?
        /// Paths that get a volume of their own.
        public var volumes: [String]
        /// Directory the program starts in; empty means `/`.
        public var workingDirectory: String
        /// Free metadata.
        public var labels: [String: String]
        /// Signal that asks the program to end (`SIGTERM`, `15`); nil means SIGTERM.
        public var stopSignal: String?
        /// Seconds to wait after ``stopSignal`` (Docker's addition).
        public var stopTimeout: Int?
        /// How to see whether the container works (Docker's addition).
        public var healthcheck: Healthcheck?
        /// Windows: the arguments are one escaped line.
        public var argumentsEscaped: Bool
        /// Build instructions for images made from this one (Docker's addition).
        public var onBuild: [String]
        /// What shell-form instructions run in (Docker's addition); nil means `/bin/sh -c`.
        public var shell: [String]?
        /// Members this program has no use for.
        public var other: JSONObject

        /// Defaults with nothing set.
        public init() {
            user = ""
            exposedPorts = []
            environment = []
            entrypoint = nil
            command = nil
            volumes = []
            workingDirectory = ""
            labels = [:]
            stopSignal = nil
            stopTimeout = nil
            healthcheck = nil
            argumentsEscaped = false
            onBuild = []
            shell = nil
            other = JSONObject()
        }
    }

    /// A command that tells whether a container works. Times in nanoseconds; 0 means the engine's default.
    public struct Healthcheck: Equatable, Sendable {
        /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", LINE]`; empty inherits.
        public var test: [String]
        /// Time between two checks.
        public var interval: Int64
        /// How long a check may take.
        public var timeout: Int64
        /// Time after the start in which failures do not count.
        public var startPeriod: Int64
        /// Time between two checks in that period.
        public var startInterval: Int64
        /// Failures in a row that make it unhealthy.
        public var retries: Int

        /// Makes one of its parts.
        public init(
            test: [String], interval: Int64 = 0, timeout: Int64 = 0, startPeriod: Int64 = 0, startInterval: Int64 = 0,
            retries: Int = 0
        ) {
            self.test = test
            self.interval = interval
            self.timeout = timeout
            self.startPeriod = startPeriod
            self.startInterval = startInterval
            self.retries = retries
        }
    }
}

extension ImageConfiguration.Config {
    private static let known: Set = [
        "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal",
        "StopTimeout", "Healthcheck", "ArgsEscaped", "OnBuild", "Shell",
    ]

    init(json: JSONObject) throws(JSONError) {
        self.init()
        user = try json.string("User") ?? ""
        exposedPorts = try json.object("ExposedPorts")?.keys.sorted() ?? []
        environment = try json.strings("Env") ?? []
        entrypoint = try json.strings("Entrypoint")
        command = try json.strings("Cmd")
        volumes = try json.object("Volumes")?.keys.sorted() ?? []
        workingDirectory = try json.string("WorkingDir") ?? ""
        labels = try json.stringMap("Labels") ?? [:]
        stopSignal = try json.string("StopSignal").flatMap { $0.isEmpty ? nil : $0 }
        stopTimeout = try json.integer("StopTimeout", as: Int.self)
        healthcheck = try json.decode("Healthcheck") { (object) throws(JSONError) in
            try ImageConfiguration.Healthcheck(json: object)
        }
        argumentsEscaped = try json.bool("ArgsEscaped") ?? false
        onBuild = try json.strings("OnBuild") ?? []
        shell = try json.strings("Shell")
        other = json.without(Self.known)
    }

    /// The defaults as JSON; what is unset is left out.
    public var json: JSONValue {
        var object = JSONObject()
        func set(_ keys: [String]) -> JSONValue { .object(JSONObject(keys.sorted().map { ($0, [:]) })) }
        if !user.isEmpty { object["User"] = .string(user) }
        if !exposedPorts.isEmpty { object["ExposedPorts"] = set(exposedPorts) }
        if !environment.isEmpty { object["Env"] = JSONValue(environment) }
        if let entrypoint { object["Entrypoint"] = JSONValue(entrypoint) }
        if let command { object["Cmd"] = JSONValue(command) }
        if !volumes.isEmpty { object["Volumes"] = set(volumes) }
        if !workingDirectory.isEmpty { object["WorkingDir"] = .string(workingDirectory) }
        if !labels.isEmpty { object["Labels"] = JSONValue(labels) }
        if let stopSignal { object["StopSignal"] = .string(stopSignal) }
        if let stopTimeout { object["StopTimeout"] = JSONValue(stopTimeout) }
        if let healthcheck { object["Healthcheck"] = healthcheck.json }
        if argumentsEscaped { object["ArgsEscaped"] = true }
        if !onBuild.isEmpty { object["OnBuild"] = JSONValue(onBuild) }
        if let shell { object["Shell"] = JSONValue(shell) }
        return .object(object.adding(other))
    }
}

extension ImageConfiguration.Healthcheck {
    init(json: JSONObject) throws(JSONError) {
        self.init(
            test: try json.strings("Test") ?? [], interval: try json.integer("Interval") ?? 0,
            timeout: try json.integer("Timeout") ?? 0, startPeriod: try json.integer("StartPeriod") ?? 0,
            startInterval: try json.integer("StartInterval") ?? 0, retries: try json.integer("Retries") ?? 0)
    }

    var json: JSONValue {
        var object = JSONObject()
        if !test.isEmpty { object["Test"] = JSONValue(test) }
        for (key, value) in [
            ("Interval", interval), ("Timeout", timeout), ("StartPeriod", startPeriod),
            ("StartInterval", startInterval),
            ("Retries", Int64(retries)),
        ] where value != 0 {
            object[key] = .integer(value)
        }
        return .object(object)
    }
}
