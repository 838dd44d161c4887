/// One line of `/proc/PID/cgroup` (cgroups(7)): where a process is in one hierarchy.
public struct GroupMembership: Sendable, Equatable {
    /// Version 1: what the hierarchy carries, "memory" or "name=systemd". Version 2: empty.
    public var controllers: [String]
    /// The group, as seen from this program's own root of the view; `/..` leads out of it.
    public var path: String
    /// Whether it is the one of version 2.
    public var isUnified: Bool

    /// Reads the whole file. Lines of another form are left out; a path may hold colons.
    public static func all(parsing text: [UInt8]) -> [GroupMembership] {
        text.split(separator: 10).compactMap { line in
            let fields = line.split(separator: 58, maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let number = KernelText.number(fields[0]), fields[2].first == UInt8(ascii: "/")
            else { return nil }
            return GroupMembership(
                controllers: fields[1].split(separator: 44).map { String(decoding: $0, as: UTF8.self) },
                path: String(decoding: fields[2], as: UTF8.self), isUnified: number == 0 && fields[1].isEmpty)
        }
    }

    /// The names on the path.
    var names: [String] { path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) } }
}
