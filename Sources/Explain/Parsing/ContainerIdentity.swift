/// Which engine's container a process belongs to, told by the names of its control groups: what every engine does, and all
/// there is without asking the engine.
public struct ContainerIdentity: Sendable, Hashable {
    /// "berth", "docker", "podman", "containerd", "cri-o", "lxc"; "container" when only an id tells.
    public var engine: String
    /// The container's id, or its name where the engine uses that.
    public var id: String
    /// The process looks after the container and is none of its own.
    public var isMonitor: Bool
    /// What the engine's group is called: "berth-abcdefg" is the one of another root.
    public var parent: String

    /// "docker 0123456789ab".
    public var description: String { (isMonitor ? "monitor of " : "") + "\(engine) \(shortID)" }
    /// The first twelve characters of an id.
    public var shortID: String { Self.isID(id[...]) ? String(id.prefix(12)) : id }

    /// The identity that the groups of a process tell; nil when they tell none.
    public init?(_ memberships: [GroupMembership]) {
        // The groups agree; some may be at the root where an engine does not use a controller.
        for membership in memberships {
            let names = membership.names
            for (place, name) in names.enumerated().reversed() {
                if let found = Self.identity(
                    name, above: place > 0 ? names[place - 1] : "",
                    below: place + 1 < names.count ? names[place + 1] : "")
                {
                    self = found
                    return
                }
            }
        }
        return nil
    }

    private init(engine: String, id: String, isMonitor: Bool, parent: String) {
        self.engine = engine
        self.id = id
        self.isMonitor = isMonitor
        self.parent = parent
    }

    private static func identity(_ name: String, above: String, below: String) -> ContainerIdentity? {
        func made(_ engine: String, _ id: Substring, isMonitor: Bool = false) -> ContainerIdentity {
            ContainerIdentity(engine: engine, id: String(id), isMonitor: isMonitor, parent: above)
        }
        var word = name[...]
        if word.hasSuffix(".scope") { word = word.dropLast(6) }
        // The longest beginning first: one is the beginning of another.
        let starts: [(String, String, Bool)] = [
            ("libpod-conmon-", "podman", true), ("libpod-", "podman", false), ("conmon-", "podman", true),
            ("docker-", "docker", false), ("cri-containerd-", "containerd", false), ("crio-conmon-", "cri-o", true),
            ("crio-", "cri-o", false), ("nerdctl-", "containerd", false),
        ]
        for (start, engine, isMonitor) in starts where word.hasPrefix(start) && isID(word.dropFirst(start.count)) {
            return made(engine, word.dropFirst(start.count), isMonitor: isMonitor)
        }
        if word.hasPrefix("lxc.payload."), word.count > 12 { return made("lxc", word.dropFirst(12)) }
        if word.hasPrefix("lxc.monitor."), word.count > 12 { return made("lxc", word.dropFirst(12), isMonitor: true) }
        guard isID(word) else { return nil }
        if above == "docker" { return made("docker", word) }
        if above == "berth" || above.hasPrefix("berth-"), below == "payload" || below == "monitor" {
            return made("berth", word, isMonitor: below == "monitor")
        }
        return made("container", word)
    }

    /// Whether a text is 64 digits of an id.
    static func isID(_ text: Substring) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
