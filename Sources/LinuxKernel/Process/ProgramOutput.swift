import CLinux
import Glibc

/// What a helper program makes of a file: a decompressor's output, read while it runs. The program is ended with this object.
public final class ProgramOutput {
    private let reader: FileDescriptor
    private var pid: Int32?

    /// Starts `path`; it reads `input` from its present position and inherits nothing else.
    public init(_ path: String, _ arguments: [String], input: Int32) throws(Errno) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Errno(rawValue: errno) }
        reader = FileDescriptor(owning: ends[0])
        let writer = FileDescriptor(owning: ends[1])
        let nothing = try Files.open("/dev/null", .writeOnly)
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] =
            ChildProcess.standardEnvironment.map { strdup($0) } + [nil]
        defer {
            for word in words + settings { free(word) }
        }
        pid = Int32(
            try checked(berth_spawn(path, &words, &settings, input, writer.rawValue, nothing.rawValue)))
    }

    deinit {
        if let pid {
            _ = kill(pid, SIGKILL)
            var status: Int32 = 0
            _ = waitpid(pid, &status, 0)
        }
    }

    /// The next bytes; 0 at the end.
    ///
    /// - Throws: ``Errno``; `.ioError` when the program fails.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let count = try reader.read(into: buffer)
        if count == 0, let ended = pid {
            pid = nil
            var status: Int32 = 0
            try checkedUninterrupted { berth_waitpid(ended, &status, 0) }
            guard status == 0 else { throw .ioError }
        }
        return count
    }
}
