import CLinux
import Glibc

extension FileDescriptor {
    /// Reads at most `buffer.count` bytes (`read(2)`); 0 is the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try checkedUninterrupted { berth_result(Int64(Glibc.read(rawValue, buffer.baseAddress, buffer.count))) }
    }

    /// Reads until the end, refusing (EFBIG) more than `limit` bytes.
    public func readAll(limit: Int) throws(Errno) -> [UInt8] {
        var result = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = try checkedUninterrupted {
                chunk.withUnsafeMutableBytes { berth_result(Int64(Glibc.read(rawValue, $0.baseAddress, $0.count))) }
            }
            if count == 0 { return result }
            if result.count + count > limit { throw Errno(rawValue: EFBIG) }
            result.append(contentsOf: chunk[..<count])
            if count == chunk.count, chunk.count < 1 << 20 { chunk = [UInt8](repeating: 0, count: chunk.count * 4) }
        }
    }

    /// Writes everything, however many `write(2)` calls it takes.
    public func writeAll(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let count = try checkedUninterrupted { berth_result(Int64(Glibc.write(rawValue, part.baseAddress, part.count))) }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes everything, however many `write(2)` calls it takes.
    public func writeAll(_ bytes: [UInt8]) throws(Errno) {
        var failure: Errno?
        bytes.withUnsafeBytes { buffer in
            do throws(Errno) { try writeAll(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Exactly one `write(2)`: kernel files and message sockets take a value whole.
    @discardableResult
    public func writeOnce(_ bytes: [UInt8]) throws(Errno) -> Int {
        try checkedUninterrupted {
            bytes.withUnsafeBytes { berth_result(Int64(Glibc.write(rawValue, $0.baseAddress, $0.count))) }
        }
    }
}

/// Writes text to a descriptor number the process owns anyway (1, 2), ignoring a reader that has gone.
public func writeText(_ text: String, to number: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            StandardOutput.note(errno, number)
            return
        }
        rest = rest.dropFirst(count)
    }
}
