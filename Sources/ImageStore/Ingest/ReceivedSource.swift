import Archive
import Glibc
import LinuxKernel
import OCI

/// The bytes of a blob in one pass: first what an earlier attempt has left on disk, then what comes in, which is written
/// behind it. Never gives more bytes than the descriptor says.
final class ReceivedSource: ByteSource {
    private let partial: PartialBlob
    private let rest: any ByteSource
    private var position: Int64 = 0
    private var unchecked = 0
    /// The blob's place on disk begins to be written while the rest still comes in, so that the end waits for little.
    private var unwritten: Int64 = 0

    /// What comes in has failed: what is on disk is good as far as it goes.
    private(set) var wasInterrupted = false

    init(_ partial: PartialBlob, rest: any ByteSource) {
        self.partial = partial
        self.rest = rest
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        if position < partial.offset {
            let wanted = min(buffer.count, Int(min(partial.offset - position, Int64(Int.max))))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count: Int
            do throws(Errno) { count = try Files.read(partial.file.number, into: part, at: position) } catch {
                throw failure("read", error)
            }
            guard count > 0 else { throw failure("read", .ioError) }
            position += Int64(count)
            return count
        }
        let count: Int
        do throws(ArchiveError) { count = try rest.read(into: buffer) } catch {
            wasInterrupted = true
            throw error
        }
        guard count > 0 else {
            guard position == partial.descriptor.size else {
                wasInterrupted = true
                throw ArchiveError(
                    operation: "receive", object: "the archive",
                    cause: "it ended after \(position) of \(partial.descriptor.size) bytes")
            }
            return 0
        }
        guard Int64(count) <= partial.descriptor.size - position else {
            throw ArchiveError(
                operation: "receive", object: "the archive",
                cause: "it is longer than the \(partial.descriptor.size) bytes its manifest says")
        }
        do throws(Errno) { try store(UnsafeRawBufferPointer(rebasing: buffer[..<count])) } catch {
            throw failure("store", error)
        }
        return count
    }

    private func store(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        try Files.writeAll(partial.file.number, bytes, at: position)
        position += Int64(bytes.count)
        unchecked += bytes.count
        unwritten += Int64(bytes.count)
        if unwritten >= 8 << 20 {
            Files.beginWriteback(partial.file.number, from: position - unwritten, length: unwritten)
            unwritten = 0
        }
        if unchecked >= 32 << 20 {
            unchecked = 0
            try Files.requireSpace(partial.file.number, atLeast: 16 << 20)
        }
    }

    private func failure(_ operation: String, _ errno: Errno) -> ArchiveError {
        ArchiveError(
            operation: operation, object: "the archive", cause: "\(errno)",
            remedy: errno == .noSpace ? "free some space and try again" : "", errno: errno)
    }
}
