import Archive
import Glibc
import LinuxKernel

/// Bytes that a program decompresses: for the kinds that are too rare to have code of their own here.
final class HelperDecompression: ByteSource {
    private let output: ProgramOutput
    private let program: String

    /// Decompresses a file from its start; nil when the kind needs no program.
    ///
    /// - Throws: ``ArchiveError`` when the program is not installed.
    init?(_ kind: Compression, _ file: borrowing FileDescriptor) throws(ArchiveError) {
        guard kind == .xz || kind == .bzip2 else { return nil }
        program = kind.rawValue
        guard let path = ChildProcess.find(program) else {
            throw ArchiveError(
                operation: "unpack", object: "the archive",
                cause: "it is compressed with \(program), and the program \(program) is not installed",
                remedy: "install it, or compress the archive with gzip or zstd")
        }
        _ = lseek(file.rawValue, 0, SEEK_SET)
        do throws(Errno) {
            output = try ProgramOutput(path, ["--decompress", "--stdout"], input: file.rawValue)
        } catch {
            throw ArchiveError(operation: "run", object: program, cause: "\(error)", errno: error)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        do throws(Errno) { return try output.read(into: buffer) } catch {
            throw ArchiveError(
                operation: "unpack", object: "the archive", cause: "\(program) finds it damaged", errno: error)
        }
    }
}
