import Glibc
import LinuxKernel

/// One side of a copy: a path, inside a root that it cannot leave, or on the host.
struct CopyPlace {
    /// The root, by number; nil is the host's.
    var root: Int32?
    /// As it was written; relative ones begin at the root, on the host in the working directory.
    var path: String

    /// Whether the path says that it is a directory (`x/`, `x/.`).
    var saysDirectory: Bool {
        let bytes = Array(path.utf8)
        return bytes.last == UInt8(ascii: "/") || onlyContent || path.isEmpty
    }

    /// Whether not the directory itself is meant but what it holds (`x/.`).
    var onlyContent: Bool { path == "." || Array(path.utf8.suffix(2)) == Array("/.".utf8) }

    /// The last name; empty for the root itself.
    var name: String {
        let names = PathText.names(path).filter { $0 != "." }
        return names.last ?? ""
    }

    /// The path without its last name.
    var parent: CopyPlace {
        let isAbsolute = PathText.isAbsolute(path)
        let names = PathText.names(path).filter { $0 != "." }.dropLast()
        let text = names.joined(separator: "/")
        return CopyPlace(root: root, path: isAbsolute ? "/" + text : text.isEmpty ? "." : text)
    }

    /// Opens what the path names, the last link followed.
    func open(_ flags: OpenFlags) throws(Errno) -> FileDescriptor {
        guard let root else { return try Files.open(path.isEmpty ? "." : path, flags) }
        let trimmed = String(decoding: path.utf8.drop { $0 == UInt8(ascii: "/") }, as: UTF8.self)
        return try Files.open(
            at: root, trimmed.isEmpty ? "." : trimmed, flags, resolve: [.inRoot, .noMagicLinks])
    }

    /// What the path names, the last link followed; nil when there is nothing.
    func status() throws(Errno) -> FileStatus? {
        do throws(Errno) { return try open(.pathOnly).status() } catch {
            guard error == .noSuchFile || error == .notDirectory else { throw error }
            return nil
        }
    }
}

/// Where copied things go: a directory, and what the first name of the archive becomes.
struct CopyTarget {
    var directory: SharedDescriptor
    /// nil keeps the names; an empty one drops the first.
    var renamed: String?

    /// Docker's rules of `cp`.
    ///
    /// - Parameters:
    ///   - place: the destination.
    ///   - isDirectory: what the first entry is.
    ///   - onlyContent: whether a directory's content alone is copied.
    init(_ place: CopyPlace, isDirectory: Bool, onlyContent: Bool) throws(EngineError) {
        let shown = ContainerRegistry.printable(place.path)
        let status = try attempt("look at", shown) { () throws(Errno) in try place.status() }
        func open(_ place: CopyPlace) throws(EngineError) -> SharedDescriptor {
            do throws(Errno) { return SharedDescriptor(try place.open([.readOnly, .directory])) } catch {
                throw EngineError(
                    "cannot copy to \(shown): \(error == .noSuchFile ? "the directory \(ContainerRegistry.printable(place.path)) does not exist" : error.description)"
                )
            }
        }
        if let status, status.kind == .directory {
            directory = try open(place)
            renamed = onlyContent ? "" : nil
            return
        }
        if status != nil {
            guard !isDirectory else { throw EngineError("cannot copy directory: \(shown) is a file") }
            guard !place.saysDirectory else { throw EngineError("\(shown) is not a directory") }
        } else if !isDirectory, place.saysDirectory {
            throw EngineError("destination directory must exist: \(shown)")
        }
        directory = try open(place.parent)
        renamed = place.name
        guard place.name != "..", !place.name.isEmpty else { throw EngineError("cannot copy to \(shown)") }
    }
}
