/// One line of `/proc/PID/mountinfo` (proc(5)), with the parts that matter for control groups.
struct MountTableEntry: Sendable, Equatable {
    var id: Int
    var parent: Int
    /// Where in the mounted file system the mount begins: not "/" inside a container without a cgroup namespace.
    var root: String
    var mountPoint: String
    /// Whether it is `cgroup2`, else `cgroup`.
    var isUnified: Bool
    /// The file system's own options: on cgroup v1 the controllers.
    var superOptions: [String]
}

/// The cgroup mounts of a mount namespace that can be reached. A mount under one that was mounted over it later is still
/// listed in mountinfo and cannot be.
struct MountTable: Sendable {
    /// In the table's order.
    let visibleControlGroupMounts: [MountTableEntry]

    /// Any line: what is needed to know what covers what. Paths stay in the kernel's escaped form, which compares as well.
    private struct Line {
        var id: Int
        var parent: Int
        var mountPoint: ArraySlice<UInt8>
        var text: ArraySlice<UInt8>
        var isControlGroup: Bool
    }

    /// Reads the text of mountinfo. Lines that are not of its form are left out.
    init(parsing text: [UInt8]) {
        var lines: [Line] = []
        var start = text.startIndex
        while start < text.endIndex {
            let end = text[start...].firstIndex(of: 10) ?? text.endIndex
            if let line = Self.line(text[start..<end]) { lines.append(line) }
            start = end + 1
        }
        var found: [MountTableEntry] = []
        for line in lines where line.isControlGroup && Self.isVisible(line, lines) {
            if let entry = Self.entry(line) { found.append(entry) }
        }
        visibleControlGroupMounts = found
    }

    // MARK: Parsing

    private static func line(_ text: ArraySlice<UInt8>) -> Line? {
        // 36 35 98:0 /root /mount/point rw,noatime [optional…] - type source super-options
        var place = text.startIndex
        guard let id = number(text, &place), let parent = number(text, &place) else { return nil }
        for _ in 0..<2 { guard field(text, &place) != nil else { return nil } }
        guard let point = field(text, &place) else { return nil }
        return Line(
            id: id, parent: parent, mountPoint: point, text: text, isControlGroup: isControlGroup(text[place...]))
    }

    private static func field(_ text: ArraySlice<UInt8>, _ place: inout Int) -> ArraySlice<UInt8>? {
        guard place < text.endIndex, let end = text[place...].firstIndex(of: 32), end > place else { return nil }
        defer { place = end + 1 }
        return text[place..<end]
    }

    private static func number(_ text: ArraySlice<UInt8>, _ place: inout Int) -> Int? {
        guard let digits = field(text, &place), digits.count <= 10 else { return nil }
        var value = 0
        for byte in digits {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        return value
    }

    /// Whether the fields behind the dash begin with "cgroup".
    private static func isControlGroup(_ rest: ArraySlice<UInt8>) -> Bool {
        var place = rest.startIndex
        while place + 8 < rest.endIndex {
            // "- cgroup"
            if rest[place] == 45, rest[place + 1] == 32 {
                return rest[(place + 2)...].starts(with: [99, 103, 114, 111, 117, 112])
            }
            guard let space = rest[place...].firstIndex(of: 32) else { return false }
            place = space + 1
        }
        return false
    }

    private static func entry(_ line: Line) -> MountTableEntry? {
        let fields = line.text.split(separator: 32)
        guard fields.count >= 9, let dash = fields[6...].firstIndex(where: { $0.elementsEqual([45]) }),
            dash + 2 < fields.count
        else { return nil }
        let type = String(decoding: fields[dash + 1], as: UTF8.self)
        guard type == "cgroup" || type == "cgroup2" else { return nil }
        var options: [String] = []
        if type == "cgroup", dash + 3 < fields.count {
            options = fields[dash + 3].split(separator: 44).map { String(decoding: $0, as: UTF8.self) }
        }
        return MountTableEntry(
            id: line.id, parent: line.parent, root: unescaped(fields[3]), mountPoint: unescaped(fields[4]),
            isUnified: type == "cgroup2", superOptions: options)
    }

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

    // MARK: What covers what

    /// Whether a walk along the mount's path ends on it.
    private static func isVisible(_ line: Line, _ lines: [Line]) -> Bool {
        // Nearly always every mount on the way is one the mount stands on, and nothing can be over it.
        var onTheWay: [Line] = []
        for other in lines where other.id != line.id && isPrefix(other.mountPoint, of: line.mountPoint) {
            onTheWay.append(other)
        }
        var below: [Int] = []
        var parent = line.parent
        while let next = onTheWay.first(where: { $0.id == parent }), !below.contains(next.id) {
            below.append(next.id)
            parent = next.parent
        }
        if onTheWay.allSatisfy({ below.contains($0.id) }) { return true }
        onTheWay.append(line)
        return end(of: line.mountPoint, onTheWay)?.id ?? line.id == line.id
    }

    /// The mount that a walk along `path` ends on.
    private static func end(of path: ArraySlice<UInt8>, _ mounts: [Line]) -> Line? {
        // The root is the mount on "/" whose parent is not in the table (or is itself).
        guard
            var current = mounts.first(where: { root in
                root.mountPoint.elementsEqual([47]) && !mounts.contains { $0.id == root.parent && $0.id != root.id }
            })
        else { return nil }
        // Every step goes to a child mount on the way; a table of n entries cannot hold a longer chain than n.
        for _ in mounts {
            var next: Line?
            for mount in mounts where mount.parent == current.id && mount.id != current.id {
                guard isPrefix(current.mountPoint, of: mount.mountPoint) else { continue }
                if let found = next, found.mountPoint.count <= mount.mountPoint.count { continue }
                next = mount
            }
            guard let next else { break }
            current = next
        }
        return current
    }

    /// Whether `directory` is `path` or one of its parents, component by component.
    static func isPrefix(_ directory: ArraySlice<UInt8>, of path: ArraySlice<UInt8>) -> Bool {
        let count = directory.count
        if count == 1, directory.first == 47 { return true }
        guard path.count >= count, path.prefix(count).elementsEqual(directory) else { return false }
        return path.count == count || path[path.startIndex + count] == 47
    }
}
