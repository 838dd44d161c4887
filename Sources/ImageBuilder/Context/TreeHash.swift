import Archive
import Glibc
import LinuxKernel
import OCI

/// Hashes of what COPY takes: names, kinds, modes, owners, link targets and contents, and no times.
struct TreeHash {
    let tree: SourceTree

    /// The hash of a selection with all that is in it.
    func add(_ selection: SourceTree.Selection, excludes: IgnoreRules, to hasher: KeyHasher) throws(BuildError) {
        hasher.add("selection")
        hasher.add(selection.name)
        hasher.add(selection.isMatch ? 1 : 0)
        let tree = self.tree
        var walk = TreeWalk(tree, excludes: excludes) { (entry) throws(BuildError) in
            hasher.add(Array(entry.relative.joined(separator: [47])))
            let status = entry.status
            hasher.add(UInt64(status.typeBits | status.permissions))
            hasher.add(tree.isContext ? 0 : UInt64(status.uid))
            hasher.add(tree.isContext ? 0 : UInt64(status.gid))
            switch status.kind {
            case .regular: hasher.add(try Self.content(entry, tree))
            case .symbolicLink:
                hasher.add(
                    try converting("read", SourceTree.text(entry.path)) { () throws(Errno) in
                        try Files.readLink(at: entry.directory, entry.name).bytes
                    })
            case .characterDevice, .blockDevice:
                hasher.add(UInt64(status.deviceNumber.major))
                hasher.add(UInt64(status.deviceNumber.minor))
            default: break
            }
            if !tree.isContext, status.kind != .symbolicLink {
                let names = (try? Files.extendedAttributeNames(at: entry.directory, entry.name)) ?? []
                for name in names.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) })
                where CopiedAttribute.isCopied(name) {
                    hasher.add(name.bytes)
                    hasher.add((try? Files.extendedAttribute(at: entry.directory, entry.name, name)) ?? [])
                }
            }
        }
        try walk.run(selection)
    }

    /// The hash of a file's bytes, from memory where it has not changed.
    private static func content(_ entry: WalkedEntry, _ tree: SourceTree) throws(BuildError) -> [UInt8] {
        if let known = tree.index?.digest(of: entry.status) { return known }
        let object = quote(SourceTree.text(entry.path))
        let file = try converting("read", object) { () throws(Errno) in
            try Files.open(at: entry.directory, entry.name, [.readOnly, .noFollow, .nonBlocking])
        }
        let before = try converting("read", object) { () throws(Errno) in try file.status() }
        guard before.kind == .regular else {
            throw BuildError(operation: "read", object: object, cause: "it changed meanwhile")
        }
        var hasher = StreamHasher()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count: Int
            do throws(Errno) { count = try file.read(into: buffer) } catch { throw .system(error, "read", object) }
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let digest = Array(hasher.digest().hex.utf8)
        let half = stride(from: 0, to: 64, by: 2).map { place -> UInt8 in
            func value(_ byte: UInt8) -> UInt8 { byte < 58 ? byte - 48 : byte - 87 }
            return value(digest[place]) << 4 | value(digest[place + 1])
        }
        tree.index?.remember(half, of: before)
        return half
    }
}

/// Attributes that a copy keeps; overlayfs's own are not content.
enum CopiedAttribute {
    static func isCopied(_ name: PathBytes) -> Bool {
        let bytes = name.bytes
        return bytes.elementsEqual("security.capability".utf8)
            || (bytes.starts(with: "user.".utf8) && !bytes.starts(with: "user.overlay.".utf8))
    }
}

/// Puts together what a step depends on. Each part has its length in front, so that no two lists give the same bytes.
final class KeyHasher {
    private var hasher = StreamHasher()
    private var buffer = [UInt8]()

    init(_ kind: String) { add(kind) }

    func add(_ bytes: [UInt8]) {
        add(UInt64(bytes.count))
        buffer += bytes
        if buffer.count > 1 << 14 { flush() }
    }

    func add(_ text: String) { add(Array(text.utf8)) }

    func add(_ number: UInt64) { withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) } }

    func add(_ words: [String]) {
        add(UInt64(words.count))
        for word in words { add(word) }
    }

    func add(_ word: String?) {
        add(word == nil ? 0 : 1)
        if let word { add(word) }
    }

    private func flush() {
        hasher.update(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    /// 64 hexadecimal digits.
    func key() -> String {
        flush()
        return hasher.digest().hex
    }
}
