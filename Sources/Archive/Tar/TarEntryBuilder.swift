import LinuxKernel

/// Puts an entry together from a header block and the extended records before it.
struct TarEntryBuilder {
    var path: [UInt8]
    var linkTarget: [UInt8]
    /// Bytes the archive stores for it, if it has content at all.
    var size: Int64
    /// The three numbers of a sparse file's extended header.
    var sparseMajor: Int64?
    var sparseSize: Int64?
    var sparseMap: [TarEntry.Segment]?

    private let header: TarHeader
    private var uid: Int64
    private var gid: Int64
    private var time: TarEntry.Time
    private var attributes = [TarEntry.Attribute]()
    private var sparsePath: [UInt8]?
    private var sparseOffset: Int64?

    init(header: TarHeader) {
        self.header = header
        path = header.path
        linkTarget = header.linkTarget
        size = header.size
        uid = header.uid
        gid = header.gid
        time = TarEntry.Time(seconds: header.seconds)
    }

    /// Applies one record. An empty value takes an earlier one's effect away: the header's own value counts.
    mutating func apply(_ record: PaxRecords.Record) throws(TarProblem) {
        let value = record.value
        switch record.key {
        case "path": path = value.isEmpty ? header.path : try text(value, "name")
        case "linkpath": linkTarget = value.isEmpty ? header.linkTarget : try text(value, "link target")
        case "size":
            size = value.isEmpty ? header.size : try PaxRecords.integer(value, "size")
            guard size >= 0 else { throw TarProblem("its size is negative") }
        case "uid": uid = value.isEmpty ? header.uid : try PaxRecords.integer(value, "user id")
        case "gid": gid = value.isEmpty ? header.gid : try PaxRecords.integer(value, "group id")
        case "mtime":
            time = value.isEmpty ? TarEntry.Time(seconds: header.seconds) : try PaxRecords.time(value)
        case "GNU.sparse.major": sparseMajor = try PaxRecords.integer(value, "sparse form")
        case "GNU.sparse.minor", "GNU.sparse.numblocks": break
        case "GNU.sparse.name": sparsePath = try text(value, "name")
        case "GNU.sparse.size", "GNU.sparse.realsize": sparseSize = try SparseMap.number(value)
        case "GNU.sparse.map": sparseMap = try SparseMap.pairs(value)
        case "GNU.sparse.offset": sparseOffset = try SparseMap.number(value)
        case "GNU.sparse.numbytes":
            // Form 0.0: offset and length alternate, each pair one part.
            guard let offset = sparseOffset else { throw TarProblem("its sparse map lacks a number") }
            sparseMap = sparseMap ?? []
            sparseMap?.append(TarEntry.Segment(offset: offset, length: try SparseMap.number(value)))
            sparseOffset = nil
        default: try addAttribute(record)
        }
    }

    private mutating func addAttribute(_ record: PaxRecords.Record) throws(TarProblem) {
        let prefix = Array("SCHILY.xattr.".utf8)
        guard record.key.bytes.starts(with: prefix), record.key.bytes.count > prefix.count else { return }
        let name = PathBytes(record.key.bytes.dropFirst(prefix.count))
        attributes.removeAll { $0.name == name }
        guard attributes.count < 1000 else { throw TarProblem("it has more than 1,000 extended attributes") }
        attributes.append(TarEntry.Attribute(name: name, value: record.value))
    }

    private func text(_ value: [UInt8], _ what: String) throws(TarProblem) -> [UInt8] {
        guard !value.contains(0) else { throw TarProblem("its \(what) in the PAX header holds a zero byte") }
        return value
    }

    /// The finished entry; size and map of a sparse file are the reader's to fill in.
    func entry() throws(TarProblem) -> TarEntry {
        var entry = TarEntry(
            path: PathBytes(sparsePath ?? path), kind: try kind(), mode: header.mode, uid: try id(uid, "user id"),
            gid: try id(gid, "group id"), modificationTime: time, attributes: attributes)
        guard !entry.path.bytes.isEmpty else { throw TarProblem("it has no name") }
        switch entry.kind {
        case .regular: entry.size = size
        case .hardLink, .symbolicLink:
            guard !linkTarget.isEmpty else { throw TarProblem("it is a link to nothing") }
            entry.linkTarget = PathBytes(linkTarget)
        default: break
        }
        return entry
    }

    private func kind() throws(TarProblem) -> TarEntry.Kind {
        switch header.type {
        case UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"): return .regular
        // The oldest form marks directories by the slash alone.
        case 0: return path.last == UInt8(ascii: "/") ? .directory : .regular
        case UInt8(ascii: "1"): return .hardLink
        case UInt8(ascii: "2"): return .symbolicLink
        case UInt8(ascii: "3"):
            let (major, minor) = try device()
            return .characterDevice(major: major, minor: minor)
        case UInt8(ascii: "4"):
            let (major, minor) = try device()
            return .blockDevice(major: major, minor: minor)
        case UInt8(ascii: "5"): return .directory
        case UInt8(ascii: "6"): return .fifo
        case let other: throw TarProblem("its type \(quoted([other])) is not known")
        }
    }

    /// Linux has 12 bits for the major number and 20 for the minor; more would wrap to another device.
    private func device() throws(TarProblem) -> (UInt32, UInt32) {
        guard (0..<4096).contains(header.major), (0..<1_048_576).contains(header.minor) else {
            throw TarProblem("its device number \(header.major):\(header.minor) does not exist")
        }
        return (UInt32(header.major), UInt32(header.minor))
    }

    /// 2^32 - 1 means "no change" to `chown(2)`, so it is nobody's id.
    private func id(_ value: Int64, _ name: String) throws(TarProblem) -> UInt32 {
        guard (0..<4_294_967_295).contains(value) else { throw TarProblem("its \(name) \(value) does not exist") }
        return UInt32(value)
    }
}
