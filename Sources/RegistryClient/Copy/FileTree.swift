import Archive
import ImageStore
import LinuxKernel
import OCI

/// Files by relative name: a directory, or a tar archive.
public protocol FileTree: Sendable {
    /// A regular file; nil when there is none of that name.
    func file(_ name: String) throws(RegistryError) -> BlobFile?
    /// For messages.
    var shown: String { get }
}

extension FileTree {
    /// A whole small file.
    func bytes(_ name: String, limit: Int) throws(RegistryError) -> [UInt8]? {
        guard let file = try file(name) else { return nil }
        guard file.size <= limit else {
            throw RegistryError(
                .invalidContent, operation: "read", object: "\(name) of \(shown)",
                cause: "it has \(file.size) bytes, more than the \(limit) that are read")
        }
        var result = [UInt8](repeating: 0, count: Int(file.size))
        var done = 0
        while done < result.count {
            let count: Int
            do throws(Errno) {
                count = try Self.read(file, &result, done)
            } catch {
                throw RegistryError(.store, operation: "read", object: "\(name) of \(shown)", cause: "\(error)")
            }
            guard count > 0 else {
                throw RegistryError(
                    .invalidContent, operation: "read", object: "\(name) of \(shown)", cause: "it became shorter")
            }
            done += count
        }
        return result
    }

    private static func read(_ file: BlobFile, _ bytes: inout [UInt8], _ done: Int) throws(Errno) -> Int {
        var failure: Errno?
        let count = bytes.withUnsafeMutableBytes { space -> Int in
            do throws(Errno) {
                return try Files.read(
                    file.file.number, into: UnsafeMutableRawBufferPointer(rebasing: space[done...]),
                    at: file.offset + Int64(done))
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return count
    }
}

/// A directory.
struct DirectoryTree: FileTree {
    let shown: String
    private let directory: SharedDescriptor

    init(_ path: String) throws(RegistryError) {
        shown = path
        do throws(Errno) { directory = SharedDescriptor(try Files.open(path, [.readOnly, .directory])) } catch {
            throw RegistryError(.notFound, operation: "read", object: path, cause: "\(error)")
        }
    }

    func file(_ name: String) throws(RegistryError) -> BlobFile? {
        do throws(Errno) {
            let file = try Files.open(
                at: directory.number, name, [.readOnly, .nonBlocking], resolve: [.beneath, .noMagicLinks])
            let status = try file.status()
            guard status.kind == .regular else { return nil }
            return BlobFile(file: SharedDescriptor(file), size: status.size)
        } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw RegistryError(.store, operation: "read", object: "\(name) of \(shown)", cause: "\(error)")
        }
    }
}

/// A tar archive, read through once to learn where its files are.
struct TarTree: FileTree {
    let shown: String
    private let archive: SharedDescriptor
    private let places: [String: (offset: Int64, size: Int64)]

    /// Reads the archive at a path; one that is compressed as a whole is unpacked into a nameless file first. Blocks.
    init(path: String, scratch: String) throws {
        let file: FileDescriptor
        do throws(Errno) { file = try Files.open(path, .readOnly) } catch {
            throw RegistryError(.notFound, operation: "read", object: path, cause: "\(error)")
        }
        try self.init(SharedDescriptor(file), shown: path, scratch: scratch)
    }

    init(_ file: SharedDescriptor, shown: String, scratch: String) throws {
        self.shown = shown
        do {
            let head = InputBuffer(PositionedSource(file))
            if try head.compression() == .none {
                archive = file
            } else {
                archive = try ScratchFile.make(in: scratch)
                try ScratchFile.copy(try head.decompressed(), to: archive)
            }
            places = try Self.list(archive)
        } catch let error as ArchiveError {
            throw RegistryError(.invalidContent, operation: "read", object: shown, cause: error.cause)
        }
    }

    private static func list(_ archive: SharedDescriptor) throws -> [String: (offset: Int64, size: Int64)] {
        let source = PositionedSource(archive)
        let counting = CountingSource(source)
        let reader = TarReader(counting)
        var places = [String: (offset: Int64, size: Int64)]()
        var links = [(name: String, target: String)]()
        while let entry = try reader.next() {
            let name = clean(entry.path.description)
            switch entry.kind {
            case .regular where entry.segments == nil:
                // What the reader has read ahead is not passed yet.
                places[name] = (counting.count - reader.bufferedCount, entry.size)
            case .hardLink: links.append((name, clean(entry.linkTarget.description)))
            case .symbolicLink:
                let folder = PathText.names(name).dropLast().joined(separator: "/")
                links.append((name, clean(folder.isEmpty ? "\(entry.linkTarget)" : "\(folder)/\(entry.linkTarget)")))
            default: continue
            }
            guard places.count <= 100_000 else {
                throw ArchiveError(operation: "read", object: "the archive", cause: "it has more than 100,000 files")
            }
        }
        // Docker's old archives link a layer that comes twice.
        for link in links where places[link.name] == nil { places[link.name] = places[link.target] }
        return places
    }

    /// A name without `.`, `..` and doubled slashes.
    private static func clean(_ name: String) -> String {
        var result = [String]()
        for part in PathText.names(name) where part != "." {
            if part == ".." { _ = result.popLast() } else { result.append(part) }
        }
        return result.joined(separator: "/")
    }

    func file(_ name: String) throws(RegistryError) -> BlobFile? {
        places[Self.clean(name)].map { BlobFile(file: archive, offset: $0.offset, size: $0.size) }
    }
}

/// The bytes of a part of an open file, by position: several may read one file.
final class PositionedSource: ByteSource {
    private let file: SharedDescriptor
    private var position: Int64
    private let end: Int64

    init(_ file: SharedDescriptor) {
        self.file = file
        position = 0
        end = .max
    }

    init(_ blob: BlobFile) {
        file = blob.file
        position = blob.offset
        end = blob.offset + blob.size
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let wanted = Int(min(Int64(buffer.count), end - position))
        guard wanted > 0 else { return 0 }
        do throws(Errno) {
            let count = try Files.read(
                file.number, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
            position += Int64(count)
            return count
        } catch {
            throw ArchiveError(operation: "read", object: "the archive", cause: "\(error)", errno: error)
        }
    }
}

/// Counts what passes.
final class CountingSource: ByteSource {
    private let source: any ByteSource
    private(set) var count: Int64 = 0

    init(_ source: any ByteSource) { self.source = source }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        let got = try source.read(into: buffer)
        count += Int64(got)
        return got
    }
}
