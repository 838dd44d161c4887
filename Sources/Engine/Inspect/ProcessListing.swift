import ControlGroups
import Glibc
import LinuxKernel

/// A process of a container, as the host sees it.
public struct ContainerProcess: Sendable {
    public var pid: Int32
    public var parent: Int32
    public var user: String
    public var state: String
    /// Seconds since 1970.
    public var started: Int64
    /// Seconds of processor time.
    public var processorTime: Int64
    /// Percent of its life.
    public var share: Double
    public var terminal: String
    /// KiB.
    public var virtual: Int64
    public var resident: Int64
    public var nice: Int
    public var name: String
    public var command: String

    /// Reads one from `/proc`; nil for one that has ended.
    init?(pid: Int32, users: UserDatabase, boot: Int64) {
        guard let line = try? Files.readLine("/proc/\(pid)/stat"), let open = line.firstIndex(of: "("),
            let close = line.lastIndex(of: ")"), open < close
        else { return nil }
        let fields = line[line.index(after: close)...].split(separator: " ").map(String.init)
        guard fields.count > 21 else { return nil }
        func number(_ index: Int) -> Int64 { Int64(fields[index]) ?? 0 }
        let ticks = Int64(sysconf(Int32(_SC_CLK_TCK)))
        self.pid = pid
        name = String(line[line.index(after: open)..<close])
        state = fields[0]
        parent = Int32(truncatingIfNeeded: number(1))
        terminal = number(4) == 0 ? "?" : Self.terminal(number(4))
        processorTime = (number(11) + number(12)) / ticks
        nice = Int(number(16))
        started = boot + number(19) / ticks
        let alive = max(1, WallClock.seconds() - started)
        share = Double(number(11) + number(12)) / Double(ticks) * 100 / Double(alive)
        virtual = number(20) / 1024
        resident = number(21) * Int64(sysconf(Int32(_SC_PAGESIZE))) / 1024
        let uid = (try? Files.status("/proc/\(pid)").uid) ?? 0
        user = users.users.first { $0.uid == uid }?.name ?? String(uid)
        let words = ((try? Files.read("/proc/\(pid)/cmdline", limit: 64 << 10)) ?? []).split(separator: 0)
        command =
            words.isEmpty
            ? "[\(name)]" : words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    /// `pts/3` or `tty1` of a device number (`proc_pid_stat(5)`, field 7).
    private static func terminal(_ device: Int64) -> String {
        let major = device >> 8 & 0xFFF, minor = device & 0xFF | device >> 12 & 0xFFF00
        return (136...143).contains(major) ? "pts/\((major - 136) * 256 + minor)" : major == 4 ? "tty\(minor)" : "?"
    }
}

extension Engine {
    /// `top`: the processes of a running container, in the order of their numbers.
    public func processes(_ text: String) throws(EngineError) -> [ContainerProcess] {
        let (record, state, directory) = try inspectStarted(text)
        guard state.status == .running else { throw EngineError("container \(record.id) is not running") }
        let users = UserDatabase(passwd: (try? Files.read("/etc/passwd", limit: 4 << 20)) ?? [], group: [])
        var boot: Int64 = 0
        for line in ((try? Files.read("/proc/stat", limit: 4 << 20)) ?? []).split(separator: 10)
        where line.starts(with: "btime ".utf8) {
            boot = Int64(String(decoding: line.dropFirst(6), as: UTF8.self)) ?? 0
        }
        do {
            let group = try ControlGroup.open(host: HostControlGroups.detect(), path: directory.payloadGroup)
            return try group.processes().sorted().compactMap { ContainerProcess(pid: $0, users: users, boot: boot) }
        } catch {
            throw EngineError("cannot list the processes of container \(record.name): \(error)")
        }
    }
}
