import CLinux
import Glibc

extension Files {
    /// Removes a tree by descriptor: never follows a link, never crosses into another mount (EXDEV). Any depth and any
    /// number of names take the same small memory and number of descriptors. A name that is not there is fine.
    public static func removeTree(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible
    ) throws(Errno) {
        do {
            try unlink(at: directory, path)
            return
        } catch {
            if error == .noSuchFile { return }
            guard error == .isDirectory || error == .notPermitted else { throw error }
        }
        let device = try status(at: directory, path).device
        let tree = try open(at: directory, path, [.readOnly, .directory, .noFollow])
        guard try tree.status().device == device else { throw .crossDevice }
        try tree.removeContents(top: tree.rawValue, depth: 0)
        try unlink(at: directory, path, directory: true)
    }
}

extension FileDescriptor {
    /// Directories deeper than this are moved up to the top before they are emptied: the walk holds a descriptor a
    /// level, and somebody's image may be 2,000 levels deep.
    private static var deepest: Int { 64 }

    fileprivate func removeContents(top: Int32, depth: Int) throws(Errno) {
        // A batch at a time, always from the start: what was listed is gone by the next look.
        while true {
            let batch = try firstDirectoryEntries()
            if batch.isEmpty { return }
            for entry in batch { try remove(entry, top: top, depth: depth) }
        }
    }

    private func remove(_ entry: DirectoryEntry, top: Int32, depth: Int) throws(Errno) {
        if entry.type != 4 /* DT_DIR */ {
            do throws(Errno) {
                try Files.unlink(at: rawValue, entry.name)
                return
            } catch {
                if error == .noSuchFile { return }
                guard error == .isDirectory || error == .notPermitted else { throw error }
            }
        }
        // An empty directory needs no look inside.
        do throws(Errno) {
            try Files.unlink(at: rawValue, entry.name, directory: true)
            return
        } catch {
            if error == .noSuchFile { return }
            guard error == .directoryNotEmpty || error == .fileExists else { throw error }
        }
        if depth >= Self.deepest {
            return try moveUp(entry, to: top)
        }
        let child = try Files.open(
            at: rawValue, entry.name, [.readOnly, .directory, .noFollow],
            resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
        try child.removeContents(top: top, depth: depth + 1)
        try Files.unlink(at: rawValue, entry.name, directory: true)
    }

    private func moveUp(_ entry: DirectoryEntry, to top: Int32) throws(Errno) {
        // Inode numbers are unique among what lives at one time in one file system, but the tree may hold any name.
        var attempt = 0
        while true {
            do throws(Errno) {
                return try Files.rename(
                    at: rawValue, entry.name, to: top, ".moved-up-\(entry.inode)-\(attempt)", exclusive: true)
            } catch {
                guard error == .fileExists else { throw error }
                attempt += 1
            }
        }
    }
}
