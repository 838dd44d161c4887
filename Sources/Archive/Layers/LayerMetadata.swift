import Glibc
import LinuxKernel

/// Owner, mode, time and attributes of something a layer makes.
struct Metadata {
    var uid: UInt32
    var gid: UInt32
    var mode: UInt32
    var time: FileTime
    var attributes: [TarEntry.Attribute]

    /// What an entry says.
    init(_ entry: TarEntry) {
        uid = entry.uid
        gid = entry.gid
        mode = entry.mode
        time = entry.modificationTime
        attributes = entry.attributes
    }

    /// What a directory gets that only exists because an entry lies in it.
    init(impliedFor entry: TarEntry) {
        uid = 0
        gid = 0
        mode = 0o755
        time = entry.modificationTime
        attributes = []
    }

    /// What a file of a lower layer has.
    init(_ found: LowerTree.Found) throws(Errno) {
        uid = found.uid
        gid = found.gid
        mode = found.status.permissions
        time = found.status.modified
        attributes = try found.attributes()
    }
}

extension LayerApplication {
    private func note(_ metadata: Metadata) {
        summary.highestUID = max(summary.highestUID, metadata.uid)
        summary.highestGID = max(summary.highestGID, metadata.gid)
    }

    private func needsOwner(_ metadata: Metadata, parent: DirectoryStack.Level) -> Bool {
        metadata.uid != 0 || metadata.gid != 0 || parent.passesGroup || !makesRootFiles
    }

    // The order matters: a change of owner clears set-id bits and file capabilities, a write clears them too, and
    // everything but the times themselves sets the times.

    /// Dresses a new regular file.
    func dress(_ file: borrowing FileDescriptor, _ metadata: Metadata) throws(Errno) {
        note(metadata)
        action = "its owner or mode cannot be set"
        if needsOwner(metadata, parent: stack.top) { try file.changeOwner(uid: metadata.uid, gid: metadata.gid) }
        try file.changeMode(metadata.mode)
        for attribute in metadata.attributes where !Self.isHostPolicy(attribute.name) {
            do throws(Errno) { try file.setExtendedAttribute(attribute.name, attribute.value) } catch {
                try judge(error, attribute)
            }
        }
        try file.setModificationTime(metadata.time)
    }

    /// Dresses the directory on top of the stack. Its time is set when it is left.
    func dressTop(_ metadata: Metadata, clearing: Bool) throws(Errno) {
        note(metadata)
        action = "its owner or mode cannot be set"
        _ = stack.touch()
        let level = stack.top
        guard let handle = level.handle else { throw .badFileDescriptor }
        try handle.descriptor.changeOwner(uid: metadata.uid, gid: metadata.gid)
        try handle.descriptor.changeMode(metadata.mode)
        level.passesGroup = metadata.mode & 0o2000 != 0
        level.time = metadata.time
        if clearing {
            for name in try handle.descriptor.extendedAttributeNames()
            where !OverlayMark.owns(name) && !Self.isHostPolicy(name) {
                try handle.descriptor.removeExtendedAttribute(name)
            }
        }
        for attribute in metadata.attributes where !Self.isHostPolicy(attribute.name) {
            do throws(Errno) { try handle.descriptor.setExtendedAttribute(attribute.name, attribute.value) } catch {
                try judge(error, attribute)
            }
        }
    }

    /// Dresses a new link, device or fifo, which cannot be opened: by name, which nobody else can change.
    func dress(_ name: [UInt8], _ metadata: Metadata, isLink: Bool) throws(Errno) {
        note(metadata)
        action = "its owner or mode cannot be set"
        let directory = stack.number
        if needsOwner(metadata, parent: stack.top) {
            try Files.changeOwner(at: directory, PathBytes(name), uid: metadata.uid, gid: metadata.gid)
        }
        if !isLink {
            // fchmod(2) takes no O_PATH descriptor before Linux 6.6; procfs's link to it is followed to the node itself.
            let node = try Files.open(at: directory, PathBytes(name), [.pathOnly, .noFollow])
            try Files.changeMode(at: WorkingDirectory.rawValue, node.procPath, mode: metadata.mode)
        }
        for attribute in metadata.attributes where !Self.isHostPolicy(attribute.name) {
            do throws(Errno) {
                try Files.setExtendedAttribute(at: directory, PathBytes(name), attribute.name, attribute.value)
            } catch {
                // `user.` attributes exist for files and directories only (xattr(7)).
                if error == .notPermitted, attribute.name.bytes.starts(with: "user.".utf8) { continue }
                try judge(error, attribute)
            }
        }
        try Files.setModificationTime(at: directory, PathBytes(name), metadata.time)
    }

    /// Attributes by which the host's security modules work: an image has no say in them.
    private static func isHostPolicy(_ name: PathBytes) -> Bool {
        switch name {
        case "security.selinux", "security.ima", "security.evm", "security.apparmor": true
        default: name.bytes.starts(with: "security.SMACK64".utf8)
        }
    }

    /// A file system without such attributes loses them quietly, as with every other engine; but not capabilities,
    /// without which a program of the image would not work.
    private func judge(_ error: Errno, _ attribute: TarEntry.Attribute) throws(Errno) {
        if error == .notSupported, attribute.name != "security.capability" { return }
        action = "its attribute \(quoted(attribute.name.bytes)) cannot be set"
        throw error
    }
}
