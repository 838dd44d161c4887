import LinuxKernel

/// What `Files.replace` leaves beside a file when its process is killed in the middle: `NAME.PID.tmp`. No name of ours ends so.
enum Temporaries {
    /// Whether there are any, be their writers alive or dead.
    static func exist(in directory: String) -> Bool {
        guard let opened = try? Files.open(directory, [.readOnly, .directory]) else { return false }
        return !names(in: opened).isEmpty
    }

    /// Removes all. The caller holds the lock under which they are written.
    static func remove(in directory: String) {
        guard let opened = try? Files.open(directory, [.readOnly, .directory]) else { return }
        for name in names(in: opened) { try? Files.unlink(at: opened.rawValue, name) }
    }

    private static func names(in directory: borrowing FileDescriptor) -> [String] {
        guard let entries = try? directory.directoryEntries() else { return [] }
        return entries.map(\.name.description).filter { $0.utf8.suffix(4).elementsEqual(".tmp".utf8) }
    }
}
