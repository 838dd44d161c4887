import LinuxKernel

/// The tar of a built layer, streamed from its tree and the record of its headers.
public final class RecordedTarSource: ByteSource {
    private let record: TarRecordReader
    private let root: FileDescriptor
    private var header = [UInt8]()
    private var position = 0
    private var content: FileSource?
    private var remaining: Int64 = 0
    private var padding = 0
    private let isStrict: Bool
    private var name = [UInt8]()

    /// - Parameters:
    ///   - record: the record's bytes.
    ///   - root: the layer's tree.
    ///   - isStrict: a file of another length than the record says is an error; otherwise (the tree is in use while it
    ///     is read) it is cut, or filled up with zeros.
    public init(
        record: any ByteSource, root: consuming FileDescriptor, isStrict: Bool = true
    ) throws(ArchiveError) {
        self.record = try TarRecordReader(record)
        self.root = root
        self.isStrict = isStrict
    }

    /// See ``ByteSource``.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        var done = 0
        while done < buffer.count {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            if position < header.count {
                let count = min(room.count, header.count - position)
                room.copyBytes(from: header[position..<(position + count)])
                position += count
                done += count
            } else if remaining > 0 {
                done += try readContent(
                    into: UnsafeMutableRawBufferPointer(rebasing: room.prefix(Int(min(Int64(room.count), remaining)))))
            } else if padding > 0 {
                let count = min(room.count, padding)
                room.prefix(count).copyBytes(from: repeatElement(0, count: count))
                padding -= count
                done += count
            } else if try !advance() {
                break
            }
        }
        return done
    }

    private func readContent(into room: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        var count = 0
        if let content { count = try content.read(into: room) }
        if count == 0 {
            guard !isStrict else { throw .entry(name, "it is shorter than the layer's record says", operation: "read") }
            content = nil
            count = room.count
            room.copyBytes(from: repeatElement(0, count: count))
        }
        remaining -= Int64(count)
        return count
    }

    private func advance() throws(ArchiveError) -> Bool {
        content = nil
        guard let item = try record.next() else { return false }
        header = item.header
        position = 0
        remaining = item.size
        padding = Int((512 - item.size % 512) % 512)
        name = item.path
        if item.size > 0 {
            do throws(Errno) {
                let file = try Files.open(
                    at: root.rawValue, PathBytes(item.path), [.readOnly, .noFollow, .nonBlocking],
                    resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
                guard try file.status().kind == .regular else { throw .invalidArgument }
                content = FileSource(file)
            } catch {
                if isStrict || error != .noSuchFile { throw .entry(item.path, error, doing: "it cannot be read") }
            }
        }
        return true
    }
}
