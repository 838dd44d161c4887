import LinuxKernel
import OCI

/// A container's seccomp configuration, ready to be installed without a further look at it.
struct PreparedSeccomp: Sendable {
    let filter: SeccompFilter
    /// For `seccomp(2)`.
    let flags: UInt32
    /// Who is handed the calls that the filter hands over.
    let listener: SeccompListener?

    private static let flagNames: [String: UInt32] = [
        "SECCOMP_FILTER_FLAG_TSYNC": SeccompFlags.synchronizeThreads, "SECCOMP_FILTER_FLAG_LOG": SeccompFlags.log,
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW": SeccompFlags.allowSpeculation,
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": SeccompFlags.waitKillable,
    ]

    /// Compiles the profile or takes it from the cache, and connects the listener where the profile has a use for it.
    ///
    /// - Parameter state: what the listener is told of the container, without the process's number.
    init(
        _ configuration: RuntimeSeccomp, cache: String?, ociVersion: String, state: ListenerState
    ) throws(RuntimeError) {
        let profile = try SeccompProfile(configuration)
        let notifies = profile.rules.contains { $0.action == .notify }
        flags = try Self.flags(configuration.flags, notifies: notifies)
        let path = configuration.listenerPath ?? ""
        guard !path.isEmpty || (configuration.listenerMetadata ?? "").isEmpty else {
            throw RuntimeError("read seccomp profile", "", cause: "listenerMetadata needs a listenerPath")
        }
        guard !notifies || !path.isEmpty else {
            throw RuntimeError("read seccomp profile", "", cause: "SCMP_ACT_NOTIFY needs a listenerPath")
        }
        filter = try SeccompCache.filter(for: profile, directory: cache)
        // Without such a rule the path is ignored (config-linux.md, "Seccomp").
        listener =
            notifies
            ? try SeccompListener(
                path: path, metadata: configuration.listenerMetadata, ociVersion: ociVersion, state: state) : nil
    }

    /// The bits of the named flags.
    static func flags(_ names: [String], notifies: Bool) throws(RuntimeError) -> UInt32 {
        var flags: UInt32 = 0
        for name in names {
            guard let flag = flagNames[name] else {
                throw RuntimeError("read seccomp profile", "", cause: "flag \(name) is unknown")
            }
            flags |= flag
        }
        guard notifies else {
            guard flags & SeccompFlags.waitKillable == 0 else {
                throw RuntimeError(
                    "read seccomp profile", "",
                    cause: "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for profiles with SCMP_ACT_NOTIFY")
            }
            return flags
        }
        flags |= SeccompFlags.newListener
        if flags & SeccompFlags.synchronizeThreads != 0 { flags |= SeccompFlags.synchronizeWithError }
        return flags
    }

    /// Installs the filter on the calling process, and has the listener told.
    ///
    /// - Parameter pid: the process's number as the host counts it, for the listener.
    func install(pid: Int32) throws(RuntimeError) {
        if let listener { return try listener.install(filter, flags: flags, pid: pid) }
        try attempt("install", "seccomp filter") { () throws(Errno) in try filter.install(flags: flags) }
    }
}
