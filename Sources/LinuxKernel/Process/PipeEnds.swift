import CLinux
import Glibc

/// A pipe (`pipe2(2)`), both ends close-on-exec.
@frozen
public struct PipeEnds: ~Copyable {
    public let readEnd: FileDescriptor
    public let writeEnd: FileDescriptor

    /// Makes a pipe.
    public init() throws(Errno) {
        var numbers: [Int32] = [-1, -1]
        try checked(berth_result(Int64(pipe2(&numbers, O_CLOEXEC))))
        readEnd = FileDescriptor(owning: numbers[0])
        writeEnd = FileDescriptor(owning: numbers[1])
    }

    /// Whether a descriptor is a pipe or a fifo.
    public static func isPipe(_ number: Int32) -> Bool {
        var raw = stat()
        return fstat(number, &raw) == 0 && raw.st_mode & S_IFMT == S_IFIFO
    }
}
