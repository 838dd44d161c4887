import Archive
import CIsal
import Glibc

/// The fastest inflate that is installed, for programs that are linked dynamically.
public enum FastInflate {
    /// Makes every gzip stream that is read from now on go through it, where the library is installed.
    public static func install() {
        GzipInflater.prefer { input in IsalSource(input) }
    }
}

/// The uncompressed bytes of a gzip stream, by ISA-L.
final class IsalSource: ByteSource {
    private let input: InputBuffer
    private let decoder: UnsafeMutableRawPointer
    private var ended = false

    /// nil where the library is not installed.
    init?(_ input: InputBuffer) {
        guard let decoder = berth_isal_new() else { return nil }
        self.decoder = decoder
        self.input = input
    }

    deinit { free(decoder) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let room = min(buffer.count, 1 << 30)
        // What the decoder holds back comes out without further input.
        var wantsInput = false
        while !ended {
            let bytes = try input.available(limit: InputBuffer.capacity)
            if bytes.isEmpty, wantsInput { throw damaged("ends too early: the file is cut short") }
            var used = 0
            var made = 0
            let result = berth_isal_step(
                decoder, bytes.baseAddress, bytes.count, buffer.baseAddress, room, &used, &made)
            input.consume(used)
            switch result {
            case 1:
                if try input.startsNextGzipMember() { berth_isal_reset(decoder) } else { ended = true }
            case 0: wantsInput = made == 0 && used == bytes.count
            default: throw damaged("is damaged")
            }
            if made > 0 { return made }
            guard result == 1 || used > 0 || bytes.isEmpty else { throw damaged("is damaged") }
        }
        return 0
    }

    private func damaged(_ cause: String) -> ArchiveError {
        ArchiveError(operation: "read", object: "the archive", cause: "its gzip data \(cause)")
    }
}
