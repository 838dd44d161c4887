/// One line of `/proc/PID/mountinfo` (proc(5)), with the parts that matter for control groups.
struct MountTableEntry: Sendable, Equatable {
    var id: Int
    var parent: Int
    /// Where in the mounted file system the mount begins: not "/" inside a container without a cgroup namespace.
    var root: String
    var mountPoint: String
    var fileSystem: String
    /// The file system's own options: on cgroup v1 the controllers.
    var superOptions: [String]
}

/// A mount namespace's table, good for asking which mounts can be seen: a mount under one that was mounted over it
/// later is still listed and cannot be reached.
struct MountTable: Sendable {
    var entries: [MountTableEntry]

    /// Reads the text of mountinfo. Lines that are not of its form are left out.
    init(parsing text: [UInt8]) {
        entries = []
        for line in text.split(separator: 10) {
            if let entry = Self.entry(line) { entries.append(entry) }
        }
    }

    private static func entry(_ line: ArraySlice<UInt8>) -> MountTableEntry? {
        let fields = line.split(separator: 32, omittingEmptySubsequences: true)
        // 36 35 98:0 /root /mount/point rw,noatime [optional…] - type source super-options
        guard fields.count >= 9, let dash = fields[6...].firstIndex(where: { $0.elementsEqual([45]) }),
            dash + 2 < fields.count, let id = number(fields[0]), let parent = number(fields[1])
        else { return nil }
        let type = String(decoding: fields[dash + 1], as: UTF8.self)
        // Options are only looked at for cgroup mounts; an overlay's can be thousands of characters long.
        var options: [String] = []
        if type == "cgroup", dash + 3 < fields.count {
            options = fields[dash + 3].split(separator: 44).map { unescaped($0) }
        }
        return MountTableEntry(
            id: id, parent: parent, root: unescaped(fields[3]), mountPoint: unescaped(fields[4]), fileSystem: type,
            superOptions: options)
    }

    private static func number(_ field: ArraySlice<UInt8>) -> Int? { Int(String(decoding: field, as: UTF8.self)) }

    /// Undoes the kernel's octal escapes of space, tab, newline and backslash.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        guard field.contains(92) else { return String(decoding: field, as: UTF8.self) }
        var result: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == 92, digits.count == 3, digits.allSatisfy({ (48...55).contains($0) }) {
                let value = digits.reduce(0) { $0 * 8 + Int($1 - 48) }
                result.append(UInt8(truncatingIfNeeded: value))
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The mount that a walk along `path` ends on.
    func mount(visibleAt path: String) -> MountTableEntry? {
        let ids = Set(entries.map(\.id))
        guard
            var current = entries.first(where: {
                $0.mountPoint == "/" && !ids.contains($0.parent) || $0.id == $0.parent
            })
        else { return nil }
        // Every step goes to a child mount on the way; a table of n entries cannot hold a longer chain than n.
        for _ in entries {
            var next: MountTableEntry?
            for entry in entries where entry.parent == current.id && entry.id != current.id {
                guard Self.isPrefix(entry.mountPoint, of: path), Self.isPrefix(current.mountPoint, of: entry.mountPoint)
                else { continue }
                if let found = next, found.mountPoint.utf8.count <= entry.mountPoint.utf8.count { continue }
                next = entry
            }
            guard let next else { break }
            current = next
        }
        return current
    }

    /// Whether `directory` is `path` or one of its parents, component by component.
    static func isPrefix(_ directory: String, of path: String) -> Bool {
        if directory == "/" || directory == path { return true }
        return path.utf8.count > directory.utf8.count && path.utf8.starts(with: directory.utf8)
            && path.utf8.dropFirst(directory.utf8.count).first == 47
    }

    /// The cgroup mounts that can be reached, in the table's order.
    var visibleControlGroupMounts: [MountTableEntry] {
        entries.filter { entry in
            guard entry.fileSystem == "cgroup" || entry.fileSystem == "cgroup2" else { return false }
            guard let seen = mount(visibleAt: entry.mountPoint) else { return true }
            return seen.id == entry.id
        }
    }
}
