import Glibc
import LinuxKernel

/// The file system that a step writes to. What is in it comes from images, so paths are walked from its root by
/// descriptor, and a link leads nowhere outside.
struct TargetTree {
    private let tree: SourceTree
    var root: Int32 { tree.root.number }

    init(_ root: SharedDescriptor) { tree = SourceTree(root, name: "the image", isContext: false) }

    /// Who is meant by `USER[:GROUP]`, looked up in the target's own files. A number without a group is also the group.
    func owner(_ specification: String) throws(BuildError) -> Owner {
        let fields = specification.utf8.split(separator: 58, maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        if let uid = UserDatabase.id(fields[0]) {
            guard fields.count == 2 else { return Owner(uid: uid, gid: uid) }
            if let gid = UserDatabase.id(fields[1]) { return Owner(uid: uid, gid: gid) }
        }
        let database = UserDatabase(passwd: try read("etc/passwd"), group: try read("etc/group"))
        do throws(UserError) {
            let user = try database.resolve(specification)
            return Owner(uid: user.uid, gid: user.gid)
        } catch {
            throw BuildError(
                operation: "find", object: quote(specification), cause: error.description,
                remedy: "give numbers, or make the user with RUN before")
        }
    }

    private func read(_ path: String) throws(BuildError) -> [UInt8] {
        do throws(Errno) {
            let file = try Files.open(at: root, path, [.readOnly, .nonBlocking], resolve: [.inRoot, .noMagicLinks])
            guard try file.status().kind == .regular else { return [] }
            return try file.readAll(limit: 16 << 20)
        } catch {
            if error == .noSuchFile || error == .notDirectory { return [] }
            throw .system(error, "read", "/" + path)
        }
    }

    /// What a path leads to; nil when nothing is there.
    func status(_ names: [[UInt8]]) throws(BuildError) -> FileStatus? { try tree.find(names)?.status }

    /// A directory with all its parents, made where they are missing.
    func directory(_ names: [[UInt8]], owner: Owner, time: FileTime?) throws(BuildError) -> SharedDescriptor {
        let (path, missing) = try tree.follow(names)
        let object = quote(SourceTree.text(names))
        return try converting("make", object) { () throws(Errno) in
            var current = SharedDescriptor(try tree.open(Array(path.dropLast(missing)), [.readOnly, .directory]))
            for name in path.suffix(missing) {
                let number = current.number
                try Files.makeDirectory(at: number, PathBytes(name), mode: 0o755)
                let made = try Files.open(at: number, PathBytes(name), [.readOnly, .directory, .noFollow])
                try made.changeOwner(uid: owner.uid, gid: owner.gid)
                try made.changeMode(0o755)
                current = SharedDescriptor(made)
            }
            if let time, missing > 0 {
                // From the inside out: making a name changed its parent's time.
                var place = path
                for _ in 0..<missing {
                    let made = try tree.open(place, [.readOnly, .directory])
                    try made.setModificationTime(time)
                    place.removeLast()
                }
            }
            return current
        }
    }

    /// Where a file is to go: its directory, made with its parents where it is missing, and its name.
    func place(_ names: [[UInt8]], owner: Owner, time: FileTime?) throws(BuildError) -> (SharedDescriptor, [UInt8]) {
        let (path, _) = try tree.follow(names)
        guard let name = path.last else {
            throw BuildError(operation: "copy", object: "a file", cause: "its destination is the root directory itself")
        }
        return (try directory(Array(path.dropLast()), owner: owner, time: time), name)
    }
}

/// To whom a file belongs, in the image's ids.
struct Owner: Equatable, Sendable {
    var uid: UInt32
    var gid: UInt32
    static let root = Owner(uid: 0, gid: 0)
}
