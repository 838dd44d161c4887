import Archive
import Glibc
import LinuxKernel

/// Writes a file or a directory with everything in it as a tar, by descriptor: no link inside is followed.
struct TreePacking {
    private let writer: TarWriter
    private var links: [Identity: PathBytes] = [:]
    private let root: Int32?

    private struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// - Parameter followsLink: whether a link as the last name stands for what it leads to.
    static func pack(_ place: CopyPlace, followsLink: Bool, to sink: any ByteSink) throws {
        var packing = TreePacking(writer: TarWriter(sink), root: place.root)
        let shown = ContainerRegistry.printable(place.path)
        do {
            let isWhole = place.name.isEmpty || place.name == ".."
            if isWhole || place.saysDirectory || followsLink {
                let opened = try place.open(place.saysDirectory ? [.pathOnly, .directory] : .pathOnly)
                let name = isWhole ? PathBytes(".") : PathBytes(place.name)
                try packing.add(name, try opened.status(), reopen: opened.rawValue)
            } else {
                let parent = try place.parent.open([.pathOnly, .directory])
                let status = try Files.status(at: parent.rawValue, PathBytes(place.name))
                try packing.add(PathBytes(place.name), status, in: parent.rawValue, PathBytes(place.name))
                withExtendedLifetime(parent) {}
            }
        } catch let error as Errno {
            if error == .noSuchFile { throw EngineError("Could not find the file \(shown)") }
            throw EngineError("read", shown, error)
        }
        try packing.writer.finish()
    }

    /// What an `O_PATH` descriptor stands for.
    private mutating func add(_ name: PathBytes, _ status: FileStatus, reopen: Int32) throws {
        if status.kind == .directory {
            try writer.begin(entry(name, status, .directory))
            return try addContent(name, try Files.open(at: reopen, ".", [.readOnly, .directory]))
        }
        // The way back to a file by its descriptor; the link in proc is the kernel's own.
        try add(name, status, in: WorkingDirectory.rawValue, PathBytes("/proc/self/fd/\(reopen)"), isMagic: true)
    }

    private mutating func add(
        _ name: PathBytes, _ status: FileStatus, in directory: Int32, _ last: PathBytes, isMagic: Bool = false
    ) throws {
        if status.linkCount > 1, status.kind != .directory {
            let identity = Identity(device: status.device, inode: status.inode)
            if let first = links[identity] {
                var link = entry(name, status, .hardLink)
                link.linkTarget = first
                return try writer.begin(link)
            }
            links[identity] = name
        }
        switch status.kind {
        case .directory:
            try writer.begin(entry(name, status, .directory))
            try addContent(name, try Files.open(at: directory, last, [.readOnly, .directory, .noFollow]))
        case .regular:
            let file = try Files.open(
                at: directory, last, isMagic ? [.readOnly, .nonBlocking] : [.readOnly, .noFollow, .nonBlocking])
            try addFile(name, file)
        case .symbolicLink:
            var link = entry(name, status, .symbolicLink)
            link.linkTarget = try Files.readLink(at: directory, last)
            try writer.begin(link)
        case .fifo: try writer.begin(entry(name, status, .fifo))
        case .characterDevice:
            let (major, minor) = status.deviceNumber
            try writer.begin(entry(name, status, .characterDevice(major: major, minor: minor)))
        case .blockDevice:
            let (major, minor) = status.deviceNumber
            try writer.begin(entry(name, status, .blockDevice(major: major, minor: minor)))
        case .socket, .unknown: return
        }
    }

    private mutating func addContent(_ name: PathBytes, _ directory: borrowing FileDescriptor) throws {
        let number = directory.rawValue
        for item in try directory.directoryEntries().sorted(by: {
            $0.name.bytes.lexicographicallyPrecedes($1.name.bytes)
        }) {
            // Removed meanwhile: as if it had never been.
            guard let status = try? Files.status(at: number, item.name) else { continue }
            try add(PathBytes(name.bytes + [UInt8(ascii: "/")] + item.name.bytes), status, in: number, item.name)
        }
    }

    /// A file that grows or shrinks meanwhile has the length it had at first.
    private func addFile(_ name: PathBytes, _ file: borrowing FileDescriptor) throws {
        let status = try file.status()
        guard status.kind == .regular else { return }
        var entry = entry(name, status, .regular)
        entry.size = status.size
        try writer.begin(entry)
        var left = Int(status.size)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while left > 0 {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)])
            var count = try file.read(into: part)
            if count == 0 {
                part.initializeMemory(as: UInt8.self, repeating: 0)
                count = part.count
            }
            try writer.writeContent(UnsafeRawBufferPointer(rebasing: part[..<count]))
            left -= count
        }
    }

    private func entry(_ name: PathBytes, _ status: FileStatus, _ kind: TarEntry.Kind) -> TarEntry {
        TarEntry(
            path: name, kind: kind, mode: status.permissions, uid: status.uid, gid: status.gid, size: 0,
            modificationTime: FileTime(seconds: status.modificationSeconds))
    }
}
