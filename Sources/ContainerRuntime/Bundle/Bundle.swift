import ControlGroups
import Glibc
import JSON
import LinuxKernel
import OCI

/// An OCI bundle: a directory with `config.json` and usually the root file system (bundle.md).
public struct Bundle: Sendable {
    /// Absolute path.
    public let path: String
    public let configuration: RuntimeConfiguration
    /// The configuration's own text.
    let text: [UInt8]

    /// Reads a bundle; `configurationPath` replaces `config.json`.
    public init(path: String, configurationPath: String? = nil) throws(RuntimeError) {
        guard let resolved = realpath(path, nil) else {
            throw RuntimeError("open bundle", path, Errno(rawValue: errno))
        }
        self.path = String(cString: resolved)
        free(resolved)
        let file = configurationPath ?? "\(self.path)/config.json"
        let bytes = try attempt("read", file) { () throws(Errno) in try Files.read(file, limit: 32 << 20) }
        text = bytes
        do throws(JSONError) { configuration = try RuntimeConfiguration(parsing: bytes) } catch {
            throw RuntimeError("read", file, cause: error.description)
        }
    }

    /// The root file system's directory, absolute.
    var rootPath: String? {
        configuration.root.map { PathText.isAbsolute($0.path) ? $0.path : "\(path)/\($0.path)" }
    }

    /// The container's group: as configured, else one of its own at the top. One level, since each costs a directory made
    /// and removed in every hierarchy.
    func controlGroupPath(id: String) -> String {
        configuration.linux.cgroupsPath.flatMap { $0.isEmpty ? nil : $0 } ?? "/berth-\(id)"
    }

    /// The launch that the configuration describes, in a new control group of its own.
    public func request(id: String, seccompCache: String?, groups: GroupPolicy = GroupPolicy()) throws(RuntimeError) -> LaunchRequest {
        guard let rootPath else { throw RuntimeError("read", "\(path)/config.json", cause: "root is missing") }
        var request = LaunchRequest(id: id, configuration: configuration, root: .directory(rootPath))
        request.bundle = path
        request.seccompCacheDirectory = seccompCache
        var limits = ResourceLimits()
        if let resources = configuration.linux.resources { limits = try ResourceLimits(resources) }
        let made = try groups.make(self, id: id, limits: limits)
        request.controlGroup = made.group
        request.groupPlaceholder = made.placeholder
        return request
    }
}

extension RuntimeConfiguration {
    /// Whether the container's root may be the host's: then what it can reach of the host's files it can also write. Only a
    /// new user namespace without the host's root in it says for sure that it is not.
    var mayHaveHostRoot: Bool {
        guard let namespace = linux.namespaces.first(where: { $0.type == "user" }), namespace.path == nil else { return true }
        return linux.uidMappings.contains { $0.hostID == 0 && $0.size > 0 }
    }
}
