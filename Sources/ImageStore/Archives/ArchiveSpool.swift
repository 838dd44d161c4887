import Archive
import LinuxKernel
import OCI

/// An image archive taken apart: its files in a transaction's directory, each with its digest, found by the name it has in
/// the archive. The order of an archive is free, so what a file is for is known only when all have been seen.
struct ArchiveSpool {
    /// One file of the archive.
    struct File {
        /// Where it is, relative to the store; nil for a blob the store has already.
        var name: String?
        var digest: Digest
        var size: Int64
        var compression: Compression
    }

    private enum Item {
        case file(File)
        case link([String])
    }

    private var items = [[String]: Item]()
    private let transaction: Transaction

    /// An archive with more names is refused: the names are kept in memory.
    static let maximumItems = 100_000

    /// Takes a tar apart, compressed as a whole or not, in one pass. Files called after a digest (`blobs/sha256/…`) must
    /// have it.
    ///
    /// - Throws: ``ImageStoreError``: a damaged archive, one that is cut short, a blob whose digest is wrong, a full disk.
    init(_ archive: consuming FileDescriptor, _ transaction: Transaction, object: String) throws(ImageStoreError) {
        self.transaction = transaction
        do throws(ArchiveError) {
            let raw = InputBuffer(FileSource(archive))
            guard try !raw.peek(1).isEmpty else {
                throw ArchiveError(operation: "read", object: "the archive", cause: "it is empty")
            }
            let reader = TarReader(try raw.decompressed(), endMarker: .required)
            while let entry = try reader.next() { try add(entry, reader) }
            try raw.drain()
        } catch {
            throw ImageStoreError(error, operation: "load", object: object)
        }
    }

    private mutating func add(_ entry: TarEntry, _ reader: TarReader) throws(ArchiveError) {
        func refuse(_ cause: String) -> ArchiveError {
            ArchiveError(
                operation: "read", object: "the archive", cause: "\"\(printable(entry.path.description))\" \(cause)")
        }
        guard let path = Self.components(entry.path.description) else { throw refuse("leads out of it") }
        guard items.count < Self.maximumItems else { throw refuse("is one file too many") }
        switch entry.kind {
        case .directory: return
        case .regular:
            guard entry.segments == nil else { throw refuse("is a sparse file, which no image archive has") }
            items[path] = .file(try store(path, reader))
        case .symbolicLink:
            let text = entry.linkTarget.description
            let base = text.hasPrefix("/") ? [] : Array(path.dropLast())
            guard let target = Self.components((base + [text]).joined(separator: "/")) else {
                throw refuse("links out of it")
            }
            items[path] = .link(target)
        case .hardLink:
            guard let target = Self.components(entry.linkTarget.description) else { throw refuse("links out of it") }
            items[path] = .link(target)
        case .fifo, .characterDevice, .blockDevice: throw refuse("is neither a file nor a directory")
        }
    }

    private func store(_ path: [String], _ reader: TarReader) throws(ArchiveError) -> File {
        var promised: Digest?
        if path.count == 3, path[0] == "blobs", let algorithm = Digest.Algorithm(rawValue: path[1]) {
            guard let digest = Digest(algorithm: algorithm, hex: path[2]) else {
                throw ArchiveError(
                    operation: "read", object: "the archive",
                    cause: "\"\(printable(path[2]))\" is no \(algorithm.rawValue) digest, but the name of a blob")
            }
            promised = digest
        }
        let hashing: HashingSource
        var name: String?
        do throws(Errno) {
            if let promised, try transaction.pin(.blob(promised)) {
                hashing = HashingSource(TarContentSource(reader), algorithm: promised.algorithm)
            } else {
                let new = transaction.newName("file")
                hashing = HashingSource(
                    TarContentSource(reader), algorithm: promised?.algorithm ?? .sha256,
                    copyingTo: try transaction.makeFile(new))
                name = new
            }
        } catch {
            throw ArchiveError(operation: "store", object: "the archive", cause: "\(error)", errno: error)
        }
        let buffer = InputBuffer(hashing)
        let compression = try buffer.compression()
        try buffer.drain()
        let digest = hashing.digest
        if let promised, promised != digest {
            throw ArchiveError(
                operation: "read", object: "the archive",
                cause: "the digest of a blob should be \(promised) but is \(digest)")
        }
        return File(name: name, digest: digest, size: hashing.count, compression: compression)
    }

    // MARK: Looking things up

    /// The components of a name in an archive; nil when it leads out.
    private static func components(_ path: String) -> [String]? {
        var result = [String]()
        for part in path.split(separator: "/") where part != "." {
            if part == ".." {
                guard result.popLast() != nil else { return nil }
            } else {
                result.append(String(part))
            }
        }
        return result
    }

    /// The file of a name, links followed: older `docker save` stores a layer that two images share once, and links to it.
    func file(_ path: String) -> File? {
        guard var components = Self.components(path) else { return nil }
        for _ in 0..<16 {
            switch items[components] {
            case .file(let file): return file
            case .link(let target): components = target
            case nil: return nil
            }
        }
        return nil
    }

    /// Declares that a blob of the store is needed, and says whether it is there.
    func pin(_ digest: Digest) throws(Errno) -> Bool { try transaction.pin(.blob(digest)) }

    /// The file that is the blob of a digest. A link of a blob's name may lead to any file: it counts only if the digest
    /// is right.
    func blob(_ digest: Digest) -> File? {
        guard let file = file(blobPath(digest)), file.digest == digest else { return nil }
        return file
    }

    /// A small file's bytes, nil when the archive has none of this name.
    func bytes(_ path: String, limit: Int) throws(ImageStoreError) -> [UInt8]? {
        guard let file = file(path) else { return nil }
        return try bytes(file, path, limit: limit)
    }

    /// A small file's bytes.
    func bytes(_ file: File, _ path: String, limit: Int) throws(ImageStoreError) -> [UInt8] {
        guard file.size <= Int64(limit) else {
            throw .invalid(
                "load", "the archive",
                "\"\(printable(path))\" has \(file.size) bytes, more than the \(limit) that are read")
        }
        do throws(Errno) {
            return try Files.read(at: transaction.root.number, file.name ?? blobPath(file.digest), limit: limit)
        } catch {
            throw .system(error, "load", "the archive")
        }
    }
}
