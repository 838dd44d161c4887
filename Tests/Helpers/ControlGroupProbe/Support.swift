import CLinux
import ControlGroups
import Glibc
import LinuxKernel

/// The settings of one call.
struct Request {
    var path: String
    var settings: [String]
    var program: [String]

    func values(_ key: String) -> [String] {
        settings.compactMap { $0.hasPrefix(key + "=") ? String($0.dropFirst(key.count + 1)) : nil }
    }

    /// Control files to print.
    var show: [String] { values("show") }
    /// Settings to apply later, "a:b,c:d" each.
    var updates: [[String]] {
        values("then").map { $0.split(separator: ",").map { String($0.map { $0 == ":" ? "=" : $0 }) } }
    }

    func limits() throws -> ResourceLimits { try Self.limits(settings) }

    static func limits(_ settings: [String]) throws -> ResourceLimits {
        var limits = ResourceLimits()
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            let value = parts[1]
            switch parts[0] {
            case "memory": limits.memory.limit = Int64(value)
            case "swap": limits.memory.swap = Int64(value)
            case "check": limits.memory.checkBeforeUpdate = value == "1"
            case "swappiness": limits.memory.swappiness = UInt64(value)
            case "pids": limits.pids = Int64(value)
            case "shares": limits.cpu.shares = UInt64(value)
            case "quota": limits.cpu.quota = Int64(value)
            case "period": limits.cpu.period = UInt64(value)
            case "burst": limits.cpu.burst = UInt64(value)
            case "cpus": limits.cpu.cpus = value
            case "mems": limits.cpu.mems = value
            case "weight": limits.blockIO.weight = UInt16(value)
            case "hugepages": limits.hugepages.append(HugepageLimit(pageSize: "2MB", limit: UInt64(value) ?? 0))
            case "deny": limits.devices.append(try rule(value, allow: false))
            case "allow": limits.devices.append(try rule(value, allow: true))
            case "file":
                let pair = value.split(separator: ":", maxSplits: 1).map(String.init)
                limits.unified[pair[0]] = pair[1]
            default: break
            }
        }
        return limits
    }

    /// "c/1/3/rw", "a///".
    private static func rule(_ text: String, allow: Bool) throws -> DeviceRule {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let kind = DeviceRule.Kind(rawValue: parts[0]),
            let access = DeviceRule.Access(letters: parts[3])
        else { throw Probe.Failure("rule \(text)") }
        return DeviceRule(allow: allow, kind: kind, major: UInt32(parts[1]), minor: UInt32(parts[2]), access: access)
    }
}

extension Files {
    /// A file with its lines joined by ";".
    static func oneLine(_ path: String) -> String {
        ((try? readLine(path)) ?? "absent").split(separator: "\n").joined(separator: ";")
    }
}

extension Probe {
    static func show(_ group: ControlGroup, _ file: String) throws -> String {
        let controller = String(file.prefix { $0 != "." })
        guard let directory = group.directory(of: controller) ?? group.directories.last else { return "absent" }
        return Files.oneLine(directory + "/" + file)
    }

    /// Clones a child that joins the group and executes the program.
    static func start(_ program: [String], in group: ControlGroup) throws -> Int32 {
        let joining = try group.openJoinDescriptors()
        let strings: [UnsafeMutablePointer<CChar>?] = program.map { strdup($0) } + [nil]
        let environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin:/usr/sbin:/sbin"), nil]
        var options = berth_clone_args()
        options.exit_signal = UInt64(SIGCHLD)
        if let directory = joining.cloneInto {
            options.flags = BERTH_CLONE_INTO_CGROUP
            options.cgroup = UInt64(directory)
        }
        let child = try checked(berth_clone3(&options))
        if child == 0 {
            do {
                try joining.joinCurrentTask()
                if let path = strings[0] {
                    strings.withUnsafeBufferPointer { a in
                        environment.withUnsafeBufferPointer { e in
                            if let a = a.baseAddress, let e = e.baseAddress { _ = berth_execve(path, a, e) }
                        }
                    }
                }
            } catch {
                say("join-error", "\(error)")
            }
            _exit(127)
        }
        return Int32(child)
    }

    static func wait(_ pid: Int32) throws -> Int32 {
        var status: Int32 = 0
        try checkedUninterrupted { berth_waitpid(pid, &status, 0) }
        return status
    }

    static func report(_ status: Int32) {
        if berth_wifsignaled(status) != 0 {
            say("signal", berth_wtermsig(status))
        } else {
            say("exit", berth_wexitstatus(status))
        }
    }

    static func report(_ statistics: GroupStatistics) throws {
        say("kills", statistics.memory.outOfMemoryKills)
        say("memory-peak", statistics.memory.peak)
        say("memory-limit", statistics.memory.limit.map { "\($0)" } ?? "none")
        say("cpu-usage", statistics.cpu.usage)
        say("throttled", statistics.cpu.throttledPeriods)
        say("pids-limit", statistics.pidsLimit.map { "\($0)" } ?? "none")
    }

    /// Whatever happened, nothing stays.
    static func finish(_ group: ControlGroup) {
        try? group.kill()
        while waitpid(-1, nil, WNOHANG) > 0 {}
        do {
            try group.remove(emptyParents: 1)
        } catch {
            say("remove-error", "\(error)")
        }
        say("gone", group.directories.allSatisfy { !Files.exists($0) })
    }

    /// User and system ticks from /proc/PID/stat.
    static func ticks(_ pid: Int32) throws -> Int {
        let text = try Files.readLine("/proc/\(pid)/stat")
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        return (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
    }

    static func isZombie(_ pid: Int32) -> Bool {
        let text = (try? Files.readLine("/proc/\(pid)/stat")) ?? ""
        return text[(text.lastIndex(of: ")") ?? text.startIndex)...].dropFirst(2).first == "Z"
    }

    static func poll(_ watch: borrowing OutOfMemoryWatch, _ milliseconds: Int32) -> Int32 {
        var entry = pollfd(fd: watch.descriptorNumber, events: Int16(watch.pollEvents), revents: 0)
        return Glibc.poll(&entry, 1, milliseconds)
    }
}

/// A pipe for one number.
struct SocketlessPipe {
    private let ends: (read: Int32, write: Int32)

    init() throws {
        var numbers: [Int32] = [0, 0]
        guard pipe(&numbers) == 0 else { throw Errno(rawValue: errno) }
        ends = (numbers[0], numbers[1])
    }

    func write(_ value: Int) {
        var value = value
        _ = Glibc.write(ends.write, &value, MemoryLayout<Int>.size)
    }

    func read() -> Int {
        var value = 0
        _ = Glibc.read(ends.read, &value, MemoryLayout<Int>.size)
        close(ends.read)
        close(ends.write)
        return value
    }
}
