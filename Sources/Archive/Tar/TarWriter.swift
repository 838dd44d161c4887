import LinuxKernel

/// Something bytes are written to.
public protocol ByteSink: AnyObject {
    /// Takes all of the bytes.
    func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError)
}

extension ByteSink {
    /// Takes all of the bytes.
    public func write(_ bytes: [UInt8]) throws(ArchiveError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        try write(UnsafeRawBufferPointer(rebasing: buffer[..<bytes.count]))
    }
}

/// Bytes collected in memory.
public final class MemorySink: ByteSink {
    /// What was written.
    public private(set) var bytes = [UInt8]()
    /// Makes one of its parts.
    public init() {}
    /// See ``ByteSink``.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) { self.bytes.append(contentsOf: bytes) }
}

/// An open file or pipe.
public final class FileSink: ByteSink {
    private let file: FileDescriptor
    /// Takes over the descriptor and writes at its present position.
    public init(_ file: consuming FileDescriptor) { self.file = file }
    /// See ``ByteSink``.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        do throws(Errno) { try file.writeAll(bytes) } catch {
            throw ArchiveError(operation: "write", object: "the archive", cause: "\(error)", errno: error)
        }
    }
}

/// Writes a tar archive: ustar headers, with a PAX extended header only where ustar cannot say it. The same entries give
/// the same bytes.
public final class TarWriter {
    private let sink: any ByteSink
    private var remaining: Int64 = 0
    private var padding = 0

    /// Writes to a sink.
    public init(_ sink: any ByteSink) { self.sink = sink }

    /// Starts an entry. A regular file's content, exactly `entry.size` bytes, follows through ``writeContent(_:)``.
    /// Holes of sparse files are not kept: the content is written in full.
    public func begin(_ entry: TarEntry) throws(ArchiveError) {
        try finishEntry()
        var records = [PaxRecords.Record]()
        let header = block(entry, records: &records)
        if !records.isEmpty {
            let bytes = records.reduce(into: [UInt8]()) { $0 += Self.encode($1) }
            var extended = TarEntry(path: "PaxHeaders/x", kind: .regular, size: Int64(bytes.count))
            extended.mode = 0o644
            var none = [PaxRecords.Record]()
            try sink.write(block(extended, type: UInt8(ascii: "x"), records: &none))
            try sink.write(bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512))
        }
        try sink.write(header)
        remaining = entry.kind == .regular ? entry.size : 0
        padding = Int((512 - remaining % 512) % 512)
    }

    /// A part of the present entry's content.
    public func writeContent(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        guard Int64(bytes.count) <= remaining else { throw wrongSize("more") }
        remaining -= Int64(bytes.count)
        try sink.write(bytes)
    }

    /// An entry with its whole content.
    public func write(_ entry: TarEntry, content: [UInt8] = []) throws(ArchiveError) {
        var entry = entry
        if entry.kind == .regular { entry.size = Int64(content.count) }
        try begin(entry)
        if entry.kind == .regular {
            remaining = 0
            try sink.write(content)
        }
    }

    /// Ends the archive with its two blocks of zeros.
    public func finish() throws(ArchiveError) {
        try finishEntry()
        try sink.write([UInt8](repeating: 0, count: 1024))
    }

    private func finishEntry() throws(ArchiveError) {
        guard remaining == 0 else { throw wrongSize("less") }
        if padding > 0 { try sink.write([UInt8](repeating: 0, count: padding)) }
        padding = 0
    }

    private func wrongSize(_ word: String) -> ArchiveError {
        ArchiveError(
            operation: "write", object: "the archive", cause: "an entry's content is \(word) than its size says")
    }

    // MARK: Headers

    /// `LENGTH KEY=VALUE\n`, where the length counts itself.
    static func encode(_ record: PaxRecords.Record) -> [UInt8] {
        let rest = [0x20] + record.key.bytes + [UInt8(ascii: "=")] + record.value + [0x0A]
        var length = rest.count + 1
        while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
        return Array(String(length).utf8) + rest
    }

    private func block(
        _ entry: TarEntry, type given: UInt8? = nil, records: inout [PaxRecords.Record]
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Collection<UInt8>, at offset: Int, _ width: Int) {
            for (index, byte) in bytes.prefix(width).enumerated() { block[offset + index] = byte }
        }
        func put(_ number: Int64, at offset: Int, _ width: Int, key: PathBytes?) {
            let digits = String(number, radix: 8)
            if number >= 0, digits.utf8.count < width {
                put((String(repeating: "0", count: width - 1 - digits.utf8.count) + digits).utf8, at: offset, width)
            } else {
                put(String(repeating: "0", count: width - 1).utf8, at: offset, width)
                if let key { records.append((key, Array(String(number).utf8))) }
            }
        }
        let (prefix, name) = Self.split(entry.path.bytes)
        if let name {
            put(name, at: 0, 100)
            put(prefix, at: 345, 155)
        } else {
            records.append(("path", entry.path.bytes))
            put(entry.path.bytes, at: 0, 100)
        }
        if entry.linkTarget.bytes.count > 100 || !entry.linkTarget.bytes.allSatisfy({ $0 < 0x80 }) {
            records.append(("linkpath", entry.linkTarget.bytes))
        }
        put(entry.linkTarget.bytes, at: 157, 100)
        put(Int64(entry.mode & 0o7777), at: 100, 8, key: nil)
        put(Int64(entry.uid), at: 108, 8, key: "uid")
        put(Int64(entry.gid), at: 116, 8, key: "gid")
        put(entry.kind == .regular ? entry.size : 0, at: 124, 12, key: "size")
        let time = entry.modificationTime
        if time.nanoseconds != 0 || time.seconds < 0 {
            records.append(("mtime", Array(Self.decimal(time).utf8)))
            put(max(0, time.seconds), at: 136, 12, key: nil)
        } else {
            put(time.seconds, at: 136, 12, key: "mtime")
        }
        var device: (UInt32, UInt32) = (0, 0)
        let type: UInt8
        switch entry.kind {
        case .regular: type = UInt8(ascii: "0")
        case .hardLink: type = UInt8(ascii: "1")
        case .symbolicLink: type = UInt8(ascii: "2")
        case .characterDevice(let major, let minor): (type, device) = (UInt8(ascii: "3"), (major, minor))
        case .blockDevice(let major, let minor): (type, device) = (UInt8(ascii: "4"), (major, minor))
        case .directory: type = UInt8(ascii: "5")
        case .fifo: type = UInt8(ascii: "6")
        }
        block[156] = given ?? type
        put("ustar\0".utf8, at: 257, 6)
        put("00".utf8, at: 263, 2)
        put(Int64(device.0), at: 329, 8, key: nil)
        put(Int64(device.1), at: 337, 8, key: nil)
        for attribute in entry.attributes {
            records.append((PathBytes(Array("SCHILY.xattr.".utf8) + attribute.name.bytes), attribute.value))
        }
        put("        ".utf8, at: 148, 8)
        let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
        put((String(repeating: "0", count: 6 - sum.utf8.count) + sum + "\0 ").utf8, at: 148, 8)
        return block
    }

    /// A time as a PAX record writes it.
    private static func decimal(_ time: TarEntry.Time) -> String {
        var seconds = time.seconds.magnitude
        var nanoseconds = time.nanoseconds
        let sign = time.seconds < 0 ? "-" : ""
        if time.seconds < 0, nanoseconds > 0 {
            seconds -= 1
            nanoseconds = 1_000_000_000 - nanoseconds
        }
        if nanoseconds == 0 { return "\(sign)\(seconds)" }
        let digits = String(nanoseconds)
        var fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while fraction.last == "0" { fraction.removeLast() }
        return "\(sign)\(seconds).\(fraction)"
    }

    /// A name as ustar's prefix and name; no name when it fits neither way or is not plain ASCII.
    private static func split(_ path: [UInt8]) -> (prefix: ArraySlice<UInt8>, name: ArraySlice<UInt8>?) {
        guard path.allSatisfy({ $0 < 0x80 }) else { return ([], nil) }
        if path.count <= 100 { return ([], path[...]) }
        // The last slash that leaves at most 155 bytes before it and 1 to 100 behind it.
        let last = path.count - 1
        var index = min(155, last - 1)
        while index > 0, index >= path.count - 101 {
            if path[index] == UInt8(ascii: "/") { return (path[..<index], path[(index + 1)...]) }
            index -= 1
        }
        return ([], nil)
    }
}
