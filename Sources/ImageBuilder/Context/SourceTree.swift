import Glibc
import LinuxKernel

/// A tree that COPY and mounts take files from: the context, a stage, an image. Somebody else may have made it, so every
/// path is walked name by name from its root; links lead nowhere outside.
final class SourceTree {
    let root: SharedDescriptor
    /// What of it is not there for the build.
    let rules: IgnoreRules
    /// A context's files count as root's and have no further attributes.
    let isContext: Bool
    /// What messages call it.
    let name: String
    let index: ContentIndex?

    init(
        _ root: SharedDescriptor, name: String, rules: IgnoreRules = IgnoreRules(), isContext: Bool,
        index: ContentIndex? = nil
    ) {
        self.root = root
        self.name = name
        self.rules = rules
        self.isContext = isContext
        self.index = index
    }

    /// Something that a source of COPY names.
    struct Selection {
        /// Where it really is, links followed, below the root.
        var path: [[UInt8]]
        /// The last name as it was written: what a file is called at its destination.
        var name: [UInt8]
        var status: FileStatus
        /// A pattern found it.
        var isMatch: Bool
        /// For `--parents`: the directories above it, as written.
        var written: [[UInt8]]
    }

    /// What a source names, in order.
    ///
    /// - Throws: ``BuildError`` when a source without a pattern is not there.
    func select(_ source: String) throws(BuildError) -> [Selection] {
        var names = [[UInt8]]()
        for part in source.utf8.split(separator: 47) where !part.elementsEqual([46]) {
            // Above the root is the root.
            if part.elementsEqual([46, 46]) { _ = names.popLast() } else { names.append(Array(part)) }
        }
        guard names.contains(where: Self.isPattern) else {
            guard let found = try find(names), isThere(found.path, found.status) else {
                throw notFound(source, names)
            }
            return [
                Selection(
                    path: found.path, name: names.last ?? [], status: found.status, isMatch: false, written: names)
            ]
        }
        var result = [Selection]()
        try match(names[...], at: [], &result)
        return result
    }

    /// The file or directory of a name in which nothing is a pattern.
    func selectExactly(_ path: String) throws(BuildError) -> [Selection] {
        let names = path.utf8.split(separator: 47).map { Array($0) }
        guard let found = try find(names) else { throw notFound(path, names) }
        return [
            Selection(path: found.path, name: names.last ?? [], status: found.status, isMatch: false, written: names)
        ]
    }

    private func notFound(_ source: String, _ names: [[UInt8]]) -> BuildError {
        let isIgnored = !rules.isEmpty && rules.excludes(Array(names.joined(separator: [47])))
        return BuildError(
            operation: "copy", object: quote(source), cause: "not found in \(name)",
            remedy: isIgnored ? "the ignore file leaves it out" : "")
    }

    static func isPattern(_ name: [UInt8]) -> Bool { name.contains { $0 == 42 || $0 == 63 || $0 == 91 || $0 == 92 } }

    /// Whether a path is part of what the build sees: itself, or a directory with something taken back in.
    private func isThere(_ path: [[UInt8]], _ status: FileStatus) -> Bool {
        guard !rules.isEmpty, !path.isEmpty else { return true }
        var inherited = IgnoreRules.Inherited()
        var isExcluded = false
        for count in 1...path.count {
            (isExcluded, inherited) = rules.excludes(Array(path[..<count].joined(separator: [47])), in: inherited)
        }
        return !isExcluded || (status.kind == .directory && rules.mayInclude(below: inherited))
    }

    private func match(
        _ names: ArraySlice<[UInt8]>, at written: [[UInt8]], _ result: inout [Selection]
    ) throws(BuildError) {
        guard let first = names.first else {
            guard let found = try find(written), isThere(found.path, found.status) else { return }
            result.append(
                Selection(
                    path: found.path, name: written.last ?? [], status: found.status, isMatch: true, written: written))
            return
        }
        guard Self.isPattern(first) else { return try match(names.dropFirst(), at: written + [first], &result) }
        let pattern: PathPattern
        do throws(PatternError) { pattern = try PathPattern(first) } catch {
            throw BuildError(
                cause: "the pattern \(quote(String(decoding: first, as: UTF8.self))) is wrong: \(error.cause)")
        }
        guard let directory = try find(written), directory.status.kind == .directory else { return }
        let path = directory.path
        let entries = try converting("read", Self.text(path)) { () throws(Errno) in
            try open(path, [.readOnly, .directory]).directoryEntries()
        }
        for name in entries.map(\.name.bytes).sorted(by: { $0.lexicographicallyPrecedes($1) })
        where pattern.matches(name[...]) {
            try match(names.dropFirst(), at: written + [name], &result)
        }
    }

    /// Where a path really leads, links followed within the root; nil when nothing is there.
    func find(_ names: [[UInt8]]) throws(BuildError) -> (path: [[UInt8]], status: FileStatus)? {
        let (path, missing) = try follow(names)
        guard missing == 0 else { return nil }
        guard let last = path.last else {
            return (path, try converting("read", name) { () throws(Errno) in try Files.status(at: root.number, ".") })
        }
        guard let status = try look(Array(path.dropLast()), last) else { return nil }
        return (path, status)
    }

    /// Follows the links of a path within the root, also where its last names are not there yet.
    ///
    /// - Returns: a path without links and `..`, and how many of its last names are missing.
    func follow(_ names: [[UInt8]]) throws(BuildError) -> (path: [[UInt8]], missing: Int) {
        var open = Array(names.reversed())
        var path = [[UInt8]]()
        var links = 0
        var missing = 0
        while let next = open.popLast() {
            if next.elementsEqual([46, 46]) {
                _ = path.popLast()
                missing = max(0, missing - 1)
                continue
            }
            guard missing == 0, let found = try look(path, next) else {
                missing += 1
                path.append(next)
                continue
            }
            guard found.kind == .symbolicLink else {
                path.append(next)
                continue
            }
            links += 1
            guard links <= 40 else {
                throw BuildError(
                    operation: "follow", object: quote(Self.text(names)),
                    cause: "it leads through too many symbolic links")
            }
            let parent = path
            let target = try converting("follow", Self.text(path + [next])) { () throws(Errno) in
                let directory = try self.open(parent, [.pathOnly, .directory])
                return try Files.readLink(at: directory.rawValue, PathBytes(next)).bytes
            }
            if target.first == 47 { path = [] }
            for part in target.split(separator: 47).reversed() where !part.elementsEqual([46]) {
                open.append(Array(part))
            }
        }
        return (path, missing)
    }

    private func look(_ path: [[UInt8]], _ next: [UInt8]) throws(BuildError) -> FileStatus? {
        do throws(Errno) {
            let directory = try open(path, [.pathOnly, .directory])
            return try Files.status(at: directory.rawValue, PathBytes(next))
        } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw .system(error, "read", quote(Self.text(path + [next])))
        }
    }

    /// Opens a path that holds no links.
    func open(_ path: [[UInt8]], _ flags: OpenFlags) throws(Errno) -> FileDescriptor {
        guard !path.isEmpty else { return try Files.open(at: root.number, ".", flags) }
        return try Files.open(
            at: root.number, PathBytes(path.joined(separator: [47])), flags,
            resolve: [.beneath, .noSymbolicLinks, .noMagicLinks])
    }

    static func text(_ path: [[UInt8]]) -> String {
        "/" + String(decoding: Array(path.joined(separator: [47])), as: UTF8.self)
    }
}
