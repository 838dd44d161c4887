import Glibc
import LinuxKernel

/// The containers of an engine: names, ids, look-up.
public struct ContainerRegistry: Sendable {
    let roots: EngineRoots

    init(roots: EngineRoots) { self.roots = roots }

    /// Ids of all containers that have a record, in no order.
    func ids() -> [String] {
        Self.entries(roots.containers).filter { ContainerID.isID($0) && Files.exists("\(roots.container($0))/container.json") }
    }

    /// The names in a directory, none when it is not there.
    static func entries(_ path: String) -> [String] {
        ((try? Files.open(path, [.readOnly, .directory]).directoryEntries()) ?? []).map(\.name.description)
    }

    /// Claims a name for an id: one symbolic link a name, made exclusively.
    func claim(name: String, id: String) throws(EngineError) {
        let path = "\(roots.names)/\(name)"
        for _ in 0..<3 {
            do throws(Errno) {
                try Files.symbolicLink(path, target: id)
                return
            } catch {
                guard error == .fileExists else { throw EngineError("claim name", name, error) }
            }
            let owner = (try? Files.readLink(path))?.description ?? ""
            if Files.exists("\(roots.container(owner))/container.json") || FileLock.isHeld("\(roots.runContainer(owner))/lock") {
                throw EngineError(
                    "the container name \"/\(name)\" is already in use by container \(ContainerID.short(owner)); remove (or rename) that container to be able to reuse the name",
                    exitCode: 125)
            }
            // Left by a creation that was killed.
            try? Files.unlink(path)
        }
        throw EngineError("the container name \"/\(name)\" is being claimed by somebody else; try again", exitCode: 125)
    }

    /// Gives a name back if it is this id's.
    func release(name: String, id: String) {
        let path = "\(roots.names)/\(name)"
        if (try? Files.readLink(path))?.description == id { try? Files.unlink(path) }
    }

    /// Finds a container by name, id or unique beginning of an id.
    public func find(_ text: String) throws(EngineError) -> ContainerDirectory {
        let name = text.hasPrefix("/") ? String(text.dropFirst()) : text
        if ContainerName.isValid(name), let target = try? Files.readLink("\(roots.names)/\(name)") {
            let id = target.description
            if ContainerID.isID(id), Files.exists("\(roots.container(id))/container.json") {
                return ContainerDirectory(roots: roots, id: id)
            }
        }
        if ContainerID.isID(text), Files.exists("\(roots.container(text))/container.json") {
            return ContainerDirectory(roots: roots, id: text)
        }
        guard !text.isEmpty, text.utf8.count < 64, text.utf8.allSatisfy({ ContainerID.isHexDigit($0) }) else {
            throw EngineError("No such container: \(Self.printable(text))")
        }
        let matches = ids().filter { $0.hasPrefix(text) }
        guard let match = matches.first else { throw EngineError("No such container: \(text)") }
        guard matches.count == 1 else { throw EngineError("the id \(text) is the beginning of \(matches.count) containers' ids; write more of it") }
        return ContainerDirectory(roots: roots, id: match)
    }

    /// Text of unknown origin for a message: no control characters, not endless.
    static func printable(_ text: String) -> String {
        let clean = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }.joined()
        return clean.count > 200 ? clean.prefix(200) + "…" : clean
    }
}
