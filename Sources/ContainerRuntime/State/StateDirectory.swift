import JSON
import LinuxKernel
import OCI

/// One container's directory below the runtime's root: `state.json`, a copy of the configuration it was created from, a
/// lock, and while it waits for its start a socket. The directory's existence is the container's.
struct StateDirectory: Sendable {
    let id: String
    let path: String
    /// Where compiled seccomp filters are kept: beside the containers, so that who may write those may write these.
    let seccompCache: String

    /// The directory of an id.
    ///
    /// - Throws: for an id that could leave the root: letters, digits and `_ + - .` only, not beginning with `-`.
    init(root: String, id: String) throws(RuntimeError) {
        guard Self.isValid(id) else {
            throw RuntimeError(
                "use container id", "\"\(id.prefix(80))\"", cause: "invalid container ID format",
                remedy: "letters, digits, _, +, - and . are allowed")
        }
        self.id = id
        path = "\(root)/\(id)"
        seccompCache = "\(root)/.seccomp"
    }

    static func isValid(_ id: String) -> Bool {
        let allowed = id.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: ".")
        }
        return allowed && !id.isEmpty && id.utf8.count <= 1024 && id != "." && id != ".."
            // The place of compiled filters, beside the containers.
            && id != ".seccomp"
            && id.utf8.first != UInt8(ascii: "-")
    }

    /// Makes it: the one step that decides who of several creators has the id.
    func make() throws(RuntimeError) {
        do throws(Errno) { try Files.makeDirectory(path, mode: 0o711) } catch {
            if error == .nameTooLong {
                throw RuntimeError("use container id", "\"\(id.prefix(80))…\"", cause: "it is longer than 255 bytes")
            }
            throw error == .fileExists
                ? RuntimeError("create", "container \(id)", cause: "container with id exists: \(id)")
                : RuntimeError("make", path, error)
        }
    }

    var exists: Bool { Files.exists(path) }

    private var lockPath: String { "\(path)/lock" }

    /// Takes the container's lock, waiting for whoever has it.
    ///
    /// - Throws: that the container does not exist, also when the one waited for has deleted it.
    func lock() throws(RuntimeError) -> ProcessLock {
        while true {
            do throws(Errno) {
                let lock = try ProcessLock(lockPath)
                // The directory may have been removed, and even made again, while this process waited.
                if try Files.status(lockPath).inode == lock.status().inode { return lock }
            } catch {
                guard error == .noSuchFile else { throw RuntimeError("lock", path, error) }
                throw missing
            }
        }
    }

    /// Whether another process is changing the container.
    var isLockedElsewhere: Bool { ProcessLock.isHeld(lockPath) }

    /// What to say of a container that is not there; engines look for these words.
    var missing: RuntimeError { RuntimeError("find", "container \(id)", cause: "container does not exist") }

    // MARK: Content

    func readState() throws(RuntimeError) -> RuntimeState {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read("\(path)/state.json") } catch {
            throw error == .noSuchFile ? missing : RuntimeError("read the state of", "container \(id)", error)
        }
        do throws(JSONError) { return try RuntimeState(parsing: bytes) } catch {
            throw RuntimeError(
                "read the state of", "container \(id)", cause: error.description, remedy: "delete it with --force")
        }
    }

    func write(_ state: RuntimeState) throws(RuntimeError) {
        try attempt("write the state of", "container \(id)") { () throws(Errno) in
            try Files.replace("\(path)/state.json", with: state.json.serialized(), mode: 0o600)
        }
    }

    /// Keeps the configuration as it is now: what later commands do must not depend on what becomes of the bundle.
    func keep(configuration: [UInt8]) throws(RuntimeError) {
        try attempt("keep the configuration of", "container \(id)") { () throws(Errno) in
            let file = try Files.open("\(path)/config.json", [.writeOnly, .create, .truncate, .noFollow], mode: 0o600)
            try file.writeAll(configuration)
        }
    }

    /// The configuration the container was created from.
    func configuration() throws(RuntimeError) -> RuntimeConfiguration {
        let bytes = try attempt("read the configuration of", "container \(id)") { () throws(Errno) in
            try Files.read("\(path)/config.json", limit: 32 << 20)
        }
        do throws(JSONError) { return try RuntimeConfiguration(parsing: bytes) } catch {
            throw RuntimeError("read the configuration of", "container \(id)", cause: error.description)
        }
    }

    /// Removes it with everything in it.
    func remove() throws(RuntimeError) {
        try attempt("remove", path) { () throws(Errno) in try Files.removeTree(path) }
    }
}
