import CLinux
import Glibc

/// Writes the text "0" to a descriptor number, without allocating: for a child between clone and exec that moves itself
/// into a control group. The result is that of a `berth_` function.
public func writeZero(to number: Int32) -> Int64 {
    var byte: UInt8 = 48
    return berth_result(Int64(Glibc.write(number, &byte, 1)))
}

extension FileDescriptor {
    /// Goes back to the file's start (`lseek(2)`).
    public func rewind() throws(Errno) { try checked(berth_result(Int64(lseek(rawValue, 0, SEEK_SET)))) }
}
