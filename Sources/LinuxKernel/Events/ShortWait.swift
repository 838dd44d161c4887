import CLinux
import Glibc

/// Bounded waiting for kernel states that have no event of their own.
public enum ShortWait {
    /// Sleeps for `microseconds` (`nanosleep(2)`); a signal may end it early.
    public static func sleep(microseconds: Int) {
        var time = timespec(tv_sec: microseconds / 1_000_000, tv_nsec: (microseconds % 1_000_000) * 1000)
        _ = nanosleep(&time, nil)
    }

    /// Microseconds of the monotonic clock.
    public static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }
}

/// Signals by process id, for members of a group that is known to hold them.
public enum ProcessSignal {
    /// The signal that cannot be caught.
    public static let kill: Int32 = SIGKILL

    /// Sends `signal` to `pid` (`kill(2)`). Only positive ids: 0 and below would mean whole process groups.
    public static func send(_ signal: Int32, to pid: Int32) throws(Errno) {
        guard pid > 0 else { throw .invalidArgument }
        try checked(berth_result(Int64(Glibc.kill(pid, signal))))
    }
}
