import LinuxKernel

/// Reads what an overlay is made of.
struct LayerReading {
    /// Directories with more entries than this, together with those below, are not counted to the end.
    static let entryLimit = 200_000
    let hints: ExplainHints

    /// - Parameter others: the mounts of other mount namespaces, with whose they are.
    func root(_ mounts: [MountEntry], others: [(owner: String, mounts: [MountEntry])]) -> RootPart? {
        // The last mount on "/" is the one that is seen.
        guard let mount = mounts.last(where: { $0.mountPoint == "/" }) else { return nil }
        var part = RootPart(
            type: mount.type, source: mount.source, isReadOnly: mount.isReadOnly,
            isVolatile: mount.superOptions.contains { $0.elementsEqual("volatile".utf8) }, layers: [])
        guard let overlay = OverlayOptions(mount) else { return part }
        // Relative names, as some engines use them for many layers, begin beside the upper directory's own folder.
        let base = overlay.upper.map { "/" + PathText.names($0).dropLast(2).joined(separator: "/") } ?? "/"
        let isAnonymous = overlay.lower.contains { $0 == "/" || !PathText.isAbsolute($0) && overlay.upper == nil }
        let isRecorded = isAnonymous && overlay.lower.count == hints.layers.count
        for (place, text) in overlay.lower.enumerated() {
            let path: String? =
                if isRecorded { hints.layers[place] } else if text == "/" { nil } else {
                    PathText.isAbsolute(text) ? text : "\(base)/\(text)"
                }
            var layer = measured(path, isFromRecord: isRecorded)
            if let path { layer.sharedWith = users(of: text, path, isRecorded: isRecorded, others) }
            part.layers.append(layer)
        }
        part.upper = overlay.upper.map { measured($0, isFromRecord: false) }
        return part
    }

    private func users(
        of text: String, _ path: String, isRecorded: Bool, _ others: [(owner: String, mounts: [MountEntry])]
    ) -> [String] {
        if isRecorded { return hints.layerUsers[path] ?? [] }
        var found: [String] = []
        for other in others where !found.contains(other.owner) {
            if other.mounts.contains(where: { OverlayOptions($0)?.lower.contains(text) == true }) {
                found.append(other.owner)
            }
        }
        return found
    }

    private func measured(_ path: String?, isFromRecord: Bool) -> RootPart.Layer {
        var layer = RootPart.Layer(
            path: path, isFromRecord: isFromRecord, entries: 0, isCutShort: false, sharedWith: [])
        guard let path, let top = try? Files.open(path, [.readOnly, .directory]), let status = try? top.status() else {
            return layer
        }
        var total = Total(device: status.device)
        walk(top.rawValue, &total)
        layer.bytes = total.bytes
        layer.entries = total.entries
        layer.isCutShort = total.entries >= Self.entryLimit
        return layer
    }

    private struct Total {
        let device: UInt64
        var bytes: Int64 = 0
        var entries = 0
        /// Files with several names count once.
        var seen = Set<UInt64>()
    }

    /// Counts below a directory, without following a link and without leaving the file system.
    private func walk(_ parent: Int32, _ total: inout Total, depth: Int = 0) {
        guard depth < 200, let directory = try? Files.open(at: parent, ".", [.readOnly, .directory]),
            let entries = try? directory.directoryEntries()
        else { return }
        for entry in entries {
            guard total.entries < Self.entryLimit else { return }
            guard let status = try? Files.status(at: directory.rawValue, entry.name) else { continue }
            total.entries += 1
            if status.linkCount < 2 || status.kind == .directory || total.seen.insert(status.inode).inserted {
                total.bytes += status.allocatedSize
            }
            guard status.kind == .directory, status.device == total.device,
                let below = try? Files.open(at: directory.rawValue, entry.name, [.readOnly, .directory, .noFollow])
            else { continue }
            walk(below.rawValue, &total, depth: depth + 1)
        }
    }
}
