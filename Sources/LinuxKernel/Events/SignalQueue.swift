import CLinux
import Glibc

/// Signals taken as readable events instead of handlers (`signalfd(2)`). The signals are blocked while this lives;
/// a child must unblock them before it executes another program.
public struct SignalQueue: ~Copyable {
    /// Readable when a signal waits.
    public let descriptor: FileDescriptor

    /// Blocks these signals and queues them here.
    public init(_ signals: [Int32]) throws(Errno) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        try checked(berth_result(Int64(sigprocmask(SIG_BLOCK, &set, nil))))
        descriptor = FileDescriptor(
            owning: Int32(try checked(berth_result(Int64(signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK)))))))
    }

    /// The next waiting signal, nil when none waits.
    public func next() -> Int32? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        let count = withUnsafeMutableBytes(of: &info) { Glibc.read(descriptor.rawValue, $0.baseAddress, size) }
        return count == size ? Int32(info.ssi_signo) : nil
    }
}

/// The process's signal dispositions.
public enum Signals {
    /// Every signal to its default and none blocked: what a program expects at its start.
    public static func resetAll() {
        for number in Int32(1)...64 where number != SIGKILL && number != SIGSTOP { _ = berth_signal_default(number) }
        _ = berth_sigprocmask_all(SIG_UNBLOCK)
    }

    /// Ignores a signal.
    public static func ignore(_ number: Int32) { _ = berth_signal_ignore(number) }

    /// The names without `SIG`, by number (x86-64 and arm64 agree).
    public static let names: [Int32: String] = [
        1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1",
        11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 16: "STKFLT", 17: "CHLD", 18: "CONT", 19: "STOP",
        20: "TSTP", 21: "TTIN", 22: "TTOU", 23: "URG", 24: "XCPU", 25: "XFSZ", 26: "VTALRM", 27: "PROF", 28: "WINCH",
        29: "IO", 30: "PWR", 31: "SYS",
    ]

    /// The number of `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `RTMAX-1`, nil for what is none.
    public static func number(_ text: String) -> Int32? {
        if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        if let match = names.first(where: { $0.value == name }) { return match.key }
        let aliases: [String: Int32] = ["IOT": 6, "CLD": 17, "POLL": 29, "RTMIN": 34, "RTMAX": 64]
        if let number = aliases[name] { return number }
        if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) { return 34 + offset }
        if name.hasPrefix("RTMAX-"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) { return 64 - offset }
        return nil
    }
}
