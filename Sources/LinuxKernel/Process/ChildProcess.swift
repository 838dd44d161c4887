import CLinux
import Glibc

/// Runs a helper program to its end: for the few things no system call does (loading a firewall text with `nft`).
/// Never on the hot path.
public enum ChildProcess {
    /// How a program ended and what it wrote.
    public struct Result: Sendable {
        /// The exit status, or 128 plus the signal that ended it.
        public let status: Int32
        /// What it wrote to standard output, cut at the limit.
        public let output: [UInt8]
        /// What it wrote to standard error, cut at the limit.
        public let errorOutput: [UInt8]
    }

    /// Where helper programs are looked for. `PATH` is the caller's and is not trusted with root's work.
    public static let searchDirectories = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]

    /// What a helper program is given: nothing of the caller's.
    public static let standardEnvironment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]

    /// The absolute path of an executable regular file called `name`, nil when there is none.
    public static func find(_ name: String) -> String? {
        for directory in searchDirectories {
            let path = "\(directory)/\(name)"
            if let status = try? Files.status(path, followLink: true), status.kind == .regular,
                status.permissions & 0o111 != 0
            {
                return path
            }
        }
        return nil
    }

    /// Runs `path` with `arguments` (the program's own name not included), feeds it `input` and collects its output.
    ///
    /// - Parameters:
    ///   - input: standard input, whole.
    ///   - environment: the whole of it, as `NAME=VALUE`.
    ///   - outputLimit: bytes kept of each output stream; what is beyond is read and dropped.
    ///   - timeLimit: milliseconds after which the program is killed.
    /// - Throws: ``Errno``; `.timedOut` when the program had to be killed.
    public static func run(
        _ path: String, _ arguments: [String], input: [UInt8] = [], environment: [String] = standardEnvironment,
        outputLimit: Int = 64 << 10, timeLimit: Int = 10_000
    ) throws(Errno) -> Result {
        // A memory file as standard input: no pipe to keep filled, no SIGPIPE when the program ends early.
        let standardInput = FileDescriptor(owning: Int32(try checked(berth_memfd_create("input", UInt32(MFD_CLOEXEC)))))
        try standardInput.writeAll(input)
        try checked(berth_result(Int64(lseek(standardInput.rawValue, 0, SEEK_SET))))
        let output = try Pipe()
        let errors = try Pipe()

        let pid = try spawn(
            path, [path] + arguments, environment, input: standardInput.rawValue, output: output.writeNumber,
            errors: errors.writeNumber)
        return try collect(
            pid: pid, output: output.keepReader(), errors: errors.keepReader(), limit: outputLimit, timeLimit: timeLimit
        )
    }

    private static func spawn(
        _ path: String, _ argv: [String], _ settings: [String], input: Int32, output: Int32, errors: Int32
    ) throws(Errno) -> Int32 {
        var pointers: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = settings.map { strdup($0) }
        pointers.append(nil)
        environment.append(nil)
        defer {
            for pointer in pointers { free(pointer) }
            for pointer in environment { free(pointer) }
        }
        return Int32(try checked(berth_spawn(path, pointers, environment, input, output, errors)))
    }

    private static func collect(
        pid: Int32, output: consuming FileDescriptor, errors: consuming FileDescriptor, limit: Int, timeLimit: Int
    ) throws(Errno) -> Result {
        let deadline = MonotonicClock.milliseconds() + Int64(timeLimit)
        var texts: [[UInt8]] = [[], []]
        var open = [true, true]
        let numbers = [output.rawValue, errors.rawValue]
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        var expired = false
        while open[0] || open[1] {
            let rest = deadline - MonotonicClock.milliseconds()
            if rest <= 0 {
                expired = true
                break
            }
            var polls = (0..<2).map { pollfd(fd: open[$0] ? numbers[$0] : -1, events: Int16(POLLIN), revents: 0) }
            let ready = poll(&polls, 2, Int32(clamping: rest))
            if ready < 0, errno != EINTR { break }
            if ready <= 0 { continue }
            for index in 0..<2 where polls[index].revents != 0 {
                let count = chunk.withUnsafeMutableBytes { Glibc.read(numbers[index], $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    open[index] = false
                } else {
                    texts[index].append(contentsOf: chunk[..<min(count, max(0, limit - texts[index].count))])
                }
            }
        }
        let status = try wait(for: pid, until: expired ? 0 : deadline)
        guard let status else { throw .timedOut }
        return Result(status: status, output: texts[0], errorOutput: texts[1])
    }

    /// Reaps the child; kills it first when it is still there at `deadline` (then nil).
    private static func wait(for pid: Int32, until deadline: Int64) throws(Errno) -> Int32? {
        var killed = false
        var status: Int32 = 0
        // The pidfd is only to wait with a limit; where there is none the wait has none either.
        if let pidfd = try? FileDescriptor(owning: Int32(checked(berth_pidfd_open(pid, 0)))) {
            let rest = max(0, deadline - MonotonicClock.milliseconds())
            let exited = (try? Poll.readable(pidfd.rawValue, milliseconds: Int32(clamping: rest))) ?? false
            if !exited {
                killed = true
                _ = kill(pid, SIGKILL)
            }
        }
        try checkedUninterrupted { berth_waitpid(pid, &status, 0) }
        if killed { return nil }
        return berth_wifexited(status) != 0 ? berth_wexitstatus(status) : 128 + berth_wtermsig(status)
    }
}

/// Both ends of a pipe, close-on-exec.
private struct Pipe: ~Copyable {
    private let reader: FileDescriptor
    private let writer: FileDescriptor

    init() throws(Errno) {
        var ends: [Int32] = [-1, -1]
        try checked(berth_result(Int64(pipe2(&ends, O_CLOEXEC))))
        reader = FileDescriptor(owning: ends[0])
        writer = FileDescriptor(owning: ends[1])
    }

    var writeNumber: Int32 { writer.rawValue }

    /// Closes the writing end, so that the reader sees the end when the child is gone.
    consuming func keepReader() -> FileDescriptor { reader }
}
