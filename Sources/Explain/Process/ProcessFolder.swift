import LinuxKernel

/// A process's directory in procfs, held open: when the process ends, reading fails, and a number used again is not
/// taken for it.
struct ProcessFolder: ~Copyable {
    /// The process's number.
    let pid: Int32
    private let folder: FileDescriptor

    init(_ pid: Int32) throws(Errno) {
        self.pid = pid
        folder = try Files.open("/proc/\(pid)", [.readOnly, .directory])
    }

    /// A file of it, at most 64 MiB.
    func read(_ name: String) throws(Errno) -> [UInt8] {
        try Files.read(at: folder.rawValue, name, limit: 64 << 20)
    }

    /// What a link of it says.
    func link(_ name: String) throws(Errno) -> String {
        try Files.readLink(at: folder.rawValue, name).description
    }

    /// The inode of a namespace, from `ns/NAME`, "net:[4026531840]".
    func namespace(_ name: String) -> UInt64? {
        guard let bytes = try? Files.readLink(at: folder.rawValue, "ns/\(name)").bytes,
            let open = bytes.firstIndex(of: UInt8(ascii: "[")), let close = bytes.lastIndex(of: UInt8(ascii: "]")),
            open < close
        else { return nil }
        return KernelText.number(bytes[(open + 1)..<close])
    }

    /// A namespace's file, to enter it with.
    func namespaceFile(_ name: String) throws(Errno) -> FileDescriptor {
        try Files.open(at: folder.rawValue, "ns/\(name)", .readOnly)
    }

    /// The names in a directory of it; none when it cannot be read.
    func entries(_ name: String) -> [DirectoryEntry] {
        guard let directory = try? Files.open(at: folder.rawValue, name, [.readOnly, .directory]) else { return [] }
        return (try? directory.directoryEntries()) ?? []
    }

    /// Every process there is now.
    static func all() -> [Int32] {
        guard let folder = try? Files.open("/proc", [.readOnly, .directory]) else { return [] }
        return ((try? folder.directoryEntries()) ?? []).compactMap {
            KernelText.number($0.name.bytes).flatMap { Int32(exactly: $0) }
        }.sorted()
    }
}
