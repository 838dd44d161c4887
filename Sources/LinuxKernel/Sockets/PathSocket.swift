extension UnixSocket {
    /// Connects to a stream socket by a path of any length, as a user gives it.
    public static func connect(toPath path: String) throws(Errno) -> FileDescriptor {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return try connect(at: WorkingDirectory.rawValue, path)
        }
        let name = String(decoding: path.utf8[path.utf8.index(after: slash)...], as: UTF8.self)
        let parent = String(decoding: path.utf8[...slash], as: UTF8.self)
        let directory = try Files.open(parent, [.pathOnly, .directory])
        return try connect(at: directory.rawValue, name)
    }
}
