import OCI
import LinuxKernel

/// What `exec` is asked for.
public struct RuntimeExecOptions: Sendable {
    /// A whole process as a file (`process.json`); nil takes the container's own and changes what is given below.
    public var processFile: String?
    public var arguments: [String] = []
    public var workingDirectory: String?
    public var environment: [String] = []
    /// `nil` leaves what the process says; true gives it a terminal.
    public var terminal = false
    /// `UID[:GID]`, numbers only.
    public var user: String?
    public var additionalGroups: [UInt32] = []
    public var capabilities: [String] = []
    public var noNewPrivileges = false
    public var processLabel: String?
    public var apparmorProfile: String?
    /// `[CONTROLLER:]PATH` below the container's group.
    public var subgroups: [String] = []
    /// Whether a paused container is entered too: the process then waits until it is resumed.
    public var ignoresPaused = false
    public var detached = false
    public var pidFile: String?
    public var consoleSocket: String?
    public var pidfdSocket: String?
    public var preservedDescriptors = 0
    public var activationSockets = 0

    /// Everything at its default.
    public init() {}
}

extension RuntimeProcess {
    /// The container's own process, changed as the options say.
    mutating func apply(_ options: RuntimeExecOptions) throws(RuntimeError) {
        args = options.arguments
        if let directory = options.workingDirectory, !directory.isEmpty { cwd = directory }
        env += options.environment
        terminal = options.terminal
        if let label = options.processLabel, !label.isEmpty { selinuxLabel = label }
        if let profile = options.apparmorProfile, !profile.isEmpty { apparmorProfile = profile }
        if options.noNewPrivileges { noNewPrivileges = true }
        if let text = options.user {
            guard let ids = Self.ids(text) else {
                throw RuntimeError("use", "user \"\(text)\"", cause: "it is not UID[:GID] in numbers")
            }
            user.uid = ids.uid
            if let gid = ids.gid { user.gid = gid }
        }
        user.additionalGids += options.additionalGroups
        guard !options.capabilities.isEmpty else { return }
        var sets = capabilities ?? RuntimeCapabilities(granted: [])
        // As runc: into all sets but the inheritable one, so that a user other than root keeps them too.
        for name in options.capabilities {
            guard CapabilitySet(name: name) != nil else {
                throw RuntimeError(
                    "add", "capability \(name)", cause: "there is none of that name", remedy: "write it as CAP_KILL")
            }
            sets.bounding.append(name)
            sets.effective.append(name)
            sets.permitted.append(name)
            sets.ambient.append(name)
        }
        capabilities = sets
    }

    /// Strictly digits: `+0`, ` 0`, `0x0` and what wraps around 32 bits are no ids (CVE-2016-3697 and its kin).
    static func ids(_ text: String) -> (uid: UInt32, gid: UInt32?)? {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        var numbers = [UInt32]()
        for part in parts {
            // The largest number means "leave it" to the kernel.
            guard part.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(Substring(part)), number != .max
            else { return nil }
            numbers.append(number)
        }
        return (numbers[0], numbers.count > 1 ? numbers[1] : nil)
    }
}
