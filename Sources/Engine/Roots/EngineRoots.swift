import ContainerNetwork
import Glibc
import LinuxKernel

/// Where an engine keeps its things (DESIGN 6). Any number of engines live side by side, each with its own root.
public struct EngineRoots: Sendable, Equatable {
    /// What survives a reboot: images, containers, volumes, names.
    public let state: String
    /// What dies with the boot: locks, sockets.
    public let run: String
    /// A short word that makes names in the kernel (bridge, table, cgroup) this engine's own; empty for the default root.
    public let instance: String

    /// The default engine's, or those below another root.
    ///
    /// - Parameter root: an absolute path, or nil for `/var/lib/berth` and `/run/berth`.
    public init(root: String?) throws(EngineError) {
        guard let root, root != "/var/lib/berth" else {
            state = "/var/lib/berth"
            run = "/run/berth"
            instance = ""
            return
        }
        guard PathText.isAbsolute(root), case let names = PathText.names(root), !names.isEmpty, !names.contains("..") else {
            throw EngineError("the root directory \"\(root)\" is not an absolute path", exitCode: 125)
        }
        let clean = "/" + names.joined(separator: "/")
        state = clean
        run = clean + "/run"
        instance = NetworkEngine.instanceToken(forRoot: clean)
    }

    /// The group below which all of this engine's control groups lie.
    public var controlGroupParent: String { instance.isEmpty ? "/berth" : "/berth-\(instance)" }
    /// Claims that all engines of this machine share, and that die with the boot.
    public static let machineClaims = "/run/berth-claims"
    /// Claims on id ranges outlive a boot, as the files do that carry the ids.
    public static let idClaims = "/var/lib/berth-claims/ids"
    /// Compiled seccomp filters.
    public var seccompCache: String { run + "/seccomp" }
    var containers: String { state + "/containers" }
    var names: String { state + "/names" }
    public var volumes: String { state + "/volumes" }
    var runContainers: String { run + "/containers" }

    func container(_ id: String) -> String { "\(containers)/\(id)" }
    func runContainer(_ id: String) -> String { "\(runContainers)/\(id)" }

    /// Makes the directories that a first command finds missing.
    public func prepare() throws(EngineError) {
        // The last one made says that all are there: later commands look once.
        if Files.exists(runContainers) && Files.exists(names) { return }
        do throws(Errno) {
            try Files.makeDirectories(state, mode: 0o711)
            for path in [containers, names, volumes] { try Files.makeDirectories(path, mode: 0o711) }
            try Files.makeDirectories(run, mode: 0o711)
            try Files.makeDirectories(runContainers, mode: 0o711)
        } catch {
            throw EngineError(
                "cannot make the engine's directories below \(state): \(error)"
                    + (error == .accessDenied ? "; run berth as root (sudo berth …)" : ""), exitCode: 125)
        }
    }
}

/// The boot this machine is in, to tell what a reboot has ended.
public enum Boot {
    /// The kernel's random boot id.
    public static func id() -> String { (try? Files.readLine("/proc/sys/kernel/random/boot_id")) ?? "" }
}
