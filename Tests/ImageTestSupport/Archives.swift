import Archive
import LinuxKernel

/// Something to put into a test's archive.
public struct Item: Sendable {
    /// What the archive says of it.
    public var entry: TarEntry
    /// Its content.
    public var content: [UInt8]

    /// Makes one of its parts.
    public init(_ entry: TarEntry, _ content: [UInt8] = []) {
        self.entry = entry
        self.content = content
    }

    /// A regular file with a text.
    public static func file(
        _ path: PathBytes, _ text: String = "", mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0,
        time: Int64 = 1000,
        attributes: [(PathBytes, String)] = []
    ) -> Item {
        Item(
            TarEntry(
                path: path, kind: .regular, mode: mode, uid: uid, gid: gid, modificationTime: .init(seconds: time),
                attributes: attributes.map { .init(name: $0.0, value: Array($0.1.utf8)) }), Array(text.utf8))
    }
    /// A directory.
    public static func directory(
        _ path: PathBytes, mode: UInt32 = 0o755, uid: UInt32 = 0, gid: UInt32 = 0, time: Int64 = 2000,
        attributes: [(PathBytes, String)] = []
    ) -> Item {
        Item(
            TarEntry(
                path: path, kind: .directory, mode: mode, uid: uid, gid: gid, modificationTime: .init(seconds: time),
                attributes: attributes.map { .init(name: $0.0, value: Array($0.1.utf8)) }))
    }
    /// A symbolic link.
    public static func link(_ path: PathBytes, to target: PathBytes) -> Item {
        Item(
            TarEntry(
                path: path, kind: .symbolicLink, mode: 0o777, modificationTime: .init(seconds: 3000), linkTarget: target
            ))
    }
    /// A hard link.
    public static func hardLink(_ path: PathBytes, to target: PathBytes) -> Item {
        Item(TarEntry(path: path, kind: .hardLink, linkTarget: target))
    }
    /// A device.
    public static func device(_ path: PathBytes, _ kind: TarEntry.Kind, mode: UInt32 = 0o600) -> Item {
        Item(TarEntry(path: path, kind: kind, mode: mode))
    }
}

/// The bytes of a tar archive of these things.
public func tar(_ items: [Item]) throws(ArchiveError) -> [UInt8] {
    let sink = MemorySink()
    let writer = TarWriter(sink)
    for item in items { try writer.write(item.entry, content: item.content) }
    try writer.finish()
    return sink.bytes
}

/// Bytes in an anonymous file, open at its start.
public func descriptor(of bytes: [UInt8]) throws(Errno) -> FileDescriptor {
    var random = SystemRandomNumberGenerator()
    let path = "/var/tmp/berth-test-bytes-\(String(random.next() as UInt64, radix: 36))"
    let writer = try Files.open(path, [.writeOnly, .create, .exclusive])
    let reader = try Files.open(path, .readOnly)
    try Files.unlink(path)
    try writer.writeAll(bytes)
    return reader
}
