import JSON

/// Everything about a container that is decided when it is created, as `container.json` keeps it.
public struct ContainerRecord: Sendable {
    /// The version of the file's form.
    static let formatVersion = 1

    /// A published or exposed port as asked for.
    public struct Port: Equatable, Sendable {
        public var hostAddress: String
        /// 0 lets the kernel choose.
        public var hostPort: UInt16
        /// The last of a range of which the first free one is taken; 0 and `hostPort` mean that one alone.
        public var lastHostPort: UInt16
        public var containerPort: UInt16
        public var proto: String
        /// A port.
        public init(
            hostAddress: String, hostPort: UInt16, lastHostPort: UInt16 = 0, containerPort: UInt16, proto: String
        ) {
            self.hostAddress = hostAddress
            self.hostPort = hostPort
            self.lastHostPort = lastHostPort
            self.containerPort = containerPort
            self.proto = proto
        }

        var json: JSONValue {
            [
                "hostAddress": .string(hostAddress), "hostPort": JSONValue(hostPort),
                "lastHostPort": JSONValue(lastHostPort), "containerPort": JSONValue(containerPort),
                "proto": .string(proto),
            ]
        }

        init(_ object: JSONObject) throws(JSONError) {
            hostAddress = try object.string("hostAddress") ?? ""
            hostPort = try object.required("hostPort", object.integer("hostPort"))
            lastHostPort = try object.integer("lastHostPort") ?? 0
            containerPort = try object.required("containerPort", object.integer("containerPort"))
            proto = try object.string("proto") ?? "tcp"
        }
    }

    /// A `setrlimit(2)` limit, its name without `RLIMIT_` in lower case.
    public struct Ulimit: Equatable, Sendable {
        public var name: String
        public var soft: UInt64
        public var hard: UInt64
        /// A limit.
        public init(name: String, soft: UInt64, hard: UInt64) {
            self.name = name
            self.soft = soft
            self.hard = hard
        }
    }

    /// A read-only layer.
    public struct Layer: Equatable, Sendable {
        public var path: String
        public var idBase: UInt32
    }

    public var id: String
    public var name: String
    /// RFC 3339.
    public var created: String
    /// As the user named it.
    public var image: String
    /// The image's id, `sha256:…`.
    public var imageID: String
    /// Bottom first.
    public var layers: [Layer] = []
    public var idRange: IDRange?

    public var entrypoint: [String] = []
    public var command: [String] = []
    public var environment: [String] = []
    public var workingDirectory = "/"
    public var user = ""
    public var groupAdd: [String] = []
    public var terminal = false
    public var interactive = false
    public var usesInit = false
    public var autoRemove = false
    public var readOnlyRoot = false
    public var hostname = ""
    public var domainname = ""
    public var labels: [String: String] = [:]
    public var mounts: [ContainerMount] = []
    public var limits = ContainerLimits()
    public var security = ContainerSecurity()
    /// `bridge` or another network's name, `none`, `host`, or `container:ID`.
    public var network = "bridge"
    /// The networks and the names.
    public var networking = ContainerNetworking()
    public var ports: [Port] = []
    public var extraHosts: [String] = []
    public var dns: [String] = []
    public var ulimits: [Ulimit] = []
    public var sysctls: [String: String] = [:]
    /// Bytes of `/dev/shm`.
    public var shmSize: Int64 = 64 << 20
    public var oomScoreAdjustment: Int?
    public var stopSignal = "SIGTERM"
    /// Seconds between the stop signal and SIGKILL; -1 waits for ever.
    public var stopTimeout = 10
    /// What happens when it ends by itself.
    public var restart = RestartPolicy()
    /// How it is told that the program works; nil without a check.
    public var health: ContainerHealthCheck?
    /// Whether its standard input ends with the first client that has it.
    public var closesInput = false
    public var extras = ContainerExtras()

    /// A record with everything else at its default.
    public init(id: String, name: String, created: String, image: String, imageID: String) {
        self.id = id
        self.name = name
        self.created = created
        self.image = image
        self.imageID = imageID
    }

    /// What the container executes.
    public var arguments: [String] { entrypoint + command }
}

extension ContainerRecord {
    var json: JSONValue {
        var object = JSONObject([
            ("formatVersion", JSONValue(Self.formatVersion)), ("id", .string(id)), ("name", .string(name)),
            ("created", .string(created)), ("image", .string(image)), ("imageID", .string(imageID)),
            ("layers", .array(layers.map { ["path": .string($0.path), "idBase": JSONValue($0.idBase)] })),
            ("entrypoint", JSONValue(entrypoint)), ("command", JSONValue(command)),
            ("environment", JSONValue(environment)), ("workingDirectory", .string(workingDirectory)),
            ("user", .string(user)), ("groupAdd", JSONValue(groupAdd)), ("terminal", .bool(terminal)),
            ("interactive", .bool(interactive)), ("usesInit", .bool(usesInit)), ("autoRemove", .bool(autoRemove)),
            ("readOnlyRoot", .bool(readOnlyRoot)), ("hostname", .string(hostname)), ("domainname", .string(domainname)),
            ("labels", JSONValue(labels)), ("mounts", .array(mounts.map(\.json))), ("limits", limits.json),
            ("security", security.json), ("network", .string(network)),
        ])
        object["networking"] = networking.json
        object["ports"] = .array(ports.map(\.json))
        object["extraHosts"] = JSONValue(extraHosts)
        object["dns"] = JSONValue(dns)
        object["ulimits"] = .array(
            ulimits.map { ["name": .string($0.name), "soft": JSONValue($0.soft), "hard": JSONValue($0.hard)] })
        object["sysctls"] = JSONValue(sysctls)
        object["shmSize"] = JSONValue(shmSize)
        object["oomScoreAdjustment"] = oomScoreAdjustment.map { JSONValue($0) }
        object["stopSignal"] = .string(stopSignal)
        object["stopTimeout"] = JSONValue(stopTimeout)
        if restart != RestartPolicy() { object["restart"] = .string(restart.text) }
        object["health"] = health?.json
        if closesInput { object["closesInput"] = true }
        if extras != ContainerExtras() { object["extras"] = extras.json }
        if let idRange { object["idRange"] = ["base": JSONValue(idRange.base), "size": JSONValue(idRange.size)] }
        return .object(object)
    }

    init(parsing bytes: [UInt8]) throws(JSONError) {
        guard let object = try JSONValue(parsing: bytes).objectValue else {
            throw JSONError(problem: "an object was expected")
        }
        let version = try object.integer("formatVersion", as: Int.self) ?? 0
        guard version == Self.formatVersion else {
            throw JSONError(
                path: ["formatVersion"],
                problem: "\(version) is not the version \(Self.formatVersion) that this berth reads")
        }
        id = try object.required("id", object.string("id"))
        name = try object.required("name", object.string("name"))
        created = try object.required("created", object.string("created"))
        image = try object.required("image", object.string("image"))
        imageID = try object.required("imageID", object.string("imageID"))
        layers =
            try object.decodeArray("layers") { (entry) throws(JSONError) in
                Layer(
                    path: try entry.required("path", entry.string("path")),
                    idBase: try entry.required("idBase", entry.integer("idBase")))
            } ?? []
        idRange = try object.decode("idRange") { (entry) throws(JSONError) in
            IDRange(
                base: try entry.required("base", entry.integer("base")),
                size: try entry.required("size", entry.integer("size")))
        }
        entrypoint = try object.strings("entrypoint") ?? []
        command = try object.strings("command") ?? []
        environment = try object.strings("environment") ?? []
        workingDirectory = try object.string("workingDirectory") ?? "/"
        user = try object.string("user") ?? ""
        groupAdd = try object.strings("groupAdd") ?? []
        terminal = try object.bool("terminal") ?? false
        interactive = try object.bool("interactive") ?? false
        usesInit = try object.bool("usesInit") ?? false
        autoRemove = try object.bool("autoRemove") ?? false
        readOnlyRoot = try object.bool("readOnlyRoot") ?? false
        hostname = try object.string("hostname") ?? ""
        domainname = try object.string("domainname") ?? ""
        labels = try object.stringMap("labels") ?? [:]
        mounts = try object.decodeArray("mounts", ContainerMount.init) ?? []
        limits = try object.decode("limits", ContainerLimits.init) ?? ContainerLimits()
        security = try object.decode("security", ContainerSecurity.init) ?? ContainerSecurity()
        network = try object.string("network") ?? "bridge"
        networking = try object.decode("networking", ContainerNetworking.init) ?? ContainerNetworking()
        ports = try object.decodeArray("ports", Port.init) ?? []
        extraHosts = try object.strings("extraHosts") ?? []
        dns = try object.strings("dns") ?? []
        ulimits =
            try object.decodeArray("ulimits") { (entry) throws(JSONError) in
                Ulimit(
                    name: try entry.required("name", entry.string("name")),
                    soft: try entry.required("soft", entry.integer("soft")),
                    hard: try entry.required("hard", entry.integer("hard")))
            } ?? []
        sysctls = try object.stringMap("sysctls") ?? [:]
        shmSize = try object.integer("shmSize") ?? 64 << 20
        oomScoreAdjustment = try object.integer("oomScoreAdjustment")
        stopSignal = try object.string("stopSignal") ?? "SIGTERM"
        stopTimeout = try object.integer("stopTimeout") ?? 10
        restart = try object.string("restart").flatMap { RestartPolicy($0) } ?? RestartPolicy()
        health = try object.decode("health", ContainerHealthCheck.init)
        closesInput = try object.bool("closesInput") ?? false
        extras = try object.decode("extras", ContainerExtras.init) ?? ContainerExtras()
    }
}
