import LinuxKernel

/// A directory that an image or a volume controls, walked by descriptor only: every path stays inside it, whatever
/// symbolic links it holds and whoever renames things meanwhile.
struct RootDirectory: ~Copyable {
    let descriptor: Int32

    /// Opens a path inside, following links within the root, never procfs's magic links.
    borrowing func open(_ path: String, _ flags: OpenFlags) throws(Errno) -> FileDescriptor {
        try Files.open(at: descriptor, relative(path), flags, resolve: [.inRoot, .noMagicLinks])
    }

    /// `openat2` with an empty path fails, and `/` inside the root is the root itself.
    private borrowing func relative(_ path: String) -> String {
        let trimmed = path.utf8.drop { $0 == UInt8(ascii: "/") }
        return trimmed.isEmpty ? "." : String(decoding: trimmed, as: UTF8.self)
    }

    /// Opens a directory, making it and its missing parents (mode 0755, owned by the caller).
    borrowing func openMakingDirectory(_ path: String) throws(Errno) -> FileDescriptor {
        do throws(Errno) { return try open(path, [.pathOnly, .directory]) } catch {
            guard error == .noSuchFile else { throw error }
        }
        let names = PathText.names(path)
        guard let last = names.last, last != ".." else { throw .invalidArgument }
        let parent = try openMakingDirectory(names.dropLast().joined(separator: "/"))
        do throws(Errno) { try Files.makeDirectory(at: parent.rawValue, last, mode: 0o755) } catch {
            // A dangling link also answers "exists"; the open below then says what is wrong.
            guard error == .fileExists else { throw error }
        }
        return try open(path, [.pathOnly, .directory])
    }

    /// Opens a file to mount over, making an empty one when it is missing.
    borrowing func openMakingFile(_ path: String) throws(Errno) -> FileDescriptor {
        do throws(Errno) { return try open(path, .pathOnly) } catch {
            guard error == .noSuchFile else { throw error }
        }
        let names = PathText.names(path)
        guard let last = names.last, last != ".." else { throw .invalidArgument }
        let parent = try openMakingDirectory(names.dropLast().joined(separator: "/"))
        do throws(Errno) {
            _ = try Files.open(at: parent.rawValue, last, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o644)
        } catch {
            guard error == .fileExists else { throw error }
        }
        return try open(path, .pathOnly)
    }

    /// A small regular file's content, nil when there is none. A fifo or device in its place counts as none.
    borrowing func readRegularFile(_ path: String, limit: Int = 4 << 20) -> [UInt8]? {
        guard let file = try? open(path, [.readOnly, .nonBlocking, .noControllingTerminal]),
            let status = try? file.status(), status.kind == .regular
        else { return nil }
        return try? file.readAll(limit: limit)
    }
}
