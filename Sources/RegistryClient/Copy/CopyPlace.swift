import LinuxKernel
import OCI

/// Where an image is copied from or to: `TRANSPORT:DETAILS` as skopeo and podman write it, or a name in the image store.
public enum CopyPlace: Equatable, Sendable {
    /// A name in the store.
    case store(Reference)
    /// `docker://NAME`.
    case registry(Reference)
    /// `oci:DIRECTORY[:TAG]`.
    case layout(path: String, tag: String?)
    /// `oci-archive:FILE[:TAG]`.
    case layoutArchive(path: String, tag: String?)
    /// `docker-archive:FILE[:NAME]`.
    case dockerArchive(path: String, name: Reference?)
    /// `dir:DIRECTORY`.
    case directory(path: String)
    /// `docker-daemon:NAME`; nil is all that it has.
    case dockerDaemon(Reference?)
    /// `containers-storage:NAME`; nil is all that it has.
    case containersStorage(Reference?)

    /// Reads what a user wrote.
    ///
    /// - Throws: ``RegistryError``, kind `invalidName`.
    public init(parsing text: String) throws(RegistryError) {
        func refuse(_ cause: String) -> RegistryError {
            RegistryError(.invalidName, operation: "copy", object: "\"\(text)\"", cause: cause)
        }
        func name(_ text: String) throws(RegistryError) -> Reference {
            do throws(OCIError) { return try Reference(parsing: text).withDefaultTag } catch {
                throw RegistryError(error)
            }
        }
        for transport in [
            "oci-archive", "docker-archive", "docker-daemon", "containers-storage", "docker", "oci", "dir",
        ] {
            guard text.utf8.starts(with: "\(transport):".utf8) else { continue }
            let rest = String(text.dropFirst(transport.count + 1))
            switch transport {
            case "docker":
                guard rest.utf8.starts(with: "//".utf8) else { continue }
                self = .registry(try name(String(rest.dropFirst(2))))
                return
            case "docker-daemon":
                self = .dockerDaemon(rest.isEmpty ? nil : try name(rest))
                return
            case "containers-storage":
                self = .containersStorage(rest.isEmpty ? nil : try name(rest))
                return
            case "dir":
                guard !rest.isEmpty else { throw refuse("a path is missing") }
                self = .directory(path: rest)
                return
            default: break
            }
            // A path ends at the first colon: what follows is a tag or a name.
            let parts = rest.utf8.split(
                separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false
            ).map { String(Substring($0)) }
            guard let path = parts.first, !path.isEmpty else { throw refuse("a path is missing") }
            let second = parts.count > 1 && !parts[1].isEmpty ? parts[1] : nil
            switch transport {
            case "oci": self = .layout(path: path, tag: second)
            case "oci-archive": self = .layoutArchive(path: path, tag: second)
            default:
                self = .dockerArchive(path: path, name: try second.map { text throws(RegistryError) in try name(text) })
            }
            return
        }
        self = .store(try name(text))
    }
}
