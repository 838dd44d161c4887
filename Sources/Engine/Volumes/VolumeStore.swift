import Glibc
import LinuxKernel

/// Named directories that outlive containers. What root of a container writes there is root's on disk, whatever the
/// container's own id range: volumes are shown through an id map.
public struct VolumeStore: Sendable {
    let path: String

    /// Docker's rule for names, with which no path can be built.
    public static func isValid(_ name: String) -> Bool { ContainerName.isValid(name) }

    /// The directory of a volume, made when missing.
    func directory(_ name: String) throws(EngineError) -> (path: String, isNew: Bool) {
        guard Self.isValid(name) else {
            throw EngineError("\"\(ContainerRegistry.printable(name))\" is no valid volume name: letters, digits, _, . and - are allowed", exitCode: 125)
        }
        let data = "\(path)/\(name)/_data"
        if Files.exists(data) { return (data, false) }
        try attempt("make volume", name) { () throws(Errno) in
            do throws(Errno) { try Files.makeDirectory("\(path)/\(name)", mode: 0o701) } catch {
                if error != .fileExists { throw error }
            }
            do throws(Errno) { try Files.makeDirectory(data, mode: 0o755) } catch { if error != .fileExists { throw error } }
        }
        return (data, true)
    }

    /// Removes a volume with its content.
    public func remove(_ name: String) throws(EngineError) {
        guard Self.isValid(name), Files.exists("\(path)/\(name)") else { throw EngineError("no such volume: \(ContainerRegistry.printable(name))") }
        try attempt("remove volume", name) { () throws(Errno) in try Files.removeTree("\(path)/\(name)") }
    }
}
