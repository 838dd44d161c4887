import Glibc
import LinuxKernel

// The way to an entry's directory, and whiteouts.

extension LayerApplication {
    /// Makes the directory at `path` the top of the stack. Links on the way are followed inside the root; what is
    /// missing is made.
    func enter(_ path: ArraySlice<ArraySlice<UInt8>>, for entry: TarEntry) throws(Errno) {
        let path = Array(path)
        let common = stack.commonPrefix(path)
        try stack.shrink(to: common)
        var queue = Array(path[common...].reversed())
        var links = 0
        while let part = queue.popLast() {
            if part.elementsEqual("..".utf8) {
                if stack.levels.count > 1 { try stack.shrink(to: stack.levels.count - 2) }
                continue
            }
            let name = Array(part)
            switch try relay({ () throws(ArchiveError) in try stack.push(name, entry: entry.path.bytes) }) {
            case .entered: continue
            case .missing: try makeImplied(name, for: entry)
            case .notDirectory:
                let status = try Files.status(at: stack.number, PathBytes(name))
                if status.kind == .symbolicLink {
                    links += 1
                    // As many as the kernel follows in one path.
                    guard links <= 40 else { throw .tooManySymbolicLinks }
                    let text = try Files.readLink(at: stack.number, PathBytes(name)).bytes
                    if text.first == UInt8(ascii: "/") { try stack.shrink(to: 0) }
                    queue.append(contentsOf: LayerPath.linkComponents(text).reversed())
                } else if OverlayMark.isWhiteout(status) {
                    try Files.unlink(at: stack.touch(), PathBytes(name))
                    try Files.makeDirectory(at: stack.touch(), PathBytes(name), mode: 0o700)
                    try stepIn(name, entry)
                    try dressTop(Metadata(impliedFor: entry), clearing: false)
                    try markOpaque()
                } else {
                    throw fail(.entry(entry.path.bytes, "\(quoted(name)) on its path is not a directory"))
                }
            }
        }
    }

    /// Makes a directory that the layer has no entry for. As it covers the one of lower layers, it takes over that one's
    /// owner, mode, time and attributes; without one it is root's, 0755, as old as the entry that needs it.
    private func makeImplied(_ name: [UInt8], for entry: TarEntry) throws(Errno) {
        var metadata = Metadata(impliedFor: entry)
        if !stack.top.isOpaque {
            summary.dependsOnLower = true
            if let found = try lowers().lookup(stack.components + [name]), found.status.kind == .directory {
                metadata = try Metadata(found)
            }
        }
        try Files.makeDirectory(at: stack.touch(), PathBytes(name), mode: 0o700)
        try stepIn(name, entry)
        try dressTop(metadata, clearing: false)
    }

    /// The directory on top of the stack hides what lower layers have there.
    func markOpaque() throws(Errno) {
        if stack.top.isOpaque { return }
        if stack.levels.count == 1 {
            summary.hidesLower = true
        } else {
            try stack.top.handle?.descriptor.setExtendedAttribute(OverlayMark.opaque, OverlayMark.yes)
        }
        stack.top.isOpaque = true
        stack.hasOpaque = true
        guard hasWhiteouts else { return }
        // Overlayfs does not merge an opaque directory, and shows its whiteouts as broken names.
        for child in try stack.top.handle?.descriptor.directoryEntries() ?? [] where child.type == 2 /* DT_CHR */ {
            if OverlayMark.isWhiteout(try Files.status(at: stack.number, child.name)) {
                try Files.unlink(at: stack.touch(), child.name)
            }
        }
    }

    /// A name of lower layers is gone. What this layer itself has put there, before or after, stays: a whiteout is
    /// about lower layers only.
    func hide(_ name: [UInt8]) throws(Errno) {
        if stack.top.isOpaque { return }
        do throws(Errno) {
            try Files.makeNode(at: stack.touch(), PathBytes(name), mode: UInt32(S_IFCHR))
            hasWhiteouts = true
        } catch {
            guard error == .fileExists else { throw error }
            guard try Files.status(at: stack.number, PathBytes(name)).kind == .directory else { return }
            let directory = try Files.open(at: stack.number, PathBytes(name), [.readOnly, .directory, .noFollow])
            try directory.setExtendedAttribute(OverlayMark.opaque, OverlayMark.yes)
            stack.hasOpaque = true
        }
    }
}
