import CLinux
import Glibc

/// Mount attributes (`mount_setattr(2)`), the per-mount part of what `mount(8)` calls options.
public struct MountAttributes: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let readOnly = MountAttributes(rawValue: BERTH_MOUNT_ATTR_RDONLY)
    public static let noSetID = MountAttributes(rawValue: BERTH_MOUNT_ATTR_NOSUID)
    public static let noDevices = MountAttributes(rawValue: BERTH_MOUNT_ATTR_NODEV)
    public static let noExecute = MountAttributes(rawValue: BERTH_MOUNT_ATTR_NOEXEC)
    public static let noAccessTime = MountAttributes(rawValue: BERTH_MOUNT_ATTR_NOATIME)
    public static let strictAccessTime = MountAttributes(rawValue: BERTH_MOUNT_ATTR_STRICTATIME)
    public static let noDirectoryAccessTime = MountAttributes(rawValue: BERTH_MOUNT_ATTR_NODIRATIME)
    public static let noSymbolicLinks = MountAttributes(rawValue: BERTH_MOUNT_ATTR_NOSYMFOLLOW)
    /// All bits that say when access times change; cleared before one of them is set.
    public static let accessTimeMask = MountAttributes(rawValue: BERTH_MOUNT_ATTR_ATIME_MASK)
    /// The mount shows ids through a user namespace's map.
    static let idMapped = MountAttributes(rawValue: BERTH_MOUNT_ATTR_IDMAP)
}

/// How mounts and unmounts travel between copies of a mount (`mount_namespaces(7)`).
public enum MountPropagation: Sendable {
    case `private`, slave, shared, unbindable

    var flag: UInt64 {
        switch self {
        case .private: UInt64(MS_PRIVATE)
        case .slave: UInt64(MS_SLAVE)
        case .shared: UInt64(MS_SHARED)
        case .unbindable: UInt64(MS_UNBINDABLE)
        }
    }
}

/// A mount that hangs nowhere yet: it vanishes with its descriptor unless it is attached. So nothing leaks,
/// whatever is killed when.
public struct DetachedMount: ~Copyable, Sendable {
    /// The mount's root directory, usable as a directory descriptor before and after attaching.
    public let root: FileDescriptor

    /// Takes over a descriptor from `fsmount(2)`, `open_tree(2)` or another process.
    public init(root: consuming FileDescriptor) { self.root = root }

    /// Clones the mount (with `recursive` the tree of mounts) at a path (`open_tree(2)`, `OPEN_TREE_CLONE`). The path
    /// may be empty to mean the descriptor itself.
    public static func clone(
        at directory: Int32 = WorkingDirectory.rawValue, _ path: some PathConvertible, recursive: Bool
    ) throws(Errno) -> DetachedMount {
        let flags = BERTH_OPEN_TREE_CLONE | BERTH_OPEN_TREE_CLOEXEC | UInt32(AT_EMPTY_PATH)
            | (recursive ? BERTH_AT_RECURSIVE : 0)
        let number = try checked(path.withPathPointer { berth_open_tree(directory, $0, flags) })
        return DetachedMount(root: FileDescriptor(owning: Int32(number)))
    }

    /// Hands over the descriptor, to be sent to another process or taken for other uses.
    public consuming func intoRoot() -> FileDescriptor { root }

    /// Changes attributes, propagation or both (`mount_setattr(2)`).
    public func setAttributes(
        set: MountAttributes = [], clear: MountAttributes = [], propagation: MountPropagation? = nil,
        recursive: Bool = false
    ) throws(Errno) {
        let flags = UInt32(AT_EMPTY_PATH) | (recursive ? BERTH_AT_RECURSIVE : 0)
        try checked(
            berth_mount_setattr(root.rawValue, "", flags, set.rawValue, clear.rawValue, propagation?.flag ?? 0, 0))
    }

    /// Shows the mount's ids through the map of a user namespace (kernel 5.12+, file system permitting: EINVAL).
    public func setIDMap(userNamespace: Int32, recursive: Bool = false) throws(Errno) {
        let flags = UInt32(AT_EMPTY_PATH) | (recursive ? BERTH_AT_RECURSIVE : 0)
        try checked(
            berth_mount_setattr(
                root.rawValue, "", flags, MountAttributes.idMapped.rawValue, 0, 0,
                UInt64(UInt32(bitPattern: userNamespace))))
    }

    /// Attaches the mount to a place given by a descriptor (`move_mount(2)`). The descriptor stays valid.
    public func attach(to place: Int32) throws(Errno) {
        let flags = BERTH_MOVE_MOUNT_F_EMPTY_PATH | BERTH_MOVE_MOUNT_T_EMPTY_PATH
        try checked(berth_move_mount(root.rawValue, "", place, "", flags))
    }

    /// Attaches the mount to a name in a directory that only the caller can change; to the directory itself without a name.
    public func attach(to directory: Int32, _ name: String) throws(Errno) {
        if name.isEmpty { try attach(to: directory) } else { try attach(name, at: directory) }
    }

    /// Attaches the mount to a path of the caller's own choosing.
    public func attach(_ path: some PathConvertible, at directory: Int32 = WorkingDirectory.rawValue) throws(Errno) {
        try checked(path.withPathPointer { berth_move_mount(root.rawValue, "", directory, $0, BERTH_MOVE_MOUNT_F_EMPTY_PATH) })
    }
}

/// A file system being configured (`fsopen(2)`).
public struct FileSystemContext: ~Copyable {
    private let context: FileDescriptor

    /// Opens a context for a file system type.
    public init(_ type: String) throws(Errno) {
        context = FileDescriptor(owning: Int32(try checked(berth_fsopen(type, BERTH_FSOPEN_CLOEXEC))))
    }

    /// Sets `key=value`.
    public func set(_ key: String, _ value: String) throws(Errno) {
        try checked(value.withCString { berth_fsconfig(context.rawValue, BERTH_FSCONFIG_SET_STRING, key, $0, 0) })
    }

    /// Sets a descriptor as a value (`FSCONFIG_SET_FD`; overlayfs takes its layers so from kernel 6.13).
    public func set(_ key: String, descriptor: Int32) throws(Errno) {
        try checked(berth_fsconfig(context.rawValue, BERTH_FSCONFIG_SET_FD, key, nil, descriptor))
    }

    /// Sets an option without a value.
    public func setFlag(_ key: String) throws(Errno) {
        try checked(berth_fsconfig(context.rawValue, BERTH_FSCONFIG_SET_FLAG, key, nil, 0))
    }

    /// Makes the super block and a detached mount of it.
    public func mount(_ attributes: MountAttributes = []) throws(Errno) -> DetachedMount {
        try checked(berth_fsconfig(context.rawValue, BERTH_FSCONFIG_CMD_CREATE, nil, nil, 0))
        let number = try checked(berth_fsmount(context.rawValue, BERTH_FSMOUNT_CLOEXEC, UInt32(attributes.rawValue)))
        return DetachedMount(root: FileDescriptor(owning: Int32(number)))
    }

    /// The kernel's own words about the last failure, empty when it left none.
    public func message() -> String {
        var lines = [String]()
        var buffer = [UInt8](repeating: 0, count: 1024)
        while true {
            let count = buffer.withUnsafeMutableBytes { berth_result(Int64(Glibc.read(context.rawValue, $0.baseAddress, $0.count))) }
            if count <= 0 { break }
            // Each record is "e text", "w text" or "i text".
            lines.append(String(decoding: buffer[..<Int(count)].dropFirst(2), as: UTF8.self))
        }
        return lines.joined(separator: "; ")
    }
}
