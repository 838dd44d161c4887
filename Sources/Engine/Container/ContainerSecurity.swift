import JSON

/// What a container's processes may do.
public struct ContainerSecurity: Equatable, Sendable {
    /// Which seccomp filter holds.
    public enum Seccomp: Equatable, Sendable {
        case standard
        case unconfined
        /// A profile in Docker's JSON form.
        case profile(String)
    }

    /// Names of the capabilities that the processes have.
    public var capabilities: [String]
    public var noNewPrivileges = false
    public var seccomp = Seccomp.standard
    /// Whether the container shares the host's user namespace (`--userns=host`).
    public var usesHostUsers = false

    /// Docker's default capabilities.
    public static let defaultCapabilities = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ]

    /// The defaults.
    public init() { capabilities = Self.defaultCapabilities }

    var json: JSONValue {
        let filter: JSONValue =
            switch seccomp {
            case .standard: "default"
            case .unconfined: "unconfined"
            case .profile(let text): ["profile": .string(text)]
            }
        return [
            "capabilities": JSONValue(capabilities), "noNewPrivileges": .bool(noNewPrivileges), "seccomp": filter,
            "usesHostUsers": .bool(usesHostUsers),
        ]
    }

    init(_ object: JSONObject) throws(JSONError) {
        capabilities = try object.strings("capabilities") ?? []
        noNewPrivileges = try object.bool("noNewPrivileges") ?? false
        usesHostUsers = try object.bool("usesHostUsers") ?? false
        if let text = object["seccomp"]?["profile"]?.stringValue { seccomp = .profile(text) } else if object["seccomp"]
            == "unconfined"
        {
            seccomp = .unconfined
        }
    }
}
