import LinuxKernel

/// Reads a tar archive as a stream: ustar, PAX with global headers, GNU long names and all sparse forms, base-256
/// numbers, the oldest form. Where readers differ it follows Go's, which every container tool uses. Memory is bounded:
/// a header beyond ``maximumHeaderSize`` is refused.
public final class TarReader {
    /// What stands at the end of an archive.
    public enum EndMarker: Sendable {
        /// Two blocks of zeros must be there: without them the file is cut short.
        case required
        /// The stream may end between two entries. For layers, whose digest tells whether they are whole.
        case optional
    }

    /// The longest extended header, long name or sparse map, in bytes.
    public static let maximumHeaderSize: Int64 = 1 << 20

    let input: InputBuffer
    private let endMarker: EndMarker
    private var block = [UInt8](repeating: 0, count: TarFields.blockSize)
    private var path = [UInt8]()
    /// Stored bytes of the present entry that were not handed out yet, and zero bytes behind them up to a block's end.
    private var remaining: Int64 = 0
    private var padding = 0
    private var handedOut = 0
    private var globals = [PaxRecords.Record]()
    private var ended = false

    /// Reads an uncompressed archive.
    public init(_ source: any ByteSource, endMarker: EndMarker = .optional) {
        input = (source as? InputBuffer) ?? InputBuffer(source)
        self.endMarker = endMarker
    }

    /// Bytes that were read from the source beyond what was handed out: after ``next()``, the entry's content begins so
    /// many bytes before the source's position.
    public var bufferedCount: Int64 { Int64(input.buffered) }

    /// The next entry; nil at the end of the archive. Content of the one before that was not read is passed over.
    ///
    /// - Throws: ``ArchiveError`` naming the entry: cut short, damaged, or saying something impossible.
    public func next() throws(ArchiveError) -> TarEntry? {
        if ended { return nil }
        try skipContent()
        var locals = [PaxRecords.Record]()
        var longPath: [UInt8]?
        var longTarget: [UInt8]?
        var special = false
        while true {
            guard try readHeaderBlock() else {
                guard !special else { throw .reading("it ends behind an extended header: the file is cut short") }
                ended = true
                return nil
            }
            do throws(TarProblem) {
                path = longPath ?? TarFields.string(block[0..<100])
                let header = try TarHeader(block: block)
                guard header.size >= 0 else { throw TarProblem("its size is negative") }
                switch header.type {
                case UInt8(ascii: "x"), UInt8(ascii: "X"):
                    let bytes = try readSpecial(header.size)
                    locals = try PaxRecords.parse(bytes)
                case UInt8(ascii: "g"):
                    let bytes = try readSpecial(header.size)
                    try setGlobals(try PaxRecords.parse(bytes))
                    continue
                case UInt8(ascii: "L"): longPath = TarFields.string(try readSpecial(header.size)[...])
                case UInt8(ascii: "K"): longTarget = TarFields.string(try readSpecial(header.size)[...])
                case UInt8(ascii: "V"): try skipSpecial(header.size)
                default:
                    return try entry(header, locals, longPath: longPath, longTarget: longTarget)
                }
                special = header.type != UInt8(ascii: "V")
            } catch {
                if let failure = pendingFailure {
                    pendingFailure = nil
                    throw failure
                }
                throw .entry(path, error.cause, operation: "read the entry")
            }
        }
    }

    /// The next piece of the present entry's stored content, at most `limit` bytes; empty at its end. The pointer is
    /// good until the next call on this reader.
    public func nextContent(limit: Int = .max) throws(ArchiveError) -> UnsafeRawBufferPointer {
        release()
        if remaining == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let bytes = try input.available(limit: Int(min(remaining, Int64(limit))))
        if bytes.isEmpty { throw cutShort() }
        handedOut = bytes.count
        return bytes
    }

    /// The rest of the present entry's content, refused beyond `limit` bytes.
    public func content(limit: Int64) throws(ArchiveError) -> [UInt8] {
        release()
        guard remaining <= limit else {
            throw .entry(
                path, "it has \(remaining) bytes, more than the \(limit) that are read", operation: "read the entry")
        }
        var result = [UInt8]()
        result.reserveCapacity(Int(remaining))
        while true {
            let bytes = try nextContent()
            if bytes.isEmpty { return result }
            result.append(contentsOf: bytes)
        }
    }

    // MARK: The stream

    /// A read error inside `next()`, where the typed `catch` knows only problems of the format.
    private var pendingFailure: ArchiveError?

    private func release() {
        input.consume(handedOut)
        remaining -= Int64(handedOut)
        handedOut = 0
    }

    private func cutShort() -> ArchiveError {
        .entry(path, "the archive ends inside it: the file is cut short", operation: "read the entry")
    }

    private func skipContent() throws(ArchiveError) {
        release()
        var left = remaining
        while left > 0 {
            let bytes = try input.available(limit: Int(min(left, Int64(InputBuffer.capacity))))
            if bytes.isEmpty { throw cutShort() }
            input.consume(bytes.count)
            left -= Int64(bytes.count)
        }
        remaining = 0
        // Some writers leave out the last block's padding when nothing follows; a header read then finds the end.
        let bytes = try input.peek(padding)
        if bytes.count < padding, endMarker == .required { throw cutShort() }
        input.consume(bytes.count)
        padding = 0
    }

    /// Reads a header into `block`; false at the end of the archive.
    private func readHeaderBlock() throws(ArchiveError) -> Bool {
        guard try readBlock() else {
            if endMarker == .required { throw .reading("its end marker is missing: the file is cut short") }
            return false
        }
        if block.allSatisfy({ $0 == 0 }) {
            // One block of zeros ends it too when nothing follows; followed by something else it is damage.
            guard try readBlock() else { return false }
            guard block.allSatisfy({ $0 == 0 }) else { throw .reading("a block of zeros stands between its entries") }
            return false
        }
        guard TarFields.hasValidChecksum(block) else {
            throw .reading("a header's checksum is wrong: this is no tar archive, or it is damaged")
        }
        return true
    }

    private func readBlock() throws(ArchiveError) -> Bool {
        let bytes = try input.peek(TarFields.blockSize)
        if bytes.isEmpty { return false }
        guard bytes.count == TarFields.blockSize else {
            throw .reading("it ends inside a header: the file is cut short")
        }
        block.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
        input.consume(bytes.count)
        return true
    }

    private func beginContent(_ size: Int64) {
        remaining = size
        padding = Int((512 - size % 512) % 512)
        handedOut = 0
    }

    private func readSpecial(_ size: Int64) throws(TarProblem) -> [UInt8] {
        guard size <= Self.maximumHeaderSize else {
            throw TarProblem(
                "an extended header has \(size) bytes, more than the \(Self.maximumHeaderSize) that are read")
        }
        do throws(ArchiveError) {
            beginContent(size)
            let bytes = try content(limit: size)
            try skipContent()
            return bytes
        } catch {
            pendingFailure = error
            throw TarProblem("")
        }
    }

    private func skipSpecial(_ size: Int64) throws(TarProblem) {
        do throws(ArchiveError) {
            beginContent(size)
            try skipContent()
        } catch {
            pendingFailure = error
            throw TarProblem("")
        }
    }

    // MARK: Headers

    private func setGlobals(_ records: [PaxRecords.Record]) throws(TarProblem) {
        guard records.count <= 1000 else { throw TarProblem("its global headers are too long") }
        for record in records {
            // One name or size for all entries makes no archive that anybody means.
            if [PathBytes("path"), "linkpath", "size"].contains(record.key)
                || record.key.bytes.starts(with: "GNU.sparse.".utf8)
            {
                throw TarProblem("a global header sets \(quoted(record.key.bytes)), which only an entry can have")
            }
            globals.removeAll { $0.key == record.key }
            if !record.value.isEmpty { globals.append(record) }
        }
        let total = globals.reduce(0) { $0 + $1.key.bytes.count + $1.value.count }
        guard total <= Self.maximumHeaderSize, globals.count <= 1000 else {
            throw TarProblem("its global headers are too long")
        }
    }

    private func entry(
        _ header: TarHeader, _ locals: [PaxRecords.Record], longPath: [UInt8]?, longTarget: [UInt8]?
    ) throws(TarProblem) -> TarEntry {
        var builder = TarEntryBuilder(header: header)
        if let longPath { builder.path = longPath }
        if let longTarget { builder.linkTarget = longTarget }
        for record in globals { try builder.apply(record) }
        for record in locals { try builder.apply(record) }
        path = builder.path
        var entry = try builder.entry()
        // Only regular files have content; a size on anything else counts for nothing (as in Go's reader).
        beginContent(entry.kind == .regular ? builder.size : 0)
        guard entry.kind == .regular else { return entry }
        if header.type == UInt8(ascii: "S") {
            let size = try TarFields.number(block[483..<495], "size")
            entry.segments = try SparseMap.validated(try oldSparseMap(), size: size, stored: builder.size)
            entry.size = size
        } else if builder.sparseMajor == 1 {
            let map = try dataSparseMap()
            let size = builder.sparseSize ?? 0
            entry.segments = try SparseMap.validated(map, size: size, stored: remaining)
            entry.size = size
        } else if let map = builder.sparseMap {
            let size = builder.sparseSize ?? builder.size
            entry.segments = try SparseMap.validated(map, size: size, stored: builder.size)
            entry.size = size
        }
        return entry
    }

    /// The old GNU form: four parts in the header, then extension blocks of 21 as long as a flag says so.
    private func oldSparseMap() throws(TarProblem) -> [TarEntry.Segment] {
        var segments = try SparseMap.oldEntries(block[386..<482])
        var more = block[482] != 0
        var blocks: Int64 = 0
        while more {
            blocks += 512
            guard blocks <= Self.maximumHeaderSize else { throw TarProblem("its sparse map is too long") }
            do throws(ArchiveError) {
                guard try readBlock() else { throw cutShort() }
            } catch {
                pendingFailure = error
                throw TarProblem("")
            }
            segments += try SparseMap.oldEntries(block[0..<504])
            more = block[504] != 0
        }
        return segments
    }

    /// Form 1.0: the map stands in front of the data as lines of decimal digits, filled up to a block.
    private func dataSparseMap() throws(TarProblem) -> [TarEntry.Segment] {
        var numbers = [Int64]()
        var line = [UInt8]()
        var wanted: Int64 = 1
        var read: Int64 = 0
        while Int64(numbers.count) < wanted {
            guard remaining >= 512 else { throw TarProblem("its sparse map is cut short") }
            do throws(ArchiveError) {
                guard try readBlock() else { throw cutShort() }
            } catch {
                pendingFailure = error
                throw TarProblem("")
            }
            remaining -= 512
            read += 512
            guard read <= Self.maximumHeaderSize else { throw TarProblem("its sparse map is too long") }
            for byte in block where Int64(numbers.count) < wanted {
                guard byte == 0x0A else {
                    guard line.count < 20 else {
                        throw TarProblem("its sparse map holds something that is not a number")
                    }
                    line.append(byte)
                    continue
                }
                let value = try SparseMap.number(line)
                line.removeAll(keepingCapacity: true)
                if numbers.isEmpty {
                    guard value <= Self.maximumHeaderSize else { throw TarProblem("its sparse map is too long") }
                    wanted = 1 + 2 * value
                }
                numbers.append(value)
            }
        }
        return try SparseMap.paired(Array(numbers.dropFirst()))
    }
}
