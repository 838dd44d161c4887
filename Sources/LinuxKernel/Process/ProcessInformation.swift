import CLinux
import Glibc

/// What procfs says of processes.
public enum ProcessInformation {
    /// When a process started, in clock ticks since boot (`proc_pid_stat(5)`, field 22); nil when there is none.
    public static func startTime(of pid: Int32) -> UInt64? {
        guard let line = try? Files.readLine("/proc/\(pid)/stat"), let close = line.lastIndex(of: ")") else { return nil }
        // The name in parentheses may hold anything: fields are counted after its end.
        let fields = line[line.index(after: close)...].split(separator: " ")
        return fields.count > 19 ? UInt64(fields[19]) : nil
    }

    /// Whether a process exists and has not ended (a zombie has).
    public static func isAlive(_ pid: Int32) -> Bool {
        guard let line = try? Files.readLine("/proc/\(pid)/stat"), let close = line.lastIndex(of: ")") else { return false }
        let state = line[line.index(after: close)...].split(separator: " ").first
        return state != "Z" && state != "X"
    }

    /// A process's name (`comm`), also of one that has ended and is not reaped yet.
    public static func name(of pid: Int32) -> String? { try? Files.readLine("/proc/\(pid)/comm") }
}

/// What `ps` shows of this process.
public enum ProcessTitle {
    /// Sets the name, and writes other arguments over the ones this process was started with, as far as they fit.
    public static func set(_ name: String, arguments: [String]) {
        _ = name.withCString { berth_prctl(PR_SET_NAME, UInt64(UInt(bitPattern: $0)), 0, 0, 0) }
        let vector = Swift.CommandLine.unsafeArgv
        guard Swift.CommandLine.argc > 0, let first = vector[0], let last = vector[Int(Swift.CommandLine.argc) - 1] else { return }
        let room = last + strlen(last) - first
        var text = Array(arguments.joined(separator: "\0").utf8.prefix(room))
        text += [UInt8](repeating: 0, count: room - text.count)
        text.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { memcpy(first, base, room) }
        }
    }
}
