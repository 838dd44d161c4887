/// One mount of a process's mount namespace: a line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
public struct MountEntry: Sendable, Equatable {
    /// The mount's number.
    public var id: UInt64
    /// The number of the mount it stands on.
    public var parent: UInt64
    /// The file system's device, "254:0".
    public var device: String
    /// Where in that file system the mount begins.
    public var root: String
    /// Where it stands, as the process sees it.
    public var mountPoint: String
    /// The mount's own flags: "ro", "nosuid".
    public var options: [String]
    /// How mounts propagate: "shared:12", "master:3"; empty is private.
    public var propagation: [String]
    /// The kind of file system.
    public var type: String
    /// What it was mounted from; "none" for most that have no device.
    public var source: String
    /// The file system's options. Escapes are still in them, for a comma inside a value is one.
    public var superOptions: [[UInt8]]

    /// Whether nothing can be written through it.
    public var isReadOnly: Bool { options.contains("ro") }

    /// Reads the whole file. Lines of another form are left out.
    public static func all(parsing text: [UInt8]) -> [MountEntry] {
        text.split(separator: 10).compactMap { MountEntry(line: $0) }
    }

    init?(line: ArraySlice<UInt8>) {
        // 36 35 98:0 /root /mount/point rw,noatime [optional…] - type source super-options
        let fields = line.split(separator: 32, omittingEmptySubsequences: false)
        guard fields.count >= 9, let id = KernelText.number(fields[0]), let parent = KernelText.number(fields[1]),
            let dash = fields[6...].firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
            dash + 2 < fields.count
        else { return nil }
        self.id = id
        self.parent = parent
        device = KernelText.text(fields[2])
        root = KernelText.text(fields[3])
        mountPoint = KernelText.text(fields[4])
        options = fields[5].split(separator: 44).map { KernelText.text($0) }
        propagation = fields[6..<dash].map { KernelText.text($0) }
        type = KernelText.text(fields[dash + 1])
        source = KernelText.text(fields[dash + 2])
        superOptions = dash + 3 < fields.count ? fields[dash + 3].split(separator: 44).map { Array($0) } : []
    }

    /// The values of one of the file system's options, in order: `lowerdir+` may stand many times.
    func superValues(_ name: String) -> [[UInt8]] {
        let start = Array((name + "=").utf8)
        return superOptions.filter { $0.starts(with: start) }.map { KernelText.unescaped($0.dropFirst(start.count)) }
    }
}
